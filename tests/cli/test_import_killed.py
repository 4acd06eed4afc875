"""An import that is killed or interrupted imports all users or none, and the next import works."""

import os
import re
import signal
import stat
import time
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import func, select

from database.tables import audit_events, user_roles, users
from database.user_editor import UserEditor
from tests.cli.conftest import contents
from tests.cli.test_users_import import as_csv
from tests.servers.process import wait_until
from tests.support.flask_program import error_line
from tests.support.foreign_hashes import STRONG, UNUSABLE
from tests.support.forked_flask import ForkedFlask, read_rest, read_until

ROWS = 30_000
COMMAND = ("users", "import", "users.csv", "--keep-going")
MOMENTS = [
    ("Reading.* 0%", 0.0),
    ("Reading.* [4-6].%", 0.0),
    ("Writing.* 0%", 0.0),
    ("Writing.* 0%", 0.15),
    ("Writing.* 0%", 0.4),
    ("Writing.*100%", 0.0),
]
"""When to kill the import: so many seconds after the terminal shows this pattern."""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return a file of many users, of which the last is rejected."""
    path = tmp_path / "users.csv"
    path.write_text(as_csv({f"user{number}": STRONG for number in range(ROWS)} | {"rejected": UNUSABLE}))
    return path


def count_rows(table: UserEditor) -> tuple[int, int, int]:
    """Return the numbers of users, of their roles, and of audit events."""
    with table._engine.connect() as connection:  # noqa: SLF001 - commands are slower
        counts = [
            connection.scalar(select(func.count()).select_from(each)) for each in (users, user_roles, audit_events)
        ]
    return counts[0] or 0, counts[1] or 0, counts[2] or 0


def start_and_kill(sqlite_cli: ForkedFlask, moment: str, seconds: float) -> None:
    with sqlite_cli.terminal(*COMMAND) as screen:
        shown = ""
        while not re.search(moment, shown):
            shown += read_until(screen, "%")
        time.sleep(seconds)
        with suppress(ProcessLookupError):  # the import has ended already
            os.kill(sqlite_cli.pid, signal.SIGKILL)
        sqlite_cli.wait()


@pytest.mark.usefixtures("file")
def test_killed_import_has_imported_all_users_or_none(
    any_db_cli: ForkedFlask, any_db_editor: UserEditor, tmp_path: Path
) -> None:
    none, all_ = (0, 0, 0), (ROWS, 2 * ROWS, 1)
    for moment, seconds in MOMENTS:
        start_and_kill(any_db_cli, moment, seconds)
        assert count_rows(any_db_editor) in {none, all_}, moment
        if count_rows(any_db_editor) == all_:
            break
    (tmp_path / "users.rejected.csv").unlink(missing_ok=True)
    assert any_db_cli(*COMMAND).returncode == 1
    assert count_rows(any_db_editor) == all_
    assert stat.S_IMODE((tmp_path / "users.rejected.csv").stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("moment", "number"),
    [
        ("Reading", signal.SIGINT),
        ("Writing", signal.SIGINT),
        ("Writing", signal.SIGTERM),
    ],
)
@pytest.mark.usefixtures("file")
def test_signal_rolls_the_import_back(
    *, any_db_cli: ForkedFlask, any_db_editor: UserEditor, tmp_path: Path, moment: str, number: signal.Signals
) -> None:
    before = contents(any_db_editor)
    with any_db_cli.terminal(*COMMAND) as screen:
        shown = read_until(screen, moment)
        os.kill(any_db_cli.pid, number)
        shown += read_rest(screen)
        assert any_db_cli.wait().code == 130
    assert shown.endswith(
        "Error: interrupted. No user was imported. You can run the command again: it does not change existing users\r\n"
    )
    assert (contents(any_db_editor), [path for path in tmp_path.iterdir() if "rejected" in path.name]) == (before, [])


@pytest.mark.parametrize("migrated_database", ["postgres"], indirect=True)
@pytest.mark.usefixtures("file")
def test_ctrl_c_ends_an_import_that_waits_for_a_lock(
    any_db_cli: ForkedFlask, any_db_editor: UserEditor, migrated_database: str
) -> None:
    with (
        psycopg.connect(migrated_database) as connection,
        psycopg.connect(migrated_database, autocommit=True) as watcher,
    ):
        connection.execute("LOCK TABLE latchkey_users IN EXCLUSIVE MODE")
        with any_db_cli.terminal(*COMMAND) as screen:
            blocked = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            wait_until(lambda: watcher.execute(blocked).fetchone() == (1,), 60)
            os.write(screen, b"\x03")
            assert "interrupted. No user was imported." in read_rest(screen)
            assert any_db_cli.wait().code == 130
    assert count_rows(any_db_editor) == (0, 0, 0)


def test_fault_of_the_database_says_that_no_user_was_imported(
    sqlite_cli: ForkedFlask, sqlite_editor: UserEditor, tmp_path: Path
) -> None:
    (tmp_path / "users.csv").write_text(as_csv({"zoé": STRONG}))
    with sqlite_editor._engine.begin() as connection:  # noqa: SLF001 - a fault that is found after the file is read
        connection.exec_driver_sql("DROP TABLE latchkey_user_roles")
    error = error_line(sqlite_cli(*COMMAND))
    assert error.endswith("no such table: latchkey_user_roles. Run: make migrate. No user was imported")
