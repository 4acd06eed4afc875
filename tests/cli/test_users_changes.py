"""`flask users grant`, `revoke`, `disable`, `enable`, `rename` and `delete`: what each changes, tells and refuses."""

import json

import pytest

from database.user_editor import UserEditor
from tests.support.flask_program import refusal
from tests.support.forked_flask import Forked, answer, read_until
from tests.support.stores import all_users

LATER = " Tokens from before keep the old roles until they are refreshed."


@pytest.fixture
def zoe(table: UserEditor) -> UserEditor:
    """The table, with a user and another one who is its admin."""
    table.add("Zoé", "zoe@example.org", "hash", ["user"])
    table.add("alice", None, "hash", ["admin"])
    return table


def found(table: UserEditor, name: str) -> tuple[str, str | None, tuple[str, ...], bool]:
    row = table.users.require(name)
    return row.username, row.email, row.roles, row.active


CHANGES = [
    (
        ("grant", "zoé", "editor", "user", "b"),
        f"Zoé has the roles b, editor, user.{LATER}",
        {"roles": ["b", "editor", "user"]},
    ),
    (("grant", "zoé", "user"), f"Zoé has the roles user.{LATER}", {"roles": ["user"]}),
    (("revoke", "ZOE@example.org", "user"), f"Zoé has no role.{LATER}", {"roles": []}),
    (("disable", "zoé"), "Zoé is disabled.", {"active": False}),
    (("enable", "zoé"), "Zoé is enabled.", {"active": True}),
    (("rename", "zoé", "zoe"), "The user is now zoe, zoe@example.org.", {"username": "zoe"}),
    (("rename", "zoé", "ZOÉ"), "The user is now ZOÉ, zoe@example.org.", {"username": "ZOÉ"}),
    (("rename", "zoé", "--email", "z@example.org"), "The user is now Zoé, z@example.org.", {"email": "z@example.org"}),
    (("rename", "alice", "--email", "a@x.org"), "The user is now alice, a@x.org.", {"email": "a@x.org"}),
    (("rename", "zoé", "--no-email"), "The user is now Zoé, without an address.", {"email": None}),
    (("rename", "alice", "bob"), "The user is now bob, without an address.", {"username": "bob", "email": None}),
    (
        ("rename", "zoé", "x@example.org", "--email", "x@example.org"),
        "The user is now x@example.org, x@example.org.",
        {"username": "x@example.org", "email": "x@example.org"},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("command", "sentence", "members"), CHANGES)
@pytest.mark.parametrize("in_json", [False, True])
def test_a_change_is_made_and_told(
    *,
    flask: Forked,
    zoe: UserEditor,
    command: tuple[str, ...],
    sentence: str,
    members: dict[str, object],
    in_json: bool,
) -> None:
    who = zoe.users.require(command[1]).id
    ended = flask("users", *command, *["--json"] * in_json)
    assert (ended.returncode, ended.stderr) == (0, "")
    row = zoe.users.get(who)
    assert row
    assert {name: getattr(row, name) for name in members} == {
        name: tuple(value) if isinstance(value, list) else value for name, value in members.items()
    }
    told = json.loads(ended.stdout) if in_json else {}
    assert {name: told[name] for name in members} == members if in_json else ended.stdout == f"{sentence}\n"


@pytest.mark.parametrize("in_json", [False, True])
def test_who_is_deleted_is_gone(flask: Forked, zoe: UserEditor, in_json: bool) -> None:
    ended = flask("users", "delete", "zoe@example.org", "--yes", *["--json"] * in_json)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert json.loads(ended.stdout)["deleted"] if in_json else ended.stdout == "Deleted Zoé.\n"
    assert [row.username for row in all_users(zoe.users)] == ["alice"]


REFUSED = [
    (("revoke", "zoé", "user", "editor"), "Zoé does not have the role editor, but user"),
    (("rename", "zoé"), "there is nothing to change. Write another username, --email or --no-email"),
    (("rename", "zoé", "ALICE"), "this username or email address is taken"),
    (("rename", "alice", "Zoe@Example.org"), "this username or email address is taken"),
    (("rename", "alice", "--email", "zoe@example.org"), "this username or email address is taken"),
    (("rename", "alice", "--email", "zoé"), "this username or email address is taken"),
    (("grant", "zoé", " "), "it is empty"),
    (("grant", "zoé", "a\tb"), "it has control characters"),
    (("delete", "zoé"), "there is no terminal to ask for a confirmation. Add --yes"),
]


@pytest.mark.parametrize(("command", "why"), REFUSED)
@pytest.mark.parametrize("in_json", [False, True])
def test_what_is_refused_changes_nothing(
    flask: Forked, zoe: UserEditor, command: tuple[str, ...], why: str, in_json: bool
) -> None:
    before = all_users(zoe.users)
    assert why in refusal(flask("users", *command, *["--json"] * in_json))
    assert all_users(zoe.users) == before
    assert len(zoe.users.history("zoé")) == 1


@pytest.mark.parametrize("command", [("revoke", "alice", "admin"), ("disable", "alice"), ("delete", "alice", "--yes")])
def test_the_last_admin_stays_unless_by_force(flask: Forked, zoe: UserEditor, command: tuple[str, ...]) -> None:
    zoe.add("another", None, "hash", ["admin"], active=False)
    before = all_users(zoe.users)
    told = refusal(flask("users", *command))
    assert "cannot remove the last active administrator. Give another user the role admin, or add --force" in told
    assert all_users(zoe.users) == before
    assert flask("users", *command, "--force").returncode == 0
    assert [row.username for row in all_users(zoe.users) if row.active and "admin" in row.roles] == []


def test_another_admin_lets_one_go(flask: Forked, zoe: UserEditor) -> None:
    assert flask("users", "grant", "zoé", "admin").returncode == 0
    assert flask("users", "revoke", "alice", "admin").returncode == 0
    assert found(zoe, "alice") == ("alice", None, (), True)
    assert refusal(flask("users", "disable", "zoé"))


@pytest.mark.parametrize(
    ("typed", "code", "left"), [("y\n", 0, 1), ("n\n", 1, 2), ("\n", 1, 2), ("\x03", 1, 2), ("\x04", 1, 2)]
)
def test_at_a_terminal_a_deletion_is_asked_for(
    flask: Forked, zoe: UserEditor, typed: str, code: int, left: int
) -> None:
    with flask.terminal("users", "delete", "zoé") as screen:
        shown = read_until(screen, "Delete Zoé for good? [y/N]: ")
        shown += answer(screen, typed)
        assert flask.wait().code == code
    assert ("Deleted Zoé." in shown, "Aborted!" in shown) == (code == 0, code == 1)
    assert len(all_users(zoe.users)) == left


def test_a_change_is_made_anywhere(anywhere: Forked, any_table: UserEditor) -> None:
    for command in (
        ("add", "zoé", "--generate"),
        ("grant", "zoé", "a", "b"),
        ("revoke", "zoé", "a"),
        ("disable", "zoé"),
    ):
        assert anywhere("users", *command).returncode == 0
    assert found(any_table, "zoé") == ("zoé", None, ("b",), False)
    assert anywhere("users", "delete", "zoé", "--yes").returncode == 0
    assert all_users(any_table.users) == []
