"""The tables as the newest migration leaves them; a test holds the two together."""

from datetime import UTC, datetime

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    TypeDecorator,
)

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
    """A time in UTC, on SQLite too, which forgets the zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value.astimezone(UTC) if value else None

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value.replace(tzinfo=value.tzinfo or UTC).astimezone(UTC) if value else None


def _now() -> datetime:
    return datetime.now(UTC)


# The folded columns hold config.text.fold of their neighbours: what is compared and kept unique.
# Databases fold by rules of their own (SQLite only ASCII), and these must be the providers'.
users = Table(
    "users",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("username", Text, nullable=False),
    Column("username_folded", Text, nullable=False, unique=True),
    Column("email", Text),
    Column("email_folded", Text, unique=True),
    Column("password_hash", Text, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("created_at", UtcDateTime, nullable=False, default=_now),
    Column("updated_at", UtcDateTime, nullable=False, default=_now, onupdate=_now),
    Column("last_login_at", UtcDateTime),
    CheckConstraint("username <> ''", name="username_not_empty"),
    CheckConstraint("email <> ''", name="email_not_empty"),
    CheckConstraint("(email IS NULL) = (email_folded IS NULL)", name="email_and_folded_agree"),
)

# They are few among many, and an admin looks for them.
disabled = users.c.active.is_(False)
Index("ix_users_disabled", users.c.username_folded, sqlite_where=disabled, postgresql_where=disabled)

roles = Table(
    "roles",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Text, CheckConstraint("name <> ''", name="name_not_empty"), nullable=False, unique=True),
)

user_roles = Table(
    "user_roles",
    metadata,
    Column("user_id", ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    Column("role_id", ForeignKey("roles.id", ondelete="CASCADE"), primary_key=True, index=True),
)

# A session is what a login began and its refresh tokens keep alive; RFC 9700 §4.14.2 calls it a family.
# It has one row, which goes when the session ends.
sessions = Table(
    "sessions",
    metadata,
    Column("id", Text, primary_key=True),
    Column("token_hash", Text, nullable=False),
    Column("spent_hash", Text),
    Column("delivered", Boolean, nullable=False),
    Column("client_id", Text, nullable=False),
    Column("idp", Text, nullable=False),
    Column("username", Text, nullable=False),
    Column("username_folded", Text, nullable=False, index=True),
    Column("ends_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False, index=True),
    Column("access_until", UtcDateTime, nullable=False),
)

# What ends access tokens before their time: one session's or one token's, or all that a user, or everybody, has
# from before a time. Ids must never be used again, since readers ask for those above the last they know.
revocations = Table(
    "revocations",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("ended", Text),
    Column("idp", Text),
    Column("username_folded", Text),
    Column("issued_before", UtcDateTime),
    Column("expires_at", UtcDateTime, nullable=False, index=True),
    CheckConstraint("(ended IS NULL) <> (issued_before IS NULL)", name="ended_or_issued_before"),
    sqlite_autoincrement=True,
)

# Who did what to whom. Names, not references: it outlives the users.
audit_events = Table(
    "audit_events",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", UtcDateTime, nullable=False, default=_now),
    Column("operator", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("username_folded", Text, index=True),
    Column("details", Text),
)
