"""`flask users hash-report`."""

import json
import re

import pytest

from database.user_editor import UserEditor
from tests.support.foreign_hashes import STRONG, UNUSABLE, WEAK
from tests.support.forked_flask import ForkedFlask

HASHES = {
    "alice": STRONG, "bob": STRONG, "carol": STRONG,
    "dave": WEAK["ssha"], "erin": WEAK["ssha"],
    "frank": WEAK["bcrypt"],
    "grace": UNUSABLE,
}  # fmt: skip
POLICY = "m=19456 t=2 p=1"


@pytest.fixture
def users(any_db_editor: UserEditor) -> UserEditor:
    return add_users(any_db_editor)


@pytest.fixture
def sqlite_users(sqlite_editor: UserEditor) -> UserEditor:
    return add_users(sqlite_editor)


def add_users(table: UserEditor) -> UserEditor:
    for name, hashed in HASHES.items():
        table.add(name, None, hashed, active=name not in {"bob", "dave", "erin"})
    return table


@pytest.mark.usefixtures("users")
def test_json_has_every_scheme_with_the_most_frequent_first(any_db_cli: ForkedFlask) -> None:
    ended = any_db_cli("users", "hash-report", "--json")
    assert (ended.returncode, ended.stderr) == (0, "")
    schemes = [tuple(scheme.values()) for scheme in json.loads(ended.stdout)]
    assert schemes[:2] == [("argon2id", POLICY, "current", 3, 2, "alice"), ("ssha", "", "weak", 2, 0, "dave")]
    assert sorted(schemes[2:]) == [
        ("-", "has no salt", "unusable", 1, 1, "grace"),
        ("bcrypt", "cost=4", "weak", 1, 1, "frank"),
    ]


@pytest.mark.usefixtures("sqlite_users")
def test_report_is_a_table_with_remedies(sqlite_cli: ForkedFlask) -> None:
    output = sqlite_cli("users", "hash-report").stdout
    table, _, sentences = output.partition("\n\n")
    heads, *rows = [re.split(r"  +", line) for line in table.splitlines()]
    assert heads == ["SCHEME", "PARAMETERS", "STATUS", "USERS", "ACTIVE", "EXAMPLE"]
    assert rows[:2] == [["argon2id", POLICY, "current", "3", "2", "alice"], ["ssha", "-", "weak", "2", "0", "dave"]]
    assert sentences == (
        "Weak hashes: 3. Each is replaced at the user's next login.\n"
        "Weak or unusable hashes: 4. Without support for weak hashes, these users cannot log in.\n"
        "Unusable hashes: 1. Their users cannot log in. Set a new password: flask users set-password\n"
    )
    assert "\x1b" not in output


def test_report_without_unusable_hashes_has_no_remedy(sqlite_cli: ForkedFlask, sqlite_editor: UserEditor) -> None:
    sqlite_editor.add("zoé", None, STRONG)
    output = sqlite_cli("users", "hash-report").stdout
    assert output.endswith("Weak or unusable hashes: 0. Without support for weak hashes, these users cannot log in.\n")


def test_empty_table_is_reported(any_db_cli: ForkedFlask) -> None:
    assert json.loads(any_db_cli("users", "hash-report", "--json").stdout) == []
    assert any_db_cli("users", "hash-report").returncode == 0


@pytest.mark.usefixtures("sqlite_users")
def test_show_has_the_scheme_and_status_of_the_hash(sqlite_cli: ForkedFlask) -> None:
    for name, password, line in (
        ("alice", ("argon2id", POLICY, "current"), f"argon2id {POLICY} (current)"),
        ("grace", ("-", "has no salt", "unusable"), "unusable: has no salt"),
    ):
        assert f"Password    {line}\n" in sqlite_cli("users", "show", name).stdout
        shown = json.loads(sqlite_cli("users", "show", name, "--json").stdout)
        assert tuple(shown["password"].values()) == password
        assert HASHES[name] not in sqlite_cli("users", "show", name, "--json").stdout
