"""`flask users hash-report`: how many have which hash, and whom it would strand."""

import json
import re

import pytest

from database.user_editor import UserEditor
from tests.support.foreign_hashes import STRONG, UNUSABLE, WEAK
from tests.support.forked_flask import Forked

HASHES = {
    "alice": STRONG, "bob": STRONG, "carol": STRONG,
    "dave": WEAK["ssha"], "erin": WEAK["ssha"],
    "frank": WEAK["bcrypt"],
    "grace": UNUSABLE,
}  # fmt: skip
POLICY = "m=19456 t=2 p=1"


@pytest.fixture
def people(any_table: UserEditor) -> UserEditor:
    return filled(any_table)


@pytest.fixture
def people_here(table: UserEditor) -> UserEditor:
    return filled(table)


def filled(table: UserEditor) -> UserEditor:
    for name, hashed in HASHES.items():
        table.add(name, None, hashed, active=name not in {"bob", "dave", "erin"})
    return table


@pytest.mark.usefixtures("people")
def test_scripts_are_told_every_kind_the_commonest_first(anywhere: Forked) -> None:
    ended = anywhere("users", "hash-report", "--json")
    assert (ended.returncode, ended.stderr) == (0, "")
    kinds = [tuple(kind.values()) for kind in json.loads(ended.stdout)]
    assert kinds[:2] == [("argon2id", POLICY, "current", 3, 2, "alice"), ("ssha", "", "weak", 2, 0, "dave")]
    assert sorted(kinds[2:]) == [
        ("-", "has no salt", "unusable", 1, 1, "grace"),
        ("bcrypt", "cost=4", "weak", 1, 1, "frank"),
    ]


@pytest.mark.usefixtures("people_here")
def test_a_person_is_told_what_to_do(flask: Forked) -> None:
    told = flask("users", "hash-report").stdout
    table, _, sentences = told.partition("\n\n")
    heads, *rows = [re.split(r"  +", line) for line in table.splitlines()]
    assert heads == ["SCHEME", "PARAMETERS", "STATUS", "USERS", "ACTIVE", "EXAMPLE"]
    assert rows[:2] == [["argon2id", POLICY, "current", "3", "2", "alice"], ["ssha", "-", "weak", "2", "0", "dave"]]
    assert sentences == (
        "Weak hashes: 3. Each is replaced at the user's next login.\n"
        "Weak or unusable hashes: 4. Without support for old schemes, their users cannot log in.\n"
        "Unusable hashes: 1. Their users cannot log in. Set a new password: flask users set-password\n"
    )
    assert "\x1b" not in told


def test_without_anybody_unusable_there_is_nothing_to_do(flask: Forked, table: UserEditor) -> None:
    table.add("zoé", None, STRONG)
    told = flask("users", "hash-report").stdout
    assert told.endswith("Weak or unusable hashes: 0. Without support for old schemes, their users cannot log in.\n")


def test_an_empty_table_is_no_error(anywhere: Forked) -> None:
    assert json.loads(anywhere("users", "hash-report", "--json").stdout) == []
    assert anywhere("users", "hash-report").returncode == 0


@pytest.mark.usefixtures("people_here")
def test_show_tells_the_kind_of_one(flask: Forked) -> None:
    for name, password in (("alice", ("argon2id", POLICY, "current")), ("grace", ("-", "has no salt", "unusable"))):
        told = json.loads(flask("users", "show", name, "--json").stdout)
        assert tuple(told["password"].values()) == password
        assert f"Password    {password[0]} {password[1]} ({password[2]})" in flask("users", "show", name).stdout
        assert HASHES[name] not in flask("users", "show", name, "--json").stdout
