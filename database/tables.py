"""The tables of the newest schema revision, without options of dialects. A test compares them with the migrations."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    Integer,
    MetaData,
    Table,
    Text,
    TypeDecorator,
)

from database.errors import InvalidTime

metadata = MetaData(
    naming_convention={
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
    }
)


class UtcDateTime(TypeDecorator[datetime]):
    """A time in UTC, on SQLite too, which does not store time zones."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value.astimezone(UTC) if value else None

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], datetime | None] | None:
        """Return the function that reads a value. It raises InvalidTime if SQLite has stored another text."""
        read = super().result_processor(dialect, coltype)
        return partial(_read_time, read) if read and dialect.name == "sqlite" else read


def _read_time(read: Callable[[Any], datetime | None], value: object) -> datetime | None:
    try:
        return read(value)
    except (ValueError, TypeError):
        raise InvalidTime from None


class StrictBoolean(Boolean):
    """A boolean. SQLite can store another value, such as the text `false`: it is read as False, and never as True."""

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[object], bool] | None:
        """Return the function that reads a value; `None` if the database has booleans."""
        return None if dialect.supports_native_boolean else _is_one


def _is_one(value: object) -> bool:
    return value == 1


def _now() -> datetime:
    return datetime.now(UTC)


NO_PASSWORD = "!"  # noqa: S105 - not a password
"""The password hash of a user who has no password yet. No password matches it."""


# The folded columns store `config.text.casefold_name` of the names. Names are compared by them, and they are unique.
# Databases ignore case by other rules (SQLite only for ASCII), but the rules must be the same in all providers.
users = Table(
    "latchkey_users",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("username", Text, nullable=False),
    Column("username_folded", Text, nullable=False, unique=True),
    Column("email", Text),
    Column("email_folded", Text, unique=True),
    Column("password_hash", Text, nullable=False),
    Column("active", StrictBoolean, nullable=False),
    Column("created_at", UtcDateTime, nullable=False, default=_now),
    Column("updated_at", UtcDateTime, nullable=False, default=_now, onupdate=_now),
    Column("last_login_at", UtcDateTime),
    Column("reset_code_hash", Text),
    Column("reset_expires_at", UtcDateTime),
    CheckConstraint("username <> ''", name="username_not_empty"),
    CheckConstraint("email <> ''", name="email_not_empty"),
    CheckConstraint("(email IS NULL) = (email_folded IS NULL)", name="email_and_folded_agree"),
)

disabled = users.c.active.is_(False)
"""Whether a user is disabled. Few users are."""

roles = Table(
    "latchkey_roles",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Text, CheckConstraint("name <> ''", name="name_not_empty"), nullable=False, unique=True),
)

user_roles = Table(
    "latchkey_user_roles",
    metadata,
    Column("user_id", ForeignKey("latchkey_users.id", ondelete="CASCADE"), primary_key=True),
    Column("role_id", ForeignKey("latchkey_roles.id", ondelete="CASCADE"), primary_key=True, index=True),
)

# A login starts a session, and refresh tokens extend it. Its row is deleted when it ends.
sessions = Table(
    "latchkey_sessions",
    metadata,
    Column("id", Text, primary_key=True),
    Column("token_hash", Text, nullable=False),
    Column("spent_hash", Text),
    Column("rotated_at", UtcDateTime),
    Column("delivered", Boolean, nullable=False),
    Column("client_id", Text, nullable=False),
    Column("idp", Text, nullable=False),
    Column("username", Text, nullable=False),
    Column("username_folded", Text, nullable=False, index=True),
    Column("ends_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False, index=True),
    Column("access_until", UtcDateTime, nullable=False),
    Column("record_id", Text),
    Column("credential_stamp", Text),
    Column("opened_at", UtcDateTime),
    Column("address", Text),
    Column("user_agent", Text),
)

# Each row revokes one access token (`ended` is its `jti`), one session (`sid`), or all tokens issued before a time.
# Ids must never be reused: readers query the rows after the last id that they have read.
revocations = Table(
    "latchkey_revocations",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("ended", Text),
    Column("idp", Text),
    Column("username_folded", Text),
    Column("issued_before", UtcDateTime),
    Column("expires_at", UtcDateTime, nullable=False, index=True),
    CheckConstraint("(ended IS NULL) <> (issued_before IS NULL)", name="ended_or_issued_before"),
)

# Names and ids instead of foreign keys, because an event is kept when its user is deleted.
audit_events = Table(
    "latchkey_audit_events",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", UtcDateTime, nullable=False, default=_now),
    Column("operator", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("username_folded", Text, index=True),
    Column("details", Text),
    Column("user_id", Integer),
    Column("request_id", Text),
)

# The tokens of machines that are valid: the row of a token is deleted when the token is revoked. Ids are not reused.
# `roles` is a JSON array.
service_tokens = Table(
    "latchkey_service_tokens",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False),
    Column("roles", Text, nullable=False),
    Column("jti", Text, nullable=False, unique=True),
    Column("key_id", Text, nullable=False),
    Column("operator", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
)
