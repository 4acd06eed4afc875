"""Names are kept apart: no user goes by another one's username or address, whichever came first."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from sqlalchemy import Engine, func, insert, select, text

from database.errors import UserExists
from database.tables import users
from database.user_editor import UserEditor
from database.user_row import UserRow
from tests.conftest import new_database
from tests.database.conftest import opened
from tests.servers.process import wait_until
from tests.support.database_contents import having, run_concurrently
from tests.support.emptied_database import KINDS, emptied

ROUNDS = 20


@pytest.fixture(params=KINDS)
def engine(request: pytest.FixtureRequest) -> Engine:
    """An engine of a database without users."""
    return emptied(request)


@pytest.fixture
def editor(engine: Engine) -> UserEditor:
    """A table with Zoé and somebody whose username is an address."""
    editor = UserEditor(engine, "tests")
    editor.add("Zoé", "Zoe@example.org", "hash")
    editor.add("Shared@example.org", None, "hash")
    editor.add("somebody", None, "hash")
    return editor


@pytest.mark.parametrize("name", ["zOÉ", "zoe\u0301", "ZOE@example.org", "shared@EXAMPLE.org"])
@pytest.mark.parametrize(
    "take",
    [
        lambda editor, name: editor.add(name, None, "hash"),
        lambda editor, name: editor.add("new", name, "hash"),
        lambda editor, name: editor.change("somebody", having(username=name)),
        lambda editor, name: editor.change("somebody", having(email=name)),
    ],
    ids=["add username", "add address", "rename", "address"],
)
def test_no_name_of_another_can_be_taken(
    editor: UserEditor, take: Callable[[UserEditor, str], UserRow], name: str
) -> None:
    with pytest.raises(UserExists):
        take(editor, name)
    assert editor.users.count() == 3


@pytest.mark.parametrize(
    "members",
    [
        {"username": "zoe@example.org"},
        {"username": "ZOÉ"},
        {"email": "zoé"},
        {"email": "ZOE@EXAMPLE.ORG"},
        {"username": "Zoe@example.org", "email": "Zoé"},
    ],
)
def test_ones_own_names_can_be_written_otherwise_and_change_places(editor: UserEditor, members: dict[str, str]) -> None:
    row = editor.change("zoé", having(**members))
    assert {name: getattr(row, name) for name in members} == members
    assert [found.id for found in editor.users.find_by_login("ZOE@example.org")] in ([row.id], [])


def test_a_name_that_was_given_up_is_free(editor: UserEditor) -> None:
    editor.change("zoé", having(username="zz", email=None))
    assert editor.add("zoe@example.org", "zoé", "hash").email == "zoé"


def test_of_many_who_take_the_same_name_at_once_one_gets_it(editor: UserEditor) -> None:
    def renamed(number: int) -> Callable[[], UserRow]:
        return lambda: editor.change(f"user{number}", having(username="Wanted"))

    for number in range(8):
        editor.add(f"user{number}", None, "hash")
    answers = run_concurrently([renamed(number) for number in range(8)])
    assert sorted(type(answer).__name__ for answer in answers) == ["UserExists"] * 7 + ["UserRow"]


def test_of_a_username_and_an_address_that_are_the_same_one_is_taken(editor: UserEditor) -> None:
    for number in range(ROUNDS):
        name = f"user{number}@example.org"
        as_username = partial(editor.add, name, None, "hash")
        as_address = partial(editor.add, f"other of {name}", name, "hash")
        answers = run_concurrently([as_username, as_address])
        assert sorted(type(answer).__name__ for answer in answers) == ["UserExists", "UserRow"]


def test_on_postgresql_a_name_that_an_older_version_takes_meanwhile_is_taken(postgres: str) -> None:
    engine = opened(new_database(postgres, "meanwhile"))
    row = {"username": "Zoé", "username_folded": "zoé", "password_hash": "hash", "active": True}
    with ThreadPoolExecutor(1) as threads:
        with engine.begin() as older:
            older.execute(insert(users), row)
            added = threads.submit(UserEditor(engine, "tests").add, "zOÉ", None, "hash")
            wait_until(lambda: _somebody_waits(engine) or added.done())
        with pytest.raises(UserExists):
            added.result(60)


def _somebody_waits(engine: Engine) -> bool:
    with engine.connect() as connection:
        waiting = select(func.count()).select_from(text("pg_locks")).where(text("NOT granted"))
        return bool(connection.scalar(waiting))
