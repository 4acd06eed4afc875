"""`flask users export`: what it writes is the same table elsewhere."""

import json
import stat
from pathlib import Path

import pytest

from database.user_editor import UserEditor
from tests.cli.conftest import client_of, log_in
from tests.support.flask_program import refusal
from tests.support.foreign_hashes import PASSWORD, STRONG, WEAK
from tests.support.forked_flask import Forked
from tests.support.stores import all_users, engine_of, user_table
from tests.support.users import SAMPLE_USERS

ROLES = ["comma, here", 'a "quoted" one', "plain", "日本", "a; b", "it's"]


@pytest.fixture
def people(any_table: UserEditor) -> UserEditor:
    """People whose names, addresses, roles and hashes are awkward."""
    for number, person in enumerate(SAMPLE_USERS):
        any_table.add(person.username, person.email, STRONG, person.roles, active=number % 2 == 0)
    any_table.add("every role", None, WEAK["ssha"], ROLES)
    any_table.add('"', None, WEAK["pbkdf2-of-django"], [ROLES[1]])
    any_table.add("=cmd()", None, STRONG, ROLES[:2], active=False)
    return any_table


def told(table: UserEditor) -> list[tuple[object, ...]]:
    """Return what is to be the same elsewhere."""
    return [(row.username, row.email, row.password_hash, row.roles, row.active) for row in all_users(table.users)]


@pytest.mark.parametrize("arguments", [(), ("--json",)])
@pytest.mark.parametrize("to_file", [False, True])
def test_an_export_is_the_same_table_elsewhere(
    anywhere: Forked, people: UserEditor, tmp_path: Path, arguments: tuple[str, ...], to_file: bool
) -> None:
    file = tmp_path / ("users.jsonl" if arguments else "users.csv")
    ended = anywhere("users", "export", *arguments, *["--output", file.name] * to_file)
    assert (ended.returncode, ended.stderr, bool(ended.stdout)) == (0, "", not to_file)
    if not to_file:
        file.write_bytes(ended.stdout.encode())
    elsewhere = f"sqlite:///{tmp_path}/elsewhere.db"
    user_table(elsewhere, [])
    assert anywhere("users", "import", file.name, DATABASE_URL=elsewhere).returncode == 0
    copy = UserEditor(engine_of({"DATABASE_URL": elsewhere}), "tests")
    assert told(copy) == told(people)
    assert anywhere("users", "export", *arguments, DATABASE_URL=elsewhere).stdout == ended.stdout or to_file
    assert log_in(client_of(elsewhere), "every role", PASSWORD) == 200


def test_a_file_is_for_nobody_elses_eyes_and_is_not_overwritten(flask: Forked, tmp_path: Path) -> None:
    (tmp_path / "old.csv").write_text("old")
    taken = "old.csv exists. Move it, or choose another file: --output"
    assert taken in refusal(flask("users", "export", "--output", "old.csv"))
    assert refusal(flask("users", "export", "--output", "/"))
    assert "No such file" in refusal(flask("users", "export", "--output", "no/folder/x.csv"))
    assert flask("users", "export", "--output", "new.csv").returncode == 0
    assert stat.S_IMODE((tmp_path / "new.csv").stat().st_mode) == 0o600
    assert (tmp_path / "old.csv").read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir() if "csv" in path.name) == ["new.csv", "old.csv"]


def test_without_users_an_export_is_read_too(flask: Forked, tmp_path: Path) -> None:
    (tmp_path / "none.csv").write_text(flask("users", "export").stdout)
    assert flask("users", "export", "--json").stdout == ""
    assert flask("users", "import", "none.csv").stdout.endswith("The file has no users.\n")


def test_an_object_a_line_is_for_scripts(flask: Forked, table: UserEditor) -> None:
    table.add("zoé", None, STRONG, ["user"], active=False)
    assert json.loads(flask("users", "export", "--json").stdout) == {
        "username": "zoé", "email": None, "password_hash": STRONG, "roles": ["user"], "active": False,
    }  # fmt: skip
