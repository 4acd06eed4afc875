"""Users are added, found and edited, on SQLite and on PostgreSQL."""

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

HASH = "$argon2id$not-verified-here"


@pytest.fixture
def editor(engine: Engine) -> UserEditor:
    """The editor of a table without users."""
    return UserEditor(engine, "tests")


def found(editor: UserEditor, username: str) -> UserRow:
    """Return the user with this username. Fails if there is none."""
    row = editor.users.find(username)
    assert row is not None
    return row


def counts(engine: Engine) -> list[int]:
    """Return the numbers of users, roles, and assignments of roles to users."""
    with engine.connect() as connection:
        return [connection.scalars(select(func.count()).select_from(t)).one() for t in (users, roles, user_roles)]


def test_added_user_is_stored_with_all_fields(editor: UserEditor) -> None:
    assert editor.users.is_empty()
    editor.add("Zoé", "Zoe@Example.org", HASH, ["user", "admin", "user"])
    assert not editor.users.is_empty()
    row = found(editor, "zOÉ")
    assert (row.username, row.email, row.password_hash, row.active) == ("Zoé", "Zoe@Example.org", HASH, True)
    assert row.roles == ("admin", "user")
    assert HASH not in repr(row)


def test_user_can_have_neither_email_nor_roles(editor: UserEditor) -> None:
    for name in ("one", "two"):
        editor.add(name, None, HASH)
    assert [(row.username, row.email, row.roles) for row in all_users(editor.users)] == [
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
def test_taken_name_adds_neither_user_nor_roles(engine: Engine, username: str, email: str | None) -> None:
    editor = UserEditor(engine, "tests")
    editor.add("Zoé", "Zoe@example.org", HASH, ["user"])
    with pytest.raises(UserExists):
        editor.add(username, email, "another", ["a new role"])
    assert counts(engine) == [1, 1, 1]
    assert found(editor, "zoé").password_hash == HASH


def test_invalid_role_adds_neither_user_nor_roles(engine: Engine) -> None:
    # The role is added after the user, and the database rejects it.
    with pytest.raises(Exception, match="name_not_empty"):
        UserEditor(engine, "tests").add("zoé", None, HASH, ["user", ""])
    assert counts(engine) == [0, 0, 0]


def test_names_are_casefolded_by_unicode_rules_in_each_database(editor: UserEditor) -> None:
    editor.add("straße", None, HASH)
    editor.add("İstanbul", None, HASH)
    assert found(editor, "STRASSE").username == "straße"
    assert editor.users.find("istanbul") is None
    with pytest.raises(UserExists):
        editor.add("Strasse", None, HASH)


def add_users_with_a_shared_name(engine: Engine) -> UserEditor:
    """Add two users. The username of one is the email of the other, which older versions allowed."""
    editor = UserEditor(engine, "tests")
    editor.add("second", None, HASH, ["user", "editor"])
    username, email = "shared@example.org", "first@example.org"
    folded = {"username_folded": casefold_name(username), "email_folded": casefold_name(email)}
    first = {"username": username, "email": email, **folded, "password_hash": HASH, "active": True}
    with engine.begin() as connection:
        connection.execute(users.update().values(email="Shared@example.org", email_folded="shared@example.org"))
        connection.execute(insert(users), first)
    return editor


def test_email_of_another_user_does_not_lock_out_the_user_of_this_username(engine: Engine) -> None:
    editor = add_users_with_a_shared_name(engine)
    for login in ("SHARED@example.org", "first@example.org"):
        found = editor.users.find_by_login(login)
        assert found
        assert found.username == "shared@example.org"
    assert editor.users.find_by_login("unknown") is None
    assert editor.users.find("first@example.org") is None


@pytest.mark.parametrize("login", ["%", "_", "*", "zo_", "' OR '1'='1", "zoé'; DROP TABLE latchkey_users; --", "\\"])
def test_login_is_never_interpreted_as_sql(editor: UserEditor, login: str) -> None:
    editor.add("zoé", "zoe@example.org", HASH)
    assert editor.users.find_by_login(login) is None
    assert editor.users.find(login) is None
    editor.add(login, None, HASH, [login])
    assert found(editor, login).roles == (login,)


def _add_concurrently(add: Callable[[int], object], count: int = 8) -> list[object]:
    """Call `add` with each number in a thread of its own. Return what each call returned or raised."""
    start = Barrier(count)

    def run(number: int) -> object:
        start.wait(60)
        try:
            return add(number)
        except UserExists as error:
            return error

    with ThreadPoolExecutor(count) as threads:
        return list(threads.map(run, range(count)))


def test_concurrent_transactions_can_add_the_same_new_roles(engine: Engine) -> None:
    editor = UserEditor(engine, "tests")
    # In different orders: this would be a deadlock if each transaction took its locks in the given order.
    names = [f"role{number:02}" for number in range(40)]
    _add_concurrently(lambda number: editor.add(f"user{number}", None, HASH, names[:: 1 if number % 2 else -1]))
    assert counts(engine) == [8, 40, 320]
    assert {row.roles for row in all_users(editor.users)} == {tuple(names)}


def test_one_of_concurrent_transactions_that_add_the_same_name_succeeds(engine: Engine) -> None:
    editor = UserEditor(engine, "tests")
    results = _add_concurrently(
        lambda number: editor.add("Zoé" if number % 2 else "zOÉ", None, HASH, [f"role{number}"])
    )
    assert sum(isinstance(result, UserRow) for result in results) == 1
    assert counts(engine) == [1, 1, 1]


@pytest.mark.parametrize("login", ["ZOÉ", "ZOE@example.org"])
def test_user_can_be_edited_by_username_or_email(editor: UserEditor, login: str) -> None:
    editor.add("Zoé", "zoe@example.org", HASH, ["user"])
    editor.add("other", None, HASH)
    assert editor.set_password(login, "another").username == "Zoé"
    assert editor.set_active(login, active=False).username == "Zoé"
    row = found(editor, "zoé")
    assert (row.password_hash, row.active, row.roles) == ("another", False, ("user",))
    assert editor.set_active(login, active=True).username == "Zoé"
    assert found(editor, "zoé").active
    assert (found(editor, "other").password_hash, found(editor, "other").active) == (HASH, True)


def test_username_has_precedence_over_an_equal_email(engine: Engine) -> None:
    editor = add_users_with_a_shared_name(engine)
    assert editor.set_active("Shared@example.org", active=False).username == "shared@example.org"
    assert editor.set_active("second", active=False).username == "second"


@pytest.mark.parametrize("login", ["unknown", "%"])
def test_edit_of_an_unknown_user_changes_no_user(editor: UserEditor, login: str) -> None:
    editor.add("zoé", "zoe@example.org", HASH)
    with pytest.raises(NoSuchUser):
        editor.set_password(login, "another")
    with pytest.raises(NoSuchUser):
        editor.set_active(login, active=False)
    assert {(row.password_hash, row.active) for row in all_users(editor.users)} == {(HASH, True)}


@pytest.fixture
def _tokyo_time(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("_tokyo_time")
def test_times_are_stored_in_utc_in_every_time_zone(engine: Engine) -> None:
    def times() -> tuple[datetime, datetime]:
        with engine.connect() as connection:
            row = connection.execute(select(users)).one()
        assert row.created_at.tzinfo is row.updated_at.tzinfo is UTC
        return row.created_at, row.updated_at

    editor = UserEditor(engine, "tests")
    editor.add("zoé", None, HASH)
    created, updated = times()
    assert abs(datetime.now(UTC) - created) < timedelta(minutes=5)
    assert found(editor, "zoé").created_at == created
    editor.set_password("zoé", "another")
    assert times()[0] == created
    assert times()[1] > updated
