"""Zoé's hash in the user table, put there and looked at behind the product's back."""

from sqlalchemy import update

from database.tables import users
from database.user_row import UserRow
from database.user_table import UserTable
from tests.support.stores import engine_of
from tests.support.users import ZOE

BODY = {"email": ZOE.email, "password": ZOE.password}


def put(environ: dict[str, str], stored: object) -> None:
    """Make this Zoé's hash, without a trace."""
    values = {"password_hash": stored, "updated_at": users.c.updated_at}
    with engine_of(environ).begin() as connection:
        connection.execute(update(users).where(users.c.username == ZOE.username).values(values))


def zoe(environ: dict[str, str]) -> UserRow:
    """Return Zoé as the table has her now."""
    row = UserTable(engine_of(environ)).find(ZOE.username)
    assert row
    return row


def is_policys(stored: str) -> bool:
    """Say whether it is a hash at today's cost."""
    return stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
