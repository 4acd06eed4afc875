"""At least one active user has the role `admin`, also after concurrent edits, unless an edit is forced."""

from collections.abc import Callable
from functools import partial

import pytest
from sqlalchemy import Engine

from database.errors import LastAdmin
from database.user_editor import UserEditor
from database.user_filter import UserFilter
from database.user_row import UserRow
from tests.support.database_contents import contents, replacing, run_concurrently
from tests.support.emptied_database import DATABASE_KINDS, empty_engine

ROUNDS = 20

Removal = Callable[[UserEditor, str, bool], UserRow]


def change(**fields: object) -> Removal:
    """Return the edit that gives a user these fields."""
    return lambda editor, name, force: editor.change(name, replacing(**fields), force=force)


REMOVALS: dict[str, Removal] = {
    "disable": lambda editor, name, force: editor.set_active(name, active=False, force=force),
    "disable by change": change(active=False),
    "demote": change(roles=("user",)),
    "no roles": change(roles=()),
    "similar roles": change(roles=("Admin", "administrator")),
    "disable and demote": change(roles=(), active=False),
    "rename and demote": lambda editor, name, force: editor.change(
        name, replacing(username=f"former {name}", roles=("user",)), force=force
    ),
    "delete": lambda editor, name, force: editor.delete(name, force=force),
}
EACH_REMOVAL = pytest.mark.parametrize("remove", REMOVALS.values(), ids=REMOVALS)


@pytest.fixture(params=DATABASE_KINDS)
def engine(request: pytest.FixtureRequest) -> Engine:
    """An engine of a database without users."""
    return empty_engine(request)


@pytest.fixture
def editor(engine: Engine) -> UserEditor:
    """An editor of a table with one active administrator, a disabled one, and a user."""
    editor = UserEditor(engine, "tests")
    editor.add("root", None, "hash", ["admin", "user"])
    editor.add("disabled", None, "hash", ["admin"], active=False)
    editor.add("user", None, "hash", ["user", "Admin"])
    return editor


def admins(editor: UserEditor) -> list[str]:
    """Return the usernames of the active administrators."""
    return [row.username for row in editor.users.iterate(UserFilter(role="admin", active=True))]


@EACH_REMOVAL
def test_last_admin_cannot_be_removed(engine: Engine, editor: UserEditor, remove: Removal) -> None:
    before = contents(engine)
    with pytest.raises(LastAdmin):
        remove(editor, "root", False)
    assert contents(engine) == before


@EACH_REMOVAL
def test_last_admin_can_be_removed_by_force(editor: UserEditor, remove: Removal) -> None:
    remove(editor, "root", True)
    assert admins(editor) == []
    # There is no last administrator any more.
    remove(editor, "disabled", False)


@EACH_REMOVAL
def test_one_of_two_admins_can_be_removed(editor: UserEditor, remove: Removal) -> None:
    editor.add("another", None, "hash", ["admin"])
    remove(editor, "root", False)
    assert admins(editor) == ["another"]
    with pytest.raises(LastAdmin):
        REMOVALS["disable"](editor, "another", False)


@pytest.mark.parametrize("name", ["disabled", "user"])
@EACH_REMOVAL
def test_user_who_is_not_an_active_admin_can_be_removed(editor: UserEditor, remove: Removal, name: str) -> None:
    remove(editor, name, False)
    assert admins(editor) == ["root"]


def test_other_fields_of_the_last_admin_can_be_edited(editor: UserEditor) -> None:
    editor.change("root", replacing(username="boss", email="boss@example.org", roles=("admin",)))
    editor.set_password("boss", "another")
    editor.set_active("boss", active=True)
    assert admins(editor) == ["boss"]


@pytest.mark.parametrize(
    ("first", "second"),
    [("disable", "disable"), ("demote", "delete"), ("delete", "delete")],
)
def test_one_of_two_admins_who_remove_each_other_concurrently_remains(engine: Engine, first: str, second: str) -> None:
    editor = UserEditor(engine, "tests")
    for number in range(ROUNDS):
        names = [f"one{number}", f"two{number}"]
        for name in names:
            editor.add(name, None, "hash", ["admin"])
        one, two = names
        results = run_concurrently(
            [partial(REMOVALS[first], editor, two, False), partial(REMOVALS[second], editor, one, False)]
        )
        assert sorted(type(result).__name__ for result in results) == ["LastAdmin", "UserRow"]
        (remaining,) = admins(editor)
        editor.delete(remaining, force=True)


def test_one_of_many_concurrently_removed_admins_remains(engine: Engine) -> None:
    editor = UserEditor(engine, "tests")
    for name in REMOVALS:
        editor.add(name, None, "hash", ["admin"])
    results = run_concurrently([partial(remove, editor, name, False) for name, remove in REMOVALS.items()])
    assert sorted(type(result).__name__ for result in results) == ["LastAdmin"] + ["UserRow"] * (len(REMOVALS) - 1)
    assert len(admins(editor)) == 1
