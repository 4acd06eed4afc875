"""Usernames and emails in the user table: all characters are visible, and no two users have the same name."""

from collections.abc import Collection, Iterable
from zlib import crc32

from sqlalchemy import Connection, exists, func, or_, select

from config.subjects import require_user_subject
from config.text import casefold_name, require_visible
from database.advisory_locks import IMPORT_LOCK, NAME_LOCK
from database.errors import InvalidName, UserExists
from database.tables import users


def name_columns(username: str, email: str | None) -> dict[str, str | None]:
    """Return the values of the four columns that store the names of a user."""
    folded = {"username_folded": casefold_name(username), "email_folded": casefold_name(email) if email else None}
    return {"username": username, "email": email, **folded}


def require_visible_names(username: str, email: str | None, known: Collection[str | None] = ()) -> None:
    """Raise InvalidName if a name has invisible characters, or a username the form of a machine's subject.

    Names in `known` are not checked: a user who already has such a name keeps it.
    """
    for kind, name in (("username", username), ("email", email)):
        if name is None or name in known:
            continue
        try:
            require_visible(name)
            if kind == "username":
                require_user_subject(name)
        except ValueError as error:
            raise InvalidName(f"{kind} {error}") from None


def require_free_names(connection: Connection, username: str, email: str | None, user_id: int | None = None) -> None:
    """Raise UserExists if a user other than `user_id` has one of these names.

    The database's own constraints compare usernames with usernames, and emails with emails, but not the two
    with each other. On PostgreSQL the names are reserved until the transaction ends.
    """
    names = [casefold_name(name) for name in (username, email) if name]
    if connection.dialect.name == "postgresql":
        _reserve(connection, names)
    taken = or_(users.c.username_folded.in_(names), users.c.email_folded.in_(names))
    if connection.scalar(select(exists().where(taken, users.c.id != (user_id or 0)))):
        raise UserExists


def _reserve(connection: Connection, names: Iterable[str]) -> None:
    """Lock these names until the transaction ends. Two concurrent transactions do not see each other's rows."""
    connection.execute(select(func.pg_advisory_xact_lock_shared(IMPORT_LOCK)))
    # Always in the same order, so that two transactions cannot wait for each other.
    for key in sorted({crc32(name.encode()) - 2**31 for name in names}):
        connection.execute(select(func.pg_advisory_xact_lock(NAME_LOCK, key)))
