"""`flask users export`: the exported users can be imported into another database."""

import json
import stat
from pathlib import Path

import pytest

from database.user_editor import UserEditor
from tests.cli.conftest import client_of, log_in
from tests.support.flask_program import error_line
from tests.support.foreign_hashes import PASSWORD, STRONG, WEAK
from tests.support.forked_flask import ForkedFlask
from tests.support.stores import all_users, engine_of, user_table
from tests.support.users import SAMPLE_USERS

ROLES = ["=formula", 'a "quoted" one', "plain", "日本", "a: b", "it's"]


@pytest.fixture
def sample_users(any_db_editor: UserEditor) -> UserEditor:
    """Return a table of users with special characters in their names, emails, roles and hashes."""
    for number, user in enumerate(SAMPLE_USERS):
        any_db_editor.add(user.username, user.email, STRONG, user.roles, active=number % 2 == 0)
    any_db_editor.add("every role", None, WEAK["ssha"], ROLES)
    any_db_editor.add('"', None, WEAK["pbkdf2-of-django"], [ROLES[1]])
    any_db_editor.add("=cmd()", None, STRONG, ROLES[:2], active=False)
    return any_db_editor


def user_fields(table: UserEditor) -> list[tuple[object, ...]]:
    """Return the fields that an export keeps."""
    return [(row.username, row.email, row.password_hash, row.roles, row.active) for row in all_users(table.users)]


@pytest.mark.parametrize("arguments", [(), ("--json",)])
@pytest.mark.parametrize("to_file", [False, True])
def test_imported_export_has_the_same_users(
    any_db_cli: ForkedFlask, sample_users: UserEditor, tmp_path: Path, arguments: tuple[str, ...], to_file: bool
) -> None:
    file = tmp_path / ("users.jsonl" if arguments else "users.csv")
    ended = any_db_cli("users", "export", *arguments, *["--output", file.name] * to_file)
    assert (ended.returncode, ended.stderr, bool(ended.stdout)) == (0, "", not to_file)
    if not to_file:
        file.write_bytes(ended.stdout.encode())
    other_url = f"sqlite:///{tmp_path}/other.db"
    user_table(other_url, [])
    assert any_db_cli("users", "import", file.name, DATABASE_URL=other_url).returncode == 0
    copy = UserEditor(engine_of({"DATABASE_URL": other_url}), "tests")
    assert user_fields(copy) == user_fields(sample_users)
    assert any_db_cli("users", "export", *arguments, DATABASE_URL=other_url).stdout == ended.stdout or to_file
    assert log_in(client_of(other_url), "every role", PASSWORD) == 200


def test_file_is_private_and_an_existing_file_is_not_overwritten(sqlite_cli: ForkedFlask, tmp_path: Path) -> None:
    (tmp_path / "old.csv").write_text("old")
    error = "old.csv exists. Move it, or choose another file: --output"
    assert error in error_line(sqlite_cli("users", "export", "--output", "old.csv"))
    assert error_line(sqlite_cli("users", "export", "--output", "/"))
    missing = error_line(sqlite_cli("users", "export", "--output", "no/folder/x.csv"))
    assert missing == "Error: no/folder/x.csv cannot be used: No such file or directory"
    assert sqlite_cli("users", "export", "--output", "new.csv").returncode == 0
    assert stat.S_IMODE((tmp_path / "new.csv").stat().st_mode) == 0o600
    assert (tmp_path / "old.csv").read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir() if "csv" in path.name) == ["new.csv", "old.csv"]


def test_export_without_users_is_imported(sqlite_cli: ForkedFlask, tmp_path: Path) -> None:
    (tmp_path / "none.csv").write_text(sqlite_cli("users", "export").stdout)
    assert sqlite_cli("users", "export", "--json").stdout == ""
    assert sqlite_cli("users", "import", "none.csv").stdout.endswith("The file has no users.\n")


def test_json_is_one_object_per_line(sqlite_cli: ForkedFlask, sqlite_editor: UserEditor) -> None:
    sqlite_editor.add("zoé", None, STRONG, ["user"], active=False)
    assert json.loads(sqlite_cli("users", "export", "--json").stdout) == {
        "username": "zoé", "email": None, "password_hash": STRONG, "roles": ["user"], "active": False,
    }  # fmt: skip
