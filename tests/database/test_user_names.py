"""Usernames and emails are unique together: no user can take the username or the email of another."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from sqlalchemy import Engine, func, insert, select, text

from database.errors import InvalidName, UserExists
from database.tables import users
from database.user_editor import UserEditor
from database.user_row import UserRow
from tests.conftest import new_database
from tests.database.conftest import migrated_engine
from tests.servers.process import wait_until
from tests.support.database_contents import replacing, run_concurrently
from tests.support.emptied_database import DATABASE_KINDS, empty_engine
from tests.support.stores import rename_by_hand

ROUNDS = 20


@pytest.fixture(params=DATABASE_KINDS)
def engine(request: pytest.FixtureRequest) -> Engine:
    """An engine of a database without users."""
    return empty_engine(request)


@pytest.fixture
def editor(engine: Engine) -> UserEditor:
    """An editor of a table with Zoé, a user whose username is an email, and another user."""
    editor = UserEditor(engine, "tests")
    editor.add("Zoé", "Zoe@example.org", "hash")
    editor.add("Shared@example.org", None, "hash")
    editor.add("another", None, "hash")
    return editor


@pytest.mark.parametrize("name", ["zOÉ", "zoe\u0301", "ZOE@example.org", "shared@EXAMPLE.org"])
@pytest.mark.parametrize(
    "take",
    [
        lambda editor, name: editor.add(name, None, "hash"),
        lambda editor, name: editor.add("new", name, "hash"),
        lambda editor, name: editor.change("another", replacing(username=name)),
        lambda editor, name: editor.change("another", replacing(email=name)),
    ],
    ids=["add username", "add email", "change username", "change email"],
)
def test_name_of_another_user_cannot_be_taken(
    editor: UserEditor, take: Callable[[UserEditor, str], UserRow], name: str
) -> None:
    with pytest.raises(UserExists):
        take(editor, name)
    assert editor.users.count() == 3


INVISIBLE = ["ro\u200bot", "\u202eroot", "root\ufeff", "root\U000e0001", "ro\u00adot", "ro\u200dot", "ro\u034fot"]
INVISIBLE += ["root\u3164", "root\ufe0f", "ro\u2028ot", "root\ue000", "root\u0378", "root\U000e0100"]


@pytest.mark.parametrize("name", INVISIBLE)
def test_name_that_looks_like_another_because_of_invisible_characters_is_refused(editor: UserEditor, name: str) -> None:
    takes: list[Callable[[], UserRow]] = [
        lambda: editor.add(name, None, "hash"),
        lambda: editor.add("new", name, "hash"),
        lambda: editor.change("another", replacing(username=name)),
        lambda: editor.change("another", replacing(email=name)),
    ]
    for take in takes:
        with pytest.raises(InvalidName, match="must not contain invisible, private-use or unassigned characters"):
            take()
    assert editor.users.count() == 3


@pytest.mark.parametrize(
    "name", ["\u0dc1\u0dca\u200d\u0dbb\u0dd3", "Ngô Đình", "\u0645\u062d\u0645\u062f", "鈴木", "O'Brien 🦊"]
)
def test_names_of_other_languages_are_accepted(editor: UserEditor, name: str) -> None:
    assert editor.add(name, f"{name}@example.org", "hash").username == name


def test_user_with_an_invisible_character_in_the_name_can_be_edited(engine: Engine, editor: UserEditor) -> None:
    old = "ro\u200bot"
    rename_by_hand(engine, "another", old)
    row = editor.change(old, replacing(email="root@example.org", roles=("user",)))
    assert (row.username, row.email) == (old, "root@example.org")


@pytest.mark.parametrize(
    "fields",
    [
        {"username": "zoe@example.org"},
        {"username": "ZOÉ"},
        {"email": "zoé"},
        {"email": "ZOE@EXAMPLE.ORG"},
        {"username": "Zoe@example.org", "email": "Zoé"},
    ],
)
def test_user_can_respell_and_swap_their_own_names(editor: UserEditor, fields: dict[str, str]) -> None:
    row = editor.change("zoé", replacing(**fields))
    assert {name: getattr(row, name) for name in fields} == fields
    found = editor.users.find_by_login("ZOE@example.org")
    assert found is None or found.id == row.id


def test_former_name_of_a_user_is_free(editor: UserEditor) -> None:
    editor.change("zoé", replacing(username="zz", email=None))
    assert editor.add("zoe@example.org", "zoé", "hash").email == "zoé"


def test_one_of_concurrent_renames_to_the_same_name_succeeds(editor: UserEditor) -> None:
    def rename(number: int) -> Callable[[], UserRow]:
        return lambda: editor.change(f"user{number}", replacing(username="Wanted"))

    for number in range(8):
        editor.add(f"user{number}", None, "hash")
    results = run_concurrently([rename(number) for number in range(8)])
    assert sorted(type(result).__name__ for result in results) == ["UserExists"] * 7 + ["UserRow"]


def test_one_of_concurrent_username_and_equal_email_is_taken(editor: UserEditor) -> None:
    for number in range(ROUNDS):
        name = f"user{number}@example.org"
        as_username = partial(editor.add, name, None, "hash")
        as_email = partial(editor.add, f"other of {name}", name, "hash")
        results = run_concurrently([as_username, as_email])
        assert sorted(type(result).__name__ for result in results) == ["UserExists", "UserRow"]


def test_on_postgresql_name_taken_by_a_concurrent_older_version_is_rejected(postgres: str) -> None:
    engine = migrated_engine(new_database(postgres, "meanwhile"))
    row = {"username": "Zoé", "username_folded": "zoé", "password_hash": "hash", "active": True}
    with ThreadPoolExecutor(1) as threads:
        with engine.begin() as older:
            older.execute(insert(users), row)
            added = threads.submit(UserEditor(engine, "tests").add, "zOÉ", None, "hash")
            wait_until(lambda: _is_lock_awaited(engine) or added.done())
        with pytest.raises(UserExists):
            added.result(60)


def _is_lock_awaited(engine: Engine) -> bool:
    with engine.connect() as connection:
        awaited = select(func.count()).select_from(text("pg_locks")).where(text("NOT granted"))
        return bool(connection.scalar(awaited))
