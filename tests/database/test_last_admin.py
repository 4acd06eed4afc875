"""Somebody active has the role `admin`, whatever is done to whom at once, unless by force."""

from collections.abc import Callable
from functools import partial

import pytest
from sqlalchemy import Engine

from database.errors import LastAdmin
from database.user_editor import UserEditor
from database.user_filter import UserFilter
from database.user_row import UserRow
from tests.support.database_contents import contents, having, run_concurrently
from tests.support.emptied_database import KINDS, emptied

ROUNDS = 20

Path = Callable[[UserEditor, str, bool], UserRow]


def changing(**members: object) -> Path:
    """Return the way that gives somebody these members."""
    return lambda editor, name, force: editor.change(name, having(**members), force=force)


WAYS: dict[str, Path] = {
    "disable": lambda editor, name, force: editor.set_active(name, active=False, force=force),
    "disable by a change": changing(active=False),
    "demote": changing(roles=("user",)),
    "no roles": changing(roles=()),
    "another admin": changing(roles=("Admin", "administrator")),
    "disable and demote": changing(roles=(), active=False),
    "rename and demote": lambda editor, name, force: editor.change(
        name, having(username=f"former {name}", roles=("user",)), force=force
    ),
    "delete": lambda editor, name, force: editor.delete(name, force=force),
}
EACH = pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)


@pytest.fixture(params=KINDS)
def engine(request: pytest.FixtureRequest) -> Engine:
    """An engine of a database without users."""
    return emptied(request)


@pytest.fixture
def editor(engine: Engine) -> UserEditor:
    """A table with one admin who counts, and others who do not."""
    editor = UserEditor(engine, "tests")
    editor.add("root", None, "hash", ["admin", "user"])
    editor.add("disabled", None, "hash", ["admin"], active=False)
    editor.add("user", None, "hash", ["user", "Admin"])
    return editor


def admins(editor: UserEditor) -> list[str]:
    """Return who is active and has the role."""
    return [row.username for row in editor.users.iterate(UserFilter(role="admin", active=True))]


@EACH
def test_the_last_admin_stays(engine: Engine, editor: UserEditor, way: Path) -> None:
    before = contents(engine)
    with pytest.raises(LastAdmin):
        way(editor, "root", False)
    assert contents(engine) == before


@EACH
def test_by_force_the_last_admin_goes(editor: UserEditor, way: Path) -> None:
    way(editor, "root", True)
    assert admins(editor) == []
    # Now nobody is left who could be the last.
    way(editor, "disabled", False)


@EACH
def test_who_is_not_the_last_admin_goes(editor: UserEditor, way: Path) -> None:
    editor.add("another", None, "hash", ["admin"])
    way(editor, "root", False)
    assert admins(editor) == ["another"]
    with pytest.raises(LastAdmin):
        WAYS["disable"](editor, "another", False)


@pytest.mark.parametrize("name", ["disabled", "user"])
@EACH
def test_who_is_no_active_admin_goes(editor: UserEditor, way: Path, name: str) -> None:
    way(editor, name, False)
    assert admins(editor) == ["root"]


def test_the_last_admin_may_be_changed_otherwise(editor: UserEditor) -> None:
    editor.change("root", having(username="boss", email="boss@example.org", roles=("admin",)))
    editor.set_password("boss", "another")
    editor.set_active("boss", active=True)
    assert admins(editor) == ["boss"]


@pytest.mark.parametrize(
    ("first", "second"),
    [("disable", "disable"), ("demote", "delete"), ("delete", "delete")],
)
def test_of_two_admins_who_put_each_other_out_at_once_one_stays(engine: Engine, first: str, second: str) -> None:
    editor = UserEditor(engine, "tests")
    for number in range(ROUNDS):
        names = [f"one{number}", f"two{number}"]
        for name in names:
            editor.add(name, None, "hash", ["admin"])
        one, two = names
        answers = run_concurrently(
            [partial(WAYS[first], editor, two, False), partial(WAYS[second], editor, one, False)]
        )
        assert sorted(type(answer).__name__ for answer in answers) == ["LastAdmin", "UserRow"]
        (left,) = admins(editor)
        editor.delete(left, force=True)


def test_of_many_admins_who_are_put_out_at_once_one_stays(engine: Engine) -> None:
    editor = UserEditor(engine, "tests")
    for name in WAYS:
        editor.add(name, None, "hash", ["admin"])
    answers = run_concurrently([partial(way, editor, name, False) for name, way in WAYS.items()])
    assert sorted(type(answer).__name__ for answer in answers) == ["LastAdmin"] + ["UserRow"] * (len(WAYS) - 1)
    assert len(admins(editor)) == 1
