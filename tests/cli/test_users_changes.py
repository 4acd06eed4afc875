"""`flask users add-role`, `remove-role`, `disable`, `enable`, `update` and `delete`."""

import json

import pytest

from database.user_editor import UserEditor
from tests.support.flask_program import error_line
from tests.support.forked_flask import ForkedFlask, answer, read_until
from tests.support.stores import all_users

ENDED_SESSIONS = " Their sessions have ended."
EXISTING_TOKENS = " Existing tokens keep the previous roles until they are refreshed."


@pytest.fixture
def zoe(sqlite_editor: UserEditor) -> UserEditor:
    """Return the table with a user and an administrator."""
    sqlite_editor.add("Zoé", "zoe@example.org", "hash", ["user"])
    sqlite_editor.add("alice", None, "hash", ["admin"])
    return sqlite_editor


def stored_user(table: UserEditor, name: str) -> tuple[str, str | None, tuple[str, ...], bool]:
    row = table.users.require(name)
    return row.username, row.email, row.roles, row.active


CHANGES = [
    (
        ("add-role", "zoé", "editor", "user", "b"),
        f"Zoé now has the roles b, editor, user.{EXISTING_TOKENS}",
        {"roles": ["b", "editor", "user"]},
    ),
    (("add-role", "zoé", "user"), f"Zoé now has the roles user.{EXISTING_TOKENS}", {"roles": ["user"]}),
    (("remove-role", "ZOE@example.org", "user"), f"Zoé now has no role.{ENDED_SESSIONS}", {"roles": []}),
    (("disable", "zoé"), "Disabled Zoé.", {"active": False}),
    (("enable", "zoé"), "Enabled Zoé.", {"active": True}),
    (
        ("update", "zoé", "--username", "zoe"),
        "The user now has the username zoe and the email zoe@example.org.",
        {"username": "zoe"},
    ),
    (
        ("update", "zoé", "--username", "ZOÉ"),
        "The user now has the username ZOÉ and the email zoe@example.org.",
        {"username": "ZOÉ"},
    ),
    (
        ("update", "zoé", "--email", "z@example.org"),
        "The user now has the username Zoé and the email z@example.org.",
        {"email": "z@example.org"},
    ),
    (
        ("update", "alice", "--email", "a@x.org"),
        "The user now has the username alice and the email a@x.org.",
        {"email": "a@x.org"},
    ),
    (("update", "zoé", "--no-email"), "The user now has the username Zoé and no email.", {"email": None}),
    (
        ("update", "alice", "--username", "bob"),
        "The user now has the username bob and no email.",
        {"username": "bob", "email": None},
    ),
    (
        ("update", "zoé", "--username", "x@example.org", "--email", "x@example.org"),
        "The user now has the username x@example.org and the email x@example.org.",
        {"username": "x@example.org", "email": "x@example.org"},
    ),
]


@pytest.mark.parametrize(("command", "sentence", "members"), CHANGES)
@pytest.mark.parametrize("as_json", [False, True])
def test_change_is_stored_and_printed(
    *,
    sqlite_cli: ForkedFlask,
    zoe: UserEditor,
    command: tuple[str, ...],
    sentence: str,
    members: dict[str, object],
    as_json: bool,
) -> None:
    user_id = zoe.users.require(command[1]).id
    ended = sqlite_cli("users", *command, *["--json"] * as_json)
    assert (ended.returncode, ended.stderr) == (0, "")
    row = zoe.users.get(user_id)
    assert row
    assert {name: getattr(row, name) for name in members} == {
        name: tuple(value) if isinstance(value, list) else value for name, value in members.items()
    }
    printed = json.loads(ended.stdout) if as_json else {}
    assert {name: printed[name] for name in members} == members if as_json else ended.stdout == f"{sentence}\n"


@pytest.mark.parametrize("as_json", [False, True])
def test_deleted_user_is_removed(sqlite_cli: ForkedFlask, zoe: UserEditor, as_json: bool) -> None:
    ended = sqlite_cli("users", "delete", "zoe@example.org", "--yes", *["--json"] * as_json)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert json.loads(ended.stdout)["deleted"] if as_json else ended.stdout == "Deleted Zoé.\n"
    assert [row.username for row in all_users(zoe.users)] == ["alice"]


ERRORS = [
    (("remove-role", "zoé", "user", "editor"), "Zoé does not have the role editor. Current roles: user"),
    (("update", "zoé"), "there is nothing to change. Add --username, --email or --no-email"),
    (("update", "zoé", "--username", "ALICE"), "this username or email is taken"),
    (("update", "alice", "--username", "Zoe@Example.org"), "this username or email is taken"),
    (("update", "alice", "--email", "zoe@example.org"), "this username or email is taken"),
    (("update", "alice", "--email", "zoé"), "this username or email is taken"),
    (("update", "zoé", "--username", "al\u200bice"), "the username must not contain invisible, private-use or"),
    (("update", "zoé", "--email", "\u202ealice"), "the email must not contain invisible, private-use or"),
    (("add-role", "zoé", " "), "must not be empty"),
    (("add-role", "zoé", "a\tb"), "must not contain control characters"),
    (("delete", "zoé"), "cannot ask for a confirmation without a terminal. Add --yes"),
]


@pytest.mark.parametrize(("command", "message"), ERRORS)
@pytest.mark.parametrize("as_json", [False, True])
def test_error_changes_nothing(
    sqlite_cli: ForkedFlask, zoe: UserEditor, command: tuple[str, ...], message: str, as_json: bool
) -> None:
    before = all_users(zoe.users)
    assert message in error_line(sqlite_cli("users", *command, *["--json"] * as_json))
    assert all_users(zoe.users) == before
    assert len(zoe.users.history("zoé")) == 1


@pytest.mark.parametrize(
    "command", [("remove-role", "alice", "admin"), ("disable", "alice"), ("delete", "alice", "--yes")]
)
def test_last_admin_is_removed_only_with_force(
    sqlite_cli: ForkedFlask, zoe: UserEditor, command: tuple[str, ...]
) -> None:
    zoe.add("another", None, "hash", ["admin"], active=False)
    before = all_users(zoe.users)
    error = error_line(sqlite_cli("users", *command))
    assert "cannot remove the last active administrator. Give another user the role admin, or add --force" in error
    assert all_users(zoe.users) == before
    assert sqlite_cli("users", *command, "--force").returncode == 0
    assert [row.username for row in all_users(zoe.users) if row.active and "admin" in row.roles] == []


def test_admin_is_removed_if_there_is_another(sqlite_cli: ForkedFlask, zoe: UserEditor) -> None:
    assert sqlite_cli("users", "add-role", "zoé", "admin").returncode == 0
    assert sqlite_cli("users", "remove-role", "alice", "admin").returncode == 0
    assert stored_user(zoe, "alice") == ("alice", None, (), True)
    assert error_line(sqlite_cli("users", "disable", "zoé"))


@pytest.mark.parametrize(
    ("typed", "code", "left"), [("y\n", 0, 1), ("n\n", 1, 2), ("\n", 1, 2), ("\x03", 1, 2), ("\x04", 1, 2)]
)
def test_delete_asks_for_confirmation_at_a_terminal(
    sqlite_cli: ForkedFlask, zoe: UserEditor, typed: str, code: int, left: int
) -> None:
    with sqlite_cli.terminal("users", "delete", "zoé") as screen:
        shown = read_until(screen, "Delete Zoé permanently? [y/N]: ")
        shown += answer(screen, typed)
        assert sqlite_cli.wait().code == code
    assert ("Deleted Zoé." in shown, "Aborted!" in shown) == (code == 0, code == 1)
    assert len(all_users(zoe.users)) == left


def test_changes_on_each_kind_of_database(any_db_cli: ForkedFlask, any_db_editor: UserEditor) -> None:
    for command in (
        ("add", "zoé", "--generate"),
        ("add-role", "zoé", "a", "b"),
        ("remove-role", "zoé", "a"),
        ("disable", "zoé"),
    ):
        assert any_db_cli("users", *command).returncode == 0
    assert stored_user(any_db_editor, "zoé") == ("zoé", None, ("b",), False)
    assert any_db_cli("users", "delete", "zoé", "--yes").returncode == 0
    assert all_users(any_db_editor.users) == []
