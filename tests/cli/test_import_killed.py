"""An import that is killed, or ended with Ctrl-C: nobody is imported, or everybody, and the next run works."""

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
from tests.support.foreign_hashes import STRONG, UNUSABLE
from tests.support.forked_flask import Forked, read_rest, read_until

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
"""What the terminal shows, and so many seconds later it happens."""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file of many users, of whom the last is refused."""
    path = tmp_path / "users.csv"
    path.write_text(as_csv({f"user{number}": STRONG for number in range(ROWS)} | {"refused": UNUSABLE}))
    return path


def counted(table: UserEditor) -> tuple[int, int, int]:
    """Return how many users, roles of users and events there are."""
    with table._engine.connect() as connection:  # noqa: SLF001 - what a command shows of it costs more
        counts = [
            connection.scalar(select(func.count()).select_from(each)) for each in (users, user_roles, audit_events)
        ]
    return counts[0] or 0, counts[1] or 0, counts[2] or 0


def begin_and_kill(flask: Forked, moment: str, seconds: float) -> None:
    with flask.terminal(*COMMAND) as screen:
        shown = ""
        while not re.search(moment, shown):
            shown += read_until(screen, "%")
        time.sleep(seconds)
        with suppress(ProcessLookupError):  # it was faster
            os.kill(flask.pid, signal.SIGKILL)
        flask.wait()


@pytest.mark.usefixtures("file")
def test_killed_at_any_moment_it_has_done_nothing_or_everything(
    anywhere: Forked, any_table: UserEditor, tmp_path: Path
) -> None:
    nothing, everything = (0, 0, 0), (ROWS, 2 * ROWS, 1)
    for moment, seconds in MOMENTS:
        begin_and_kill(anywhere, moment, seconds)
        assert counted(any_table) in {nothing, everything}, moment
        if counted(any_table) == everything:
            break
    (tmp_path / "users.rejected.csv").unlink(missing_ok=True)
    assert anywhere(*COMMAND).returncode == 1
    assert counted(any_table) == everything
    assert stat.S_IMODE((tmp_path / "users.rejected.csv").stat().st_mode) == 0o600


@pytest.mark.parametrize("moment", ["Reading", "Writing"])
@pytest.mark.usefixtures("file")
def test_ctrl_c_imports_nobody(anywhere: Forked, any_table: UserEditor, tmp_path: Path, moment: str) -> None:
    before = contents(any_table)
    with anywhere.terminal(*COMMAND) as screen:
        shown = read_until(screen, moment)
        os.write(screen, b"\x03")
        shown += read_rest(screen)
        assert anywhere.wait().code == 1
    assert shown.endswith("Aborted!\r\n")
    assert (contents(any_table), [path for path in tmp_path.iterdir() if "rejected" in path.name]) == (before, [])


@pytest.mark.parametrize("empty_database", ["postgres"], indirect=True)
@pytest.mark.usefixtures("file")
def test_ctrl_c_is_heard_while_it_waits_for_somebody(
    anywhere: Forked, any_table: UserEditor, empty_database: str
) -> None:
    with psycopg.connect(empty_database) as connection, psycopg.connect(empty_database, autocommit=True) as watcher:
        connection.execute("LOCK TABLE users IN EXCLUSIVE MODE")
        with anywhere.terminal(*COMMAND) as screen:
            blocked = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            wait_until(lambda: watcher.execute(blocked).fetchone() == (1,), 60)
            os.write(screen, b"\x03")
            assert "Aborted!" in read_rest(screen)
            assert anywhere.wait().code == 1
    assert counted(any_table) == (0, 0, 0)
