"""A denied login sends the same statements to the database for each reason, so a slow network reveals nothing."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from threading import get_ident
from typing import Any

import pytest
from sqlalchemy import Engine, event

from database.user_editor import UserEditor
from providers.interface import DISABLED, UNKNOWN_USER, WRONG_PASSWORD
from providers.sql.provider import DatabaseProvider, open_database
from services.chain import Chain
from services.links import Link
from tests.support.statement_hooks import observed_statements
from tests.support.stores import add_by_hand, engine_of, hashed, user_table
from tests.support.users import SAME_EMAIL_USERS, SAMPLE_USERS, ZOE

DISABLED_USER = next(user for user in SAMPLE_USERS if user is not ZOE)
SHARED_LOGIN = SAME_EMAIL_USERS[0].username
LOGINS = [
    ("unknown", "wrong", UNKNOWN_USER),
    ("unknown@example.org", "wrong", UNKNOWN_USER),
    (ZOE.username, "wrong", WRONG_PASSWORD),
    (ZOE.email or "", "wrong", WRONG_PASSWORD),
    (DISABLED_USER.username, DISABLED_USER.password, DISABLED),
    (SHARED_LOGIN, SAME_EMAIL_USERS[1].password, WRONG_PASSWORD),
]


def without_values(statement: str) -> str:
    """Return a statement without its texts: SQLite reports the values of a statement in it."""
    return re.sub("'(?:[^']|'')*'", "?", statement)


@contextmanager
def recorded_traffic() -> Iterator[list[str]]:
    """Yield a list, to which each statement of this thread is added, and each begin and end of a transaction.

    Threads of other tests may still read revocations from their databases. A lookup is a statement without the others.
    """
    traffic: list[str] = []
    own_thread = get_ident()

    def listener(name: str) -> Any:
        return lambda _connection: traffic.append(name) if get_ident() == own_thread else None

    listeners = {name: listener(name) for name in ("begin", "commit", "rollback")}
    for name, listen in listeners.items():
        event.listen(Engine, name, listen)
    with observed_statements(lambda text: None if text.startswith("BEGIN") else traffic.append(without_values(text))):
        yield traffic
    for name, listen in listeners.items():
        event.remove(Engine, name, listen)


@pytest.fixture
def provider(migrated_database: str) -> DatabaseProvider:
    """A provider with users for each reason, whose decoys have been read."""
    environ = user_table(migrated_database, [ZOE, DISABLED_USER])
    engine = engine_of(environ)
    UserEditor(engine, "tests").set_active(DISABLED_USER.username, active=False)
    for person in SAME_EMAIL_USERS:
        add_by_hand(engine, person, hashed(person.password))
    provider = open_database(environ)
    provider.authenticate("unknown", "wrong")
    return provider


def test_denied_login_sends_the_same_statements_for_each_reason(provider: DatabaseProvider) -> None:
    recorded = []
    for login, password, reason in LOGINS:
        with recorded_traffic() as traffic:
            answer = provider.authenticate(login, password)
        assert getattr(answer, "reason", None) == reason
        recorded.append(traffic)
    assert len(recorded[0]) == 1
    assert recorded == [recorded[0]] * len(LOGINS)


def test_first_login_reads_the_decoys_for_each_reason(provider: DatabaseProvider) -> None:
    recorded = []
    for login, password, _ in LOGINS:
        new_process = DatabaseProvider(provider._table)  # noqa: SLF001 - the same table
        with recorded_traffic() as traffic:
            new_process.authenticate(login, password)
        recorded.append(traffic)
    assert len(recorded[0]) == 4
    assert recorded == [recorded[0]] * len(LOGINS)


def test_chain_sends_the_same_statements_to_each_database_for_known_and_unknown_users(
    provider: DatabaseProvider,
) -> None:
    """The second database of the chain is asked about a decoy if the first one knows the user."""
    chain = Chain([Link("first", provider), Link("second", provider)])
    recorded = []
    for login, password, reason in LOGINS:
        with recorded_traffic() as traffic:
            answer = chain.authenticate(login, password)
        assert getattr(answer, "reason", None) == reason
        recorded.append(traffic)
    assert recorded == [recorded[0]] * len(LOGINS)
