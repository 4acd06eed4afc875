"""`flask users roles` and `change-roles`: who has which role, and the roles of many users."""

import json
from pathlib import Path

import pytest

from database.user_editor import UserEditor
from tests.cli.conftest import client_of, contents
from tests.support.flask_program import error_line
from tests.support.forked_flask import ForkedFlask
from tests.support.stores import all_users, hashed

PASSWORD = "the password of all of them"
USERS = [("alice", ["admin", "user"], True), ("bob", ["user"], True), ("zoé", ["user"], False), ("dan", [], True)]


@pytest.fixture
def table(any_db_editor: UserEditor) -> UserEditor:
    """Return a table with some users."""
    for name, roles, active in USERS:
        any_db_editor.add(name, f"{name}@example.org", hashed(PASSWORD), roles, active)
    return any_db_editor


def roles_of(table: UserEditor) -> dict[str, tuple[str, ...]]:
    return {row.username: row.roles for row in all_users(table.users)}


@pytest.mark.usefixtures("table")
def test_roles_are_listed_with_their_users(any_db_cli: ForkedFlask) -> None:
    any_db_cli("users", "remove-role", "bob", "user")
    any_db_cli("users", "add-role", "bob", "unused")
    any_db_cli("users", "remove-role", "bob", "unused")
    assert any_db_cli("users", "roles").stdout == (
        "ROLE    USERS  ACTIVE  WHO\n"
        "admin   1      1       alice\n"
        "unused  0      0       -\n"
        "user    2      1       alice, zoé\n"
    )
    listed = json.loads(any_db_cli("users", "roles", "--json").stdout)
    assert listed[2] == {"role": "user", "users": 2, "active": 1, "first_usernames": ["alice", "zoé"]}


def test_roles_of_the_users_in_a_file_are_changed_or_none(
    any_db_cli: ForkedFlask, table: UserEditor, tmp_path: Path
) -> None:
    (tmp_path / "team.txt").write_text("\ufeffBOB\r\n\nzoé@example.org\nbob@example.org\n")
    change = ("users", "change-roles", "--file", "team.txt", "--add", "editor", "--remove", "user")
    before = contents(table)
    ended = any_db_cli(*change, "--dry-run")
    assert (ended.stdout, contents(table)) == (
        "USERNAME  ROLES\nbob       +editor -user\nzoé       +editor -user\n\n2 of 2 users would change.\n",
        before,
    )
    (tmp_path / "wrong.txt").write_text("bob\nnone\n")
    error = error_line(any_db_cli("users", "change-roles", "--file", "wrong.txt", "--add", "editor"))
    assert error.startswith("Error: no user has the username or email none. Nothing was changed.")
    assert contents(table) == before
    assert any_db_cli(*change).stdout.endswith("\n2 of 2 users changed.\n")
    assert any_db_cli(*change).stdout == "0 of 2 users changed.\n"
    assert roles_of(table) == {"alice": ("admin", "user"), "bob": ("editor",), "dan": (), "zoé": ("editor",)}
    events = [(event.action, event.username_folded, event.details) for event in table.users.history_of(2)]
    assert events[0] == ("roles_changed", "bob", "+editor -user")


def test_removed_role_ends_the_sessions_of_its_users_only(
    any_db_cli: ForkedFlask, table: UserEditor, migrated_database: str
) -> None:
    client = client_of(migrated_database)
    tokens = {
        name: client.post("/api/auth", json={"email": name, "password": PASSWORD}).get_json()["refresh_token"]
        for name in ("bob", "dan")
    }
    assert any_db_cli("users", "change-roles", "--role", "user", "--active", "--remove", "user").returncode == 0
    assert roles_of(table) == {"alice": ("admin",), "bob": (), "dan": (), "zoé": ("user",)}
    statuses = {
        name: client.post("/api/auth/refresh", json={"refresh_token": token}).status_code
        for name, token in tokens.items()
    }
    assert statuses == {"bob": 400, "dan": 200}


def test_last_administrator_keeps_the_role_unless_it_is_forced(any_db_cli: ForkedFlask, table: UserEditor) -> None:
    change = ("users", "change-roles", "--all", "--remove", "admin", "--add", "x")
    assert "cannot remove the last active administrator" in error_line(any_db_cli(*change))
    assert roles_of(table)["bob"] == ("user",)
    result = json.loads(any_db_cli(*change, "--force", "--json").stdout)
    assert (result["selected"], len(result["changes"])) == (4, 4)
    assert roles_of(table)["alice"] == ("user", "x")


def test_many_users_are_changed_with_every_page(
    sqlite_cli: ForkedFlask, sqlite_editor: UserEditor, tmp_path: Path
) -> None:
    rows = "".join(f"user{number}:{hashed(PASSWORD)}\n" for number in range(2_500))
    (tmp_path / "users.htpasswd").write_text(rows)
    assert sqlite_cli("users", "import", "users.htpasswd", "--role", "old").returncode == 0
    ended = sqlite_cli("users", "change-roles", "--role", "old", "--remove", "old", "--add", "new")
    assert ended.stdout.endswith("… and 2,480 more users. To list all: --json\n\n2,500 of 2,500 users changed.\n")
    assert {row.roles for row in all_users(sqlite_editor.users)} == {("new",)}
    names = "".join(f"USER{number}\n" for number in range(2_500))
    ended = sqlite_cli("users", "change-roles", "--file", "-", "--add", "newer", stdin=names)
    assert ended.stdout.endswith("\n2,500 of 2,500 users changed.\n")


def test_filters_that_match_no_user_are_reported(sqlite_cli: ForkedFlask) -> None:
    ended = sqlite_cli("users", "change-roles", "--role", "misspelt", "--add", "editor")
    assert ended.stdout == "No user matches the filters. To list roles and users: flask users roles, flask users list\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--all",), "there is nothing to change"),
        (("--add", "a"), "select users with --file"),
        (("--add", "a", "--all", "--role", "b"), "select users with --file"),
        (("--add", "a", "--remove", "a", "--all"), "the role a cannot be added and removed"),
        (("--add", "a,b", "--all"), "must not contain a comma or a semicolon"),
        (("--add", "a", "--file", "missing"), "missing cannot be used"),
        (("--add", "a", "--file", "."), ". cannot be used"),
        (("--add", "a", "--file", "bad"), "bad is not UTF-8. Save it as UTF-8"),
        (("--add", "a", "--file", "empty"), "empty names no users"),
    ],
)
def test_invalid_selection_is_one_line(
    sqlite_cli: ForkedFlask, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    (tmp_path / "bad").write_bytes(b"\xff\n")
    (tmp_path / "empty").write_text("\n")
    assert message in error_line(sqlite_cli("users", "change-roles", *arguments))
