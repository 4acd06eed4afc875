"""Colors and progress bars, which only a terminal shows."""

import csv
import os
import pty
import select
import sys
from pathlib import Path

import pytest
import time_machine

from cli.terminal import progress
from database.user_editor import UserEditor
from tests.cli.test_users_import import as_csv
from tests.support.foreign_hashes import STRONG, UNUSABLE, WEAK
from tests.support.forked_flask import ForkedFlask
from tests.support.stores import engine_of, rename_by_hand

ROWS = 12_000


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return a file of users with one row that is rejected."""
    path = tmp_path / "users.csv"
    path.write_text(as_csv({f"user{number}": STRONG for number in range(ROWS)} | {"rejected": UNUSABLE}))
    return path


def test_import_shows_its_progress_and_rate(any_db_cli: ForkedFlask, any_db_editor: UserEditor, file: Path) -> None:
    code, shown = any_db_cli.run_at_terminal("users", "import", file.name, "--keep-going")
    assert (code, any_db_editor.users.count()) == (1, ROWS)
    reading, writing = (
        [step for step in shown.split("\r") if f"{label}  [" in step] for label in ("Reading", "Writing")
    )
    for steps in (reading, writing):
        assert " 0%" in steps[0]
        assert "100%" in steps[-1]
        assert "users/s" in steps[-1]
    assert f"Imported {ROWS:,} users. The rejected rows are in users.rejected.csv" in shown


def test_progress_shows_the_remaining_time(monkeypatch: pytest.MonkeyPatch) -> None:
    controller, terminal_end = pty.openpty()
    with open(terminal_end, "w") as terminal, time_machine.travel(0, tick=False) as clock:
        monkeypatch.setattr(sys, "stderr", terminal)
        with progress("Reading", 1000) as advance:
            for _ in range(4):
                clock.shift(5)
                advance(100, "20 users/s")
            shown = ""
            while select.select([controller], [], [], 1)[0]:
                shown += os.read(controller, 65536).decode()
    os.close(controller)
    assert "10%  00:00:45  20 users/s" in shown
    assert "40%  00:00:30  20 users/s" in shown


def test_progress_of_small_and_empty_imports_ends(sqlite_cli: ForkedFlask, tmp_path: Path) -> None:
    (tmp_path / "one.csv").write_text(as_csv({"zoé": STRONG}))
    (tmp_path / "none.csv").write_text(as_csv({}))
    assert (
        sqlite_cli.run_at_terminal("users", "import", "one.csv")[0]
        == sqlite_cli.run_at_terminal("users", "import", "none.csv")[0]
        == 0
    )


def test_only_export_to_a_file_shows_its_progress(sqlite_cli: ForkedFlask, sqlite_editor: UserEditor) -> None:
    sqlite_editor.add("zoé", None, STRONG)
    code, shown = sqlite_cli.run_at_terminal("users", "export", "--output", "out.csv")
    assert (code, "Writing" in shown, "100%" in shown) == (0, True, True)
    code, shown = sqlite_cli.run_at_terminal("users", "export")
    assert (code, shown.splitlines()[0]) == (0, "username,email,password_hash,roles,active")
    assert "Writing" not in shown


def test_hash_report_is_colored_and_aligned(sqlite_cli: ForkedFlask, sqlite_editor: UserEditor) -> None:
    for name, hashed in (("zoé", STRONG), ("weak", WEAK["ssha"]), ("unsalted", UNUSABLE)):
        sqlite_editor.add(name, None, hashed)
    code, shown = sqlite_cli.run_at_terminal("users", "hash-report")
    assert code == 0
    assert all(word in shown for word in ("\x1b[32mcurrent\x1b[0m", "\x1b[33mweak\x1b[0m", "\x1b[31munusable\x1b[0m"))
    assert "Counting" in shown
    plain = sqlite_cli("users", "hash-report")
    assert (plain.stderr, "\x1b" in plain.stdout) == ("", False)
    for color in ("32", "33", "31", "0"):
        shown = shown.replace(f"\x1b[{color}m", "")
    assert all(line in shown for line in plain.stdout.splitlines())


def test_json_has_no_colors_at_a_terminal(sqlite_cli: ForkedFlask, sqlite_editor: UserEditor) -> None:
    sqlite_editor.add("zoé", None, STRONG)
    assert (
        "\x1b"
        not in sqlite_cli.run_at_terminal("users", "list", "--json")[1]
        + sqlite_cli.run_at_terminal("users", "show", "zoé", "--json")[1]
    )


REORDERED = "zoe\u202e\u2066nimda\u061c\u200b"


def test_output_of_commands_has_no_characters_that_reorder_text(
    sqlite_cli: ForkedFlask, sqlite_url: str, sqlite_editor: UserEditor
) -> None:
    engine = engine_of({"DATABASE_URL": sqlite_url})
    sqlite_editor.add("first", None, STRONG, ["r\u202eole"])
    rename_by_hand(engine, "first", REORDERED, "x\u202ex@example.org")
    sqlite_editor.add("second", None, STRONG, [])
    rename_by_hand(engine, "second", "می\u200cخواهم\u3000山田")
    commands = [
        ("users", "list"),
        ("users", "show", REORDERED),
        ("users", "history"),
        ("users", "hash-report"),
        ("users", "add-role", REORDERED, "x\u202ey"),
        ("users", "remove-role", REORDERED, "no\u202eole"),
        ("users", "disable", REORDERED),
        ("tokens", "revoke", "--user", REORDERED),
        ("users", "show", "no\u202ebody"),
    ]
    for command in commands:
        ended = sqlite_cli(*command)
        shown = ended.stdout + ended.stderr
        assert shown
        assert [one for one in shown if one in "\u202e\u2066\u061c\u200b\x1b"] == [], command
    assert "می\u200cخواهم\u3000山田" in sqlite_cli("users", "list").stdout


def test_csv_of_a_list_has_no_formulas(sqlite_cli: ForkedFlask, sqlite_editor: UserEditor) -> None:
    sqlite_editor.add("=cmd|'/c calc'!A1", "-1@example.org", STRONG, ["@role"])
    (row,) = [*csv.reader(sqlite_cli("users", "list", "--csv").stdout.splitlines())][1:]
    assert row[1:4] == ["'=cmd|'/c calc'!A1", "'-1@example.org", "'@role"]
