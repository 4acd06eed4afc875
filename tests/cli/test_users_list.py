"""`flask users list`: its pages, filters and formats."""

import csv
import json
import shlex
from collections.abc import Iterator
from datetime import UTC, datetime
from io import StringIO
from typing import Any

import pytest

from database.tables import users
from database.user_editor import UserEditor
from tests.support.flask_program import refusal
from tests.support.forked_flask import Forked
from tests.support.users import SAMPLE_USERS

HEADS = ("USERNAME", "EMAIL", "ROLES", "ACTIVE", "CREATED", "LAST LOGIN")


@pytest.fixture
def people(any_table: UserEditor) -> UserEditor:
    """The awkward people, every third of them disabled."""
    return filled(any_table)


@pytest.fixture
def people_here(table: UserEditor) -> UserEditor:
    """The same on SQLite."""
    return filled(table)


def filled(table: UserEditor) -> UserEditor:
    for number, person in enumerate(SAMPLE_USERS):
        table.add(person.username, person.email, "hash", person.roles, active=number % 3 != 0)
    table.add("-nobody", None, "hash", ["a role, with a comma"])
    return table


def listed(flask: Forked, *arguments: str) -> list[dict[str, Any]]:
    ended = flask("users", "list", "--json", *arguments)
    assert (ended.returncode, ended.stderr) == (0, "")
    found: list[dict[str, Any]] = json.loads(ended.stdout)
    return found


def names(flask: Forked, *arguments: str) -> list[str]:
    return [user["username"] for user in listed(flask, *arguments)]


def test_without_users_there_are_heads_alone(flask: Forked) -> None:
    assert flask("users", "list").stdout.split() == " ".join(HEADS).split()
    assert listed(flask) == listed(flask, "--limit", "1") == []
    assert flask("users", "list", "--csv").stdout.count("\n") == 1


def width(text: str) -> int:
    """Return the columns of a text in which only these characters are wide."""
    return len(text) + sum(text.count(character) for character in "日本太郎")


@pytest.mark.usefixtures("people_here")
def test_columns_line_up_with_wide_characters_and_accents_too(flask: Forked, people_here: UserEditor) -> None:
    people_here.add("e\N{COMBINING CIRCUMFLEX ACCENT BELOW}x", None, "hash")
    lines = flask("users", "list").stdout.splitlines()
    starts = [lines[0].index(head) for head in HEADS]
    assert len(lines) == len(SAMPLE_USERS) + 3
    for line in lines[1:]:
        shown = line.replace("\N{COMBINING CIRCUMFLEX ACCENT BELOW}", "")
        email = next(cell for cell in shown.split("  ") if "@" in cell or cell.strip() == "-").strip()
        assert width(shown[: shown.index(f" {email} ") + 1]) == starts[1]
        assert not line.endswith(" ")


@pytest.mark.usefixtures("people_here")
def test_a_row_has_what_there_is_to_know(flask: Forked, people_here: UserEditor) -> None:
    row = people_here.users.require("smith, john")
    people_here.users.record_login(row, datetime(2026, 5, 6, 7, tzinfo=UTC), "hash")
    (line,) = [line for line in flask("users", "list").stdout.splitlines() if line.startswith("smith")]
    today = f"{row.created_at:%Y-%m-%d}"
    cells = [cell for cell in line.split("  ") if cell]
    assert [cell.strip() for cell in cells] == [
        "smith, john", "john.smith@example.org", "editor,user", "no", today, "2026-05-06",
    ]  # fmt: skip


@pytest.mark.usefixtures("people")
def test_json_and_csv_have_everybody_with_every_member(anywhere: Forked, people: UserEditor) -> None:
    found = listed(anywhere)
    members = ("id", "username", "email", "roles", "active", "created_at", "updated_at", "last_login_at")
    assert {tuple(user) for user in found} == {members}
    assert len(found) == len(SAMPLE_USERS) + 1
    zoe = next(user for user in found if user["username"] == "zoé")
    assert (zoe["email"], zoe["roles"], zoe["active"]) == ("zoe@example.org", ["admin", "user"], False)
    assert datetime.fromisoformat(zoe["created_at"]) == people.users.require("zoé").created_at
    rows = list(csv.DictReader(StringIO(anywhere("users", "list", "--csv").stdout, newline="")))
    assert [row["username"] for row in rows] == [user["username"] for user in found]
    assert [row["active"] for row in rows] == [json.dumps(user["active"]) for user in found]
    assert [row["email"] or None for row in rows] == [user["email"] for user in found]


@pytest.mark.usefixtures("people_here")
def test_roles_in_csv_can_be_told_apart(flask: Forked) -> None:
    rows = csv.DictReader(StringIO(flask("users", "list", "--csv").stdout, newline=""))
    (roles,) = [row["roles"] for row in rows if row["username"] == "-nobody"]
    assert next(csv.reader([roles])) == ["a role, with a comma"]


def pages(flask: Forked, *arguments: str) -> Iterator[list[str]]:
    """Yield the names of every page, each asked for as the one before it says."""
    begin: list[str] = []
    for _ in range(len(SAMPLE_USERS) + 2):
        ended = flask("users", "list", "--json", *arguments, *begin)
        yield [user["username"] for user in json.loads(ended.stdout)]
        if not ended.stderr:
            return
        hint, _, words = ended.stderr.partition(": ")
        assert hint == "There are more users. For the next page, add"
        begin = shlex.split(words)


@pytest.mark.usefixtures("people")
@pytest.mark.parametrize(
    ("order", "limit"),
    [((), 1), (("--reverse",), 4), (("--sort", "created"), 5), (("--sort", "created", "--reverse"), 4)],
)
def test_page_after_page_is_everybody(anywhere: Forked, order: tuple[str, ...], limit: int) -> None:
    found = list(pages(anywhere, "--limit", str(limit), *order))
    assert [len(page) for page in found[:-1]] == [limit] * (len(found) - 1)
    assert [name for page in found for name in page] == names(anywhere, *order)
    assert sum(map(len, found)) == len(SAMPLE_USERS) + 1


def test_a_table_is_a_hundred_long_and_says_that_there_are_more(flask: Forked, table: UserEditor) -> None:
    moment = datetime.now(UTC)
    common = {"password_hash": "", "active": True, "created_at": moment, "updated_at": moment}
    rows = [{"username": name, "username_folded": name, **common} for name in (f"u{n:03}" for n in range(101))]
    with table._engine.begin() as connection:  # noqa: SLF001 - nobody else adds many quickly
        connection.execute(users.insert(), rows)
    first = flask("users", "list")
    assert len(first.stdout.splitlines()) == 1 + 100
    assert shlex.split(first.stderr.rpartition(": ")[2]) == ["--after", "u099"]
    rest = flask("users", "list", "--after", "u099")
    assert (len(rest.stdout.splitlines()), rest.stderr) == (2, "")
    assert len(listed(flask)) == 101


FILTERS = [
    (("--role", "editor"), ["smith, john"]),
    (("--role", "nothing"), []),
    (("--role", "EDITOR"), []),
    (("--disabled",), ["MiXeD", "smith, john", "zoé"]),
    (
        ("--active", "--role", "user", "--limit", "9"),
        ["a(b)*", "DOMAIN\\x", "o'brien", "plus+equals=hash#", "日本 太郎"],
    ),
    (("--search", "SMITH"), ["smith, john"]),
    (("--search", "@Domain."), ["DOMAIN\\x"]),
    (("--search", "%"), []),
    (("--search", "_"), []),
    (("--search", "\\"), ["DOMAIN\\x"]),
    (("--search", "zoé", "--active"), []),
    (("--search", "O", "--disabled", "--role", "user", "--sort", "created"), ["zoé", "smith, john", "MiXeD"]),
]


@pytest.mark.usefixtures("people")
def test_filters(anywhere: Forked) -> None:
    assert {arguments: names(anywhere, *arguments) for arguments, _ in FILTERS} == dict(FILTERS)


@pytest.mark.usefixtures("people_here")
def test_filters_are_for_tables_and_csv_too(flask: Forked) -> None:
    (line,) = flask("users", "list", "--search", "smith").stdout.splitlines()[1:]
    assert line.startswith("smith, john ")
    (row,) = csv.DictReader(StringIO(flask("users", "list", "--csv", "--search", "smith").stdout, newline=""))
    assert row["username"] == "smith, john"


def test_an_id_that_is_none_is_refused(flask: Forked) -> None:
    assert "--after must be an id" in refusal(flask("users", "list", "--sort", "created", "--after", "zoé"))


@pytest.mark.usefixtures("people")
def test_numbers_without_end_are_no_tracebacks(anywhere: Forked) -> None:
    many = "9" * 30
    assert names(anywhere, "--sort", "created", "--after", many) == []
    assert len(names(anywhere, "--sort", "created", "--after", f"-{many}")) == len(SAMPLE_USERS) + 1
    assert anywhere("users", "list", "--limit", many).returncode == 2
