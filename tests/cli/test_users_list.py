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
from services.user_import.formats.formulas import unescape_formula
from tests.support.flask_program import error_line
from tests.support.forked_flask import ForkedFlask
from tests.support.users import SAMPLE_USERS

HEADS = ("USERNAME", "EMAIL", "ROLES", "ACTIVE", "CREATED", "LAST LOGIN")


@pytest.fixture
def sample_users(any_db_editor: UserEditor) -> UserEditor:
    """Return the editor of a table with the sample users, every third of them disabled."""
    return add_users(any_db_editor)


@pytest.fixture
def sqlite_users(sqlite_editor: UserEditor) -> UserEditor:
    """Return the same on SQLite."""
    return add_users(sqlite_editor)


def add_users(table: UserEditor) -> UserEditor:
    for number, user in enumerate(SAMPLE_USERS):
        table.add(user.username, user.email, "hash", user.roles, active=number % 3 != 0)
    table.add("-option", None, "hash", ["a role, with a comma"])
    return table


def list_users(sqlite_cli: ForkedFlask, *arguments: str) -> list[dict[str, Any]]:
    ended = sqlite_cli("users", "list", "--json", *arguments)
    assert (ended.returncode, ended.stderr) == (0, "")
    listed: list[dict[str, Any]] = json.loads(ended.stdout)
    return listed


def names(sqlite_cli: ForkedFlask, *arguments: str) -> list[str]:
    return [user["username"] for user in list_users(sqlite_cli, *arguments)]


def test_list_without_users_has_only_its_heads(sqlite_cli: ForkedFlask) -> None:
    assert sqlite_cli("users", "list").stdout.split() == " ".join(HEADS).split()
    assert list_users(sqlite_cli) == list_users(sqlite_cli, "--limit", "1") == []
    assert sqlite_cli("users", "list", "--csv").stdout.count("\n") == 1


def width(text: str) -> int:
    """Return the number of columns of a text in which only these characters are wide."""
    return len(text) + sum(text.count(character) for character in "日本太郎")


@pytest.mark.usefixtures("sqlite_users")
def test_columns_are_aligned_with_wide_characters_and_accents(
    sqlite_cli: ForkedFlask, sqlite_users: UserEditor
) -> None:
    sqlite_users.add("e\N{COMBINING CIRCUMFLEX ACCENT BELOW}x", None, "hash")
    lines = sqlite_cli("users", "list").stdout.splitlines()
    starts = [lines[0].index(head) for head in HEADS]
    assert len(lines) == len(SAMPLE_USERS) + 3
    for line in lines[1:]:
        shown = line.replace("\N{COMBINING CIRCUMFLEX ACCENT BELOW}", "")
        email = next(cell for cell in shown.split("  ") if "@" in cell or cell.strip() == "-").strip()
        assert width(shown[: shown.index(f" {email} ") + 1]) == starts[1]
        assert not line.endswith(" ")


@pytest.mark.usefixtures("sqlite_users")
def test_row_has_every_column(sqlite_cli: ForkedFlask, sqlite_users: UserEditor) -> None:
    row = sqlite_users.users.require("smith, john")
    sqlite_users.users.record_login(row, datetime(2026, 5, 6, 7, tzinfo=UTC), "hash")
    (line,) = [line for line in sqlite_cli("users", "list").stdout.splitlines() if line.startswith("smith")]
    today = f"{row.created_at:%Y-%m-%d}"
    cells = [cell for cell in line.split("  ") if cell]
    assert [cell.strip() for cell in cells] == [
        "smith, john", "john.smith@example.org", "editor,user", "no", today, "2026-05-06",
    ]  # fmt: skip


@pytest.mark.usefixtures("sample_users")
def test_json_and_csv_have_all_users_with_every_member(any_db_cli: ForkedFlask, sample_users: UserEditor) -> None:
    listed = list_users(any_db_cli)
    members = ("id", "username", "email", "roles", "active", "created_at", "updated_at", "last_login_at")
    assert {tuple(user) for user in listed} == {members}
    assert len(listed) == len(SAMPLE_USERS) + 1
    zoe = next(user for user in listed if user["username"] == "zoé")
    assert (zoe["email"], zoe["roles"], zoe["active"]) == ("zoe@example.org", ["admin", "user"], False)
    assert datetime.fromisoformat(zoe["created_at"]) == sample_users.users.require("zoé").created_at
    rows = list(csv.DictReader(StringIO(any_db_cli("users", "list", "--csv").stdout, newline="")))
    assert [unescape_formula(row["username"]) for row in rows] == [user["username"] for user in listed]
    assert [row["active"] for row in rows] == [json.dumps(user["active"]) for user in listed]
    assert [row["email"] or None for row in rows] == [user["email"] for user in listed]


@pytest.mark.usefixtures("sqlite_users")
def test_role_with_a_comma_is_quoted_in_csv(sqlite_cli: ForkedFlask) -> None:
    rows = csv.DictReader(StringIO(sqlite_cli("users", "list", "--csv").stdout, newline=""))
    (roles,) = [row["roles"] for row in rows if row["username"] == "'-option"]
    assert next(csv.reader([roles])) == ["a role, with a comma"]


def pages(sqlite_cli: ForkedFlask, *arguments: str) -> Iterator[list[str]]:
    """Yield the usernames of each page, which is requested as the page before it suggests."""
    after: list[str] = []
    for _ in range(len(SAMPLE_USERS) + 2):
        ended = sqlite_cli("users", "list", "--json", *arguments, *after)
        yield [user["username"] for user in json.loads(ended.stdout)]
        if not ended.stderr:
            return
        hint, _, words = ended.stderr.partition(": ")
        assert hint == "There are more users. For the next page, add"
        after = shlex.split(words)


@pytest.mark.usefixtures("sample_users")
@pytest.mark.parametrize(
    ("order", "limit"),
    [((), 1), (("--reverse",), 4), (("--sort", "created"), 5), (("--sort", "created", "--reverse"), 4)],
)
def test_pages_together_have_all_users(any_db_cli: ForkedFlask, order: tuple[str, ...], limit: int) -> None:
    found = list(pages(any_db_cli, "--limit", str(limit), *order))
    assert [len(page) for page in found[:-1]] == [limit] * (len(found) - 1)
    assert [name for page in found for name in page] == names(any_db_cli, *order)
    assert sum(map(len, found)) == len(SAMPLE_USERS) + 1


def test_first_page_has_a_hundred_users_and_a_hint_for_the_next(
    sqlite_cli: ForkedFlask, sqlite_editor: UserEditor
) -> None:
    now = datetime.now(UTC)
    common = {"password_hash": "", "active": True, "created_at": now, "updated_at": now}
    rows = [{"username": name, "username_folded": name, **common} for name in (f"u{n:03}" for n in range(101))]
    with sqlite_editor._engine.begin() as connection:  # noqa: SLF001 - no command adds many users quickly
        connection.execute(users.insert(), rows)
    first = sqlite_cli("users", "list")
    assert len(first.stdout.splitlines()) == 1 + 100
    assert shlex.split(first.stderr.rpartition(": ")[2]) == ["--after", "u099"]
    rest = sqlite_cli("users", "list", "--after", "u099")
    assert (len(rest.stdout.splitlines()), rest.stderr) == (2, "")
    assert len(list_users(sqlite_cli)) == 101


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


@pytest.mark.usefixtures("sample_users")
def test_filters_select_users(any_db_cli: ForkedFlask) -> None:
    assert {arguments: names(any_db_cli, *arguments) for arguments, _ in FILTERS} == dict(FILTERS)


@pytest.mark.usefixtures("sqlite_users")
def test_filters_apply_to_tables_and_csv(sqlite_cli: ForkedFlask) -> None:
    (line,) = sqlite_cli("users", "list", "--search", "smith").stdout.splitlines()[1:]
    assert line.startswith("smith, john ")
    (row,) = csv.DictReader(StringIO(sqlite_cli("users", "list", "--csv", "--search", "smith").stdout, newline=""))
    assert row["username"] == "smith, john"


def test_after_must_be_an_id_if_sorted_by_created(sqlite_cli: ForkedFlask) -> None:
    assert "--after must be an id" in error_line(sqlite_cli("users", "list", "--sort", "created", "--after", "zoé"))


@pytest.mark.usefixtures("sample_users")
def test_numbers_that_are_too_large_are_accepted_or_rejected(any_db_cli: ForkedFlask) -> None:
    many = "9" * 30
    assert names(any_db_cli, "--sort", "created", "--after", many) == []
    assert len(names(any_db_cli, "--sort", "created", "--after", f"-{many}")) == len(SAMPLE_USERS) + 1
    assert any_db_cli("users", "list", "--limit", many).returncode == 2
