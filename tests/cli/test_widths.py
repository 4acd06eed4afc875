"""Every table and report fits the terminal, and shows all of its cells; `--json` has them whole."""

import json
import os
import re

import pytest

from cli.examples import EXAMPLES
from cli.table_layout import table, text_width, wrap
from cli.terminal import as_paragraph
from database.user_editor import UserEditor
from tests.support.fork_server import ForkServer
from tests.support.forked_flask import ForkedFlask
from tests.support.stores import SECRET_KEY, engine_of, user_table
from tests.support.users import ZOE

LONG = "firstname.of-a-person.lastname@a-department.example.org"
ROLES = ["accounting-of-the-department", "editor", "user"]
REPORTS = [
    ("users", "list"),
    ("users", "show", LONG),
    ("users", "history"),
    ("users", "hash-report"),
    ("users", "roles"),
    ("guards",),
    ("explain", LONG),
    ("doctor", "--user", LONG),
    ("keys", "list"),
    ("tokens", "list"),
    ("providers", "list"),
    ("database", "prune"),
    ("database", "check"),
]


OTHERS = (
    *("users add", "users set-password", "users add-role", "users remove-role", "users change-roles", "users disable"),
    *("users enable", "users update", "users delete", "users hash", "users import", "users export", "users reset"),
    *("keys generate", "keys public", "keys rotate", "keys retire", "tokens issue", "tokens revoke"),
    *("providers check", "providers new"),
    *("throttle list", "throttle clear", "database upgrade", "database downgrade", "database copy"),
)
"""The commands that change something, write files, or need servers. Their tables are made by the same function."""


@pytest.fixture(scope="module")
def cli(tmp_path_factory: pytest.TempPathFactory, fork_server: ForkServer) -> ForkedFlask:
    """The program on a deployment with long names, at which nothing sets the width."""
    folder = tmp_path_factory.mktemp("widths")
    environ = user_table(f"sqlite:///{folder}/users.db", [ZOE])
    editor = UserEditor(engine_of(environ), "database:an-operator-with-a-long-name@example.org")
    editor.add(LONG, f"2{LONG}", "hash", ROLES)
    editor.add("日本太郎" * 20, None, "hash", ROLES)
    program = ForkedFlask(
        fork_server, folder, SECRET_KEY=SECRET_KEY, SIGNING_KEYS_DIR=str(folder / "keys"), COLUMNS="", **environ
    )
    program("keys", "generate")
    program("keys", "generate")
    program("tokens", "issue", "--name", "a-nightly-backup.of-the-accounting-department", "--role", "editor")
    return program


def test_every_command_is_a_report_or_another_one() -> None:
    reports = {command for command in EXAMPLES for one in REPORTS if [*one][: len(command.split())] == command.split()}
    assert {*EXAMPLES} - reports == {*OTHERS} & {*EXAMPLES}


@pytest.mark.parametrize("report", REPORTS, ids=" ".join)
def test_report_fits_eighty_columns_in_a_pipe_and_columns(cli: ForkedFlask, report: tuple[str, ...]) -> None:
    for columns in ("", "60"):
        lines = cli(*report, COLUMNS=columns).stdout.splitlines()
        assert lines
        assert [line for line in lines if text_width(line) > int(columns or 80)] == []


def test_report_fits_the_terminal(cli: ForkedFlask) -> None:
    _, shown = cli.run_at_terminal("users", "list")
    assert max(map(text_width, shown.splitlines())) <= 80


def test_no_cell_is_cut(cli: ForkedFlask) -> None:
    shown = cli("users", "show", LONG, COLUMNS="42").stdout
    assert "\nRoles       accounting-of-the-department,\n            editor, user\n" in shown
    assert f"2{LONG}" in re.sub(r"\s", "", shown)
    assert json.loads(cli("users", "show", LONG, "--json").stdout)["roles"] == ROLES
    key = json.loads(cli("keys", "list", "--json").stdout)[0]["key"]
    assert key in cli("keys", "list").stdout.split()


@pytest.mark.parametrize("width", [7, 12, 30, 200])
@pytest.mark.parametrize(
    "text",
    [
        "one two three", "  two spaces", "", "a" * 70, "firstname.lastname@company.example.org",
        "日本太郎 日本太郎日本太郎", "uid=zoe,ou=people,dc=example,dc=org", "1,234,567.89", "http://example.org/a?b=c&d=e",
    ],
)  # fmt: skip
def test_wrapped_text_keeps_its_characters_and_fits(text: str, width: int) -> None:
    lines = wrap(text, width)
    assert all(text_width(line) <= width for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    if text_width(text) <= width:
        assert lines == [text]


def test_long_word_is_broken_after_punctuation_but_not_within_a_number() -> None:
    assert wrap("zoe@example.org", 10) == ["zoe@", "example.", "org"]
    assert wrap("at 1,234,567.89", 12) == ["at", "1,234,567.89"]


def test_table_narrows_its_widest_columns_first() -> None:
    lines = [*table(("A", "B"), [("short", "a long text of seven words"), ("x", "y")], 20)]
    assert lines == ["A      B", "short  a long text", "       of seven", "       words", "x      y"]


def test_table_becomes_blocks_if_its_words_do_not_fit() -> None:
    lines = [*table(("KEY", "STATE"), [("k" * 30, "current"), ("l" * 30, "next")], 36)]
    assert lines == [
        f"KEY    {'k' * 29}",
        "       k",
        "STATE  current",
        "",
        f"KEY    {'l' * 29}",
        "       l",
        "STATE  next",
    ]


def test_paragraph_is_indented_after_its_first_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "COLUMNS", "12")
    assert as_paragraph("1. one two three", "   ") == "1. one\n   two three"


def test_doctor_lists_the_three_failures_that_are_worth_doing_first(cli: ForkedFlask) -> None:
    environ = {"SECRET_KEY": "short", "JWT_LIFETIME_MINUTES": "0", "LOG_FORMAT": "xml", "PASSWORD_MIN_LENGTH": "1"}
    first = json.loads(cli("doctor", "--json", **environ).stdout)["first_steps"]
    assert len(first) == 3
    assert "Set it to at least 32 random bytes" in first[0]["remedy"]
    shown = cli("doctor", **environ).stdout
    assert shown[shown.index("Worth doing first:") :].count("\n") >= 4
