"""Zoé's password hash in the user table, read and written without the product."""

from sqlalchemy import update

from database.tables import users
from database.user_row import UserRow
from database.user_table import UserTable
from tests.support.stores import engine_of
from tests.support.users import ZOE

LOGIN_BODY = {"email": ZOE.email, "password": ZOE.password}


def store_hash(environ: dict[str, str], stored: object) -> None:
    """Store this hash for Zoé, without changing `updated_at`."""
    values = {"password_hash": stored, "updated_at": users.c.updated_at}
    with engine_of(environ).begin() as connection:
        connection.execute(update(users).where(users.c.username == ZOE.username).values(values))


def stored_zoe(environ: dict[str, str]) -> UserRow:
    """Return Zoé as stored now."""
    row = UserTable(engine_of(environ)).find(ZOE.username)
    assert row
    return row


def has_policy_cost(stored: str) -> bool:
    """Return whether the hash has the scheme and the cost of the policy."""
    return stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
