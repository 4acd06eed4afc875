-- 0001
CREATE TABLE alembic_version ( version_num VARCHAR(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num) );
CREATE TABLE users ( id SERIAL NOT NULL, username TEXT NOT NULL, username_folded TEXT NOT NULL, email TEXT, email_folded TEXT, password_hash TEXT NOT NULL, active BOOLEAN NOT NULL, created_at TIMESTAMP WITH TIME ZONE NOT NULL, updated_at TIMESTAMP WITH TIME ZONE NOT NULL, CONSTRAINT pk_users PRIMARY KEY (id), CONSTRAINT uq_users_username_folded UNIQUE (username_folded), CONSTRAINT uq_users_email_folded UNIQUE (email_folded), CONSTRAINT ck_users_username_not_empty CHECK (username <> ''), CONSTRAINT ck_users_email_not_empty CHECK (email <> ''), CONSTRAINT ck_users_email_and_folded_agree CHECK ((email IS NULL) = (email_folded IS NULL)) );
CREATE TABLE roles ( id SERIAL NOT NULL, name TEXT NOT NULL, CONSTRAINT pk_roles PRIMARY KEY (id), CONSTRAINT uq_roles_name UNIQUE (name), CONSTRAINT ck_roles_name_not_empty CHECK (name <> '') );
CREATE TABLE user_roles ( user_id INTEGER NOT NULL, role_id INTEGER NOT NULL, CONSTRAINT pk_user_roles PRIMARY KEY (user_id, role_id), CONSTRAINT fk_user_roles_user_id FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE, CONSTRAINT fk_user_roles_role_id FOREIGN KEY(role_id) REFERENCES roles (id) ON DELETE CASCADE );
CREATE INDEX ix_user_roles_role_id ON user_roles (role_id);
-- 0002
CREATE TABLE sessions ( id TEXT NOT NULL, token_hash TEXT NOT NULL, spent_hash TEXT, delivered BOOLEAN NOT NULL, client_id TEXT NOT NULL, idp TEXT NOT NULL, username TEXT NOT NULL, username_folded TEXT NOT NULL, ends_at TIMESTAMP WITH TIME ZONE NOT NULL, expires_at TIMESTAMP WITH TIME ZONE NOT NULL, access_until TIMESTAMP WITH TIME ZONE NOT NULL, CONSTRAINT pk_sessions PRIMARY KEY (id) );
CREATE INDEX ix_sessions_username_folded ON sessions (username_folded);
CREATE INDEX ix_sessions_expires_at ON sessions (expires_at);
CREATE TABLE revocations ( id SERIAL NOT NULL, ended TEXT, idp TEXT, username_folded TEXT, issued_before TIMESTAMP WITH TIME ZONE, expires_at TIMESTAMP WITH TIME ZONE NOT NULL, CONSTRAINT pk_revocations PRIMARY KEY (id), CONSTRAINT ck_revocations_ended_or_issued_before CHECK ((ended IS NULL) <> (issued_before IS NULL)) );
CREATE INDEX ix_revocations_expires_at ON revocations (expires_at);
-- 0003
CREATE INDEX ix_users_disabled ON users (username_folded) WHERE active IS false;
CREATE TABLE audit_events ( id SERIAL NOT NULL, at TIMESTAMP WITH TIME ZONE NOT NULL, operator TEXT NOT NULL, action TEXT NOT NULL, username_folded TEXT, details TEXT, CONSTRAINT pk_audit_events PRIMARY KEY (id) );
CREATE INDEX ix_audit_events_username_folded ON audit_events (username_folded);
ALTER TABLE users ADD COLUMN last_login_at TIMESTAMP WITH TIME ZONE;
-- 0004
CREATE INDEX ix_revocations_username_folded ON revocations (username_folded) WHERE username_folded IS NOT NULL;
-- 0005
ALTER TABLE sessions ADD COLUMN record_id TEXT;
ALTER TABLE sessions ADD COLUMN credential_stamp TEXT;
-- 0006
ALTER TABLE sessions ADD COLUMN rotated_at TIMESTAMP WITH TIME ZONE;
-- 0007
ALTER TABLE audit_events ADD COLUMN user_id INTEGER;
UPDATE audit_events SET user_id = users.id FROM users WHERE users.username_folded = audit_events.username_folded AND NOT EXISTS ( SELECT 1 FROM audit_events AS later WHERE later.username_folded = audit_events.username_folded AND ( later.action = 'user_deleted' AND later.id >= audit_events.id OR later.action IN ('user_added', 'user_renamed') AND later.id > audit_events.id));
-- 0008
ALTER TABLE audit_events ADD COLUMN request_id TEXT;
