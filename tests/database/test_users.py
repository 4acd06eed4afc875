"""The user table, on SQLite and on PostgreSQL."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier

import pytest
from sqlalchemy import Engine, func, insert, select

from config.text import casefold_name
from database.errors import NoSuchUser, UserExists
from database.tables import roles, user_roles, users
from database.user_editor import UserEditor
from database.user_row import UserRow
from tests.support.stores import all_users

HASH = "$argon2id$not-looked-at-here"


@pytest.fixture
def table(engine: Engine) -> UserEditor:
    """A table without users."""
    return UserEditor(engine, "tests")


def found(table: UserEditor, username: str) -> UserRow:
    """Return the user, who is there."""
    row = table.users.find(username)
    assert row is not None
    return row


def counts(engine: Engine) -> list[int]:
    """Return how many users, roles, and roles of users there are."""
    with engine.connect() as connection:
        return [connection.scalars(select(func.count()).select_from(t)).one() for t in (users, roles, user_roles)]


def test_a_new_user_is_there_whole(table: UserEditor) -> None:
    assert table.users.is_empty()
    table.add("Zoé", "Zoe@Example.org", HASH, ["user", "admin", "user"])
    assert not table.users.is_empty()
    row = found(table, "zOÉ")
    assert (row.username, row.email, row.password_hash, row.active) == ("Zoé", "Zoe@Example.org", HASH, True)
    assert row.roles == ("admin", "user")
    assert HASH not in repr(row)


def test_a_user_needs_neither_address_nor_roles(table: UserEditor) -> None:
    for name in ("one", "two"):
        table.add(name, None, HASH)
    assert [(row.username, row.email, row.roles) for row in all_users(table.users)] == [
        ("one", None, ()),
        ("two", None, ()),
    ]


@pytest.mark.parametrize(
    ("username", "email"),
    [
        ("Zoé", None),
        ("zOÉ", None),
        ("zoe\u0301", None),
        ("new", "zoe@example.org"),
        ("new", "ZOE@EXAMPLE.ORG"),
        ("zoé", "zoe@example.org"),
    ],
)
def test_a_taken_name_adds_nothing_at_all(engine: Engine, username: str, email: str | None) -> None:
    table = UserEditor(engine, "tests")
    table.add("Zoé", "Zoe@example.org", HASH, ["user"])
    with pytest.raises(UserExists):
        table.add(username, email, "another", ["a new role"])
    assert counts(engine) == [1, 1, 1]
    assert found(table, "zoé").password_hash == HASH


def test_a_fault_in_the_roles_adds_nothing_at_all(engine: Engine) -> None:
    # The role is added after the user, and the database refuses it.
    with pytest.raises(Exception, match="name_not_empty"):
        UserEditor(engine, "tests").add("zoé", None, HASH, ["user", ""])
    assert counts(engine) == [0, 0, 0]


def test_folding_is_ours_and_not_the_databases(table: UserEditor) -> None:
    table.add("straße", None, HASH)
    table.add("İstanbul", None, HASH)
    assert found(table, "STRASSE").username == "straße"
    assert table.users.find("istanbul") is None
    with pytest.raises(UserExists):
        table.add("Strasse", None, HASH)


def add_twins(engine: Engine) -> UserEditor:
    """Add two of whom one has the other's username for an address, as older versions could."""
    table = UserEditor(engine, "tests")
    table.add("second", None, HASH, ["user", "editor"])
    username, email = "shared@example.org", "first@example.org"
    folded = {"username_folded": casefold_name(username), "email_folded": casefold_name(email)}
    first = {"username": username, "email": email, **folded, "password_hash": HASH, "active": True}
    with engine.begin() as connection:
        connection.execute(users.update().values(email="Shared@example.org", email_folded="shared@example.org"))
        connection.execute(insert(users), first)
    return table


def test_a_login_may_match_two(engine: Engine) -> None:
    table = add_twins(engine)
    assert [row.username for row in table.users.find_by_login("SHARED@example.org")] == ["second", "shared@example.org"]
    assert [row.username for row in table.users.find_by_login("first@example.org")] == ["shared@example.org"]
    assert table.users.find_by_login("nobody") == []
    assert table.users.find("first@example.org") is None


@pytest.mark.parametrize("login", ["%", "_", "*", "zo_", "' OR '1'='1", "zoé'; DROP TABLE users; --", "\\"])
def test_a_login_is_never_sql(table: UserEditor, login: str) -> None:
    table.add("zoé", "zoe@example.org", HASH)
    assert table.users.find_by_login(login) == []
    assert table.users.find(login) is None
    table.add(login, None, HASH, [login])
    assert found(table, login).roles == (login,)


def _at_once(add: Callable[[int], object], count: int = 8) -> list[object]:
    """Call `add` with every number from as many threads, which start together; returns what it returns or raises."""
    start = Barrier(count)

    def run(number: int) -> object:
        start.wait(60)
        try:
            return add(number)
        except UserExists as error:
            return error

    with ThreadPoolExecutor(count) as threads:
        return list(threads.map(run, range(count)))


def test_threads_may_add_the_same_new_roles_at_once(engine: Engine) -> None:
    table = UserEditor(engine, "tests")
    # In different orders, which could end in a deadlock if each took its locks as they come.
    names = [f"role{number:02}" for number in range(40)]
    _at_once(lambda number: table.add(f"user{number}", None, HASH, names[:: 1 if number % 2 else -1]))
    assert counts(engine) == [8, 40, 320]
    assert {row.roles for row in all_users(table.users)} == {tuple(names)}


def test_of_threads_that_add_the_same_name_one_succeeds(engine: Engine) -> None:
    table = UserEditor(engine, "tests")
    answers = _at_once(lambda number: table.add("Zoé" if number % 2 else "zOÉ", None, HASH, [f"role{number}"]))
    assert sum(isinstance(answer, UserRow) for answer in answers) == 1
    assert counts(engine) == [1, 1, 1]


@pytest.mark.parametrize("login", ["ZOÉ", "ZOE@example.org"])
def test_a_password_and_the_active_mark_can_be_changed_by_either_name(table: UserEditor, login: str) -> None:
    table.add("Zoé", "zoe@example.org", HASH, ["user"])
    table.add("other", None, HASH)
    assert table.set_password(login, "another").username == "Zoé"
    assert table.set_active(login, active=False).username == "Zoé"
    row = found(table, "zoé")
    assert (row.password_hash, row.active, row.roles) == ("another", False, ("user",))
    assert table.set_active(login, active=True).username == "Zoé"
    assert found(table, "zoé").active
    assert (found(table, "other").password_hash, found(table, "other").active) == (HASH, True)


def test_a_username_beats_an_address_that_reads_the_same(engine: Engine) -> None:
    table = add_twins(engine)
    assert table.set_active("Shared@example.org", active=False).username == "shared@example.org"
    assert table.set_active("second", active=False).username == "second"


@pytest.mark.parametrize("login", ["nobody", "%"])
def test_without_such_a_user_nobody_is_changed(table: UserEditor, login: str) -> None:
    table.add("zoé", "zoe@example.org", HASH)
    with pytest.raises(NoSuchUser):
        table.set_password(login, "another")
    with pytest.raises(NoSuchUser):
        table.set_active(login, active=False)
    assert {(row.password_hash, row.active) for row in all_users(table.users)} == {(HASH, True)}


@pytest.fixture
def _far_from_utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("_far_from_utc")
def test_times_are_utc_and_now(engine: Engine) -> None:
    def times() -> tuple[datetime, datetime]:
        with engine.connect() as connection:
            row = connection.execute(select(users)).one()
        assert row.created_at.tzinfo is row.updated_at.tzinfo is UTC
        return row.created_at, row.updated_at

    table = UserEditor(engine, "tests")
    table.add("zoé", None, HASH)
    created, updated = times()
    assert abs(datetime.now(UTC) - created) < timedelta(minutes=5)
    assert found(table, "zoé").created_at == created
    table.set_password("zoé", "another")
    assert times()[0] == created
    assert times()[1] > updated
