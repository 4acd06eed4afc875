"""`flask database check` and `flask database downgrade`."""

import json
from pathlib import Path
from typing import Any

import pytest

from database.schema import HEAD, REVISIONS, revision_of, upgrade
from database.user_editor import UserEditor
from tests.support.flask_program import error_line
from tests.support.fork_server import ForkServer
from tests.support.forked_flask import ForkedFlask, answer, read_until
from tests.support.stores import engine_of

OLDER = REVISIONS[-2]


@pytest.fixture
def cli(fork_server: ForkServer, tmp_path: Path, empty_database: str) -> ForkedFlask:
    """Return the program on a database without tables."""
    return ForkedFlask(fork_server, tmp_path, DATABASE_URL=empty_database)


@pytest.fixture
def at_head(empty_database: str) -> str:
    """Return the URL of that database, after an upgrade."""
    upgrade(engine_of({"DATABASE_URL": empty_database}, may_create=True))
    return empty_database


def check(cli: ForkedFlask) -> tuple[int, dict[str, Any]]:
    ended = cli("database", "check", "--json")
    assert ended.stderr == ""
    result: dict[str, Any] = json.loads(ended.stdout)
    assert result["required"] == HEAD
    assert (ended.returncode == 0) == result["compatible"] == (not result["problems"])
    return ended.returncode, result


def current_revision(url: str) -> str | None:
    return revision_of(engine_of({"DATABASE_URL": url}))


def execute(url: str, statement: str) -> None:
    with engine_of({"DATABASE_URL": url}).begin() as connection:
        connection.exec_driver_sql(statement)


@pytest.mark.usefixtures("at_head")
def test_tables_of_this_version_are_compatible(cli: ForkedFlask) -> None:
    ended = cli("database", "check")
    assert (ended.returncode, ended.stdout, ended.stderr) == (
        0,
        f"Compatible: the database is at revision {HEAD}.\n",
        "",
    )
    assert check(cli) == (0, {"revision": HEAD, "required": HEAD, "compatible": True, "problems": []})


def test_older_tables_are_incompatible_and_newer_tables_are_compatible(cli: ForkedFlask, at_head: str) -> None:
    assert cli("database", "downgrade", OLDER, "--yes").returncode == 0
    ended = cli("database", "check")
    assert (ended.returncode, ended.stderr) == (1, "")
    assert ended.stdout == (
        f"Incompatible: the database has schema revision {OLDER}, and this version needs {HEAD}. Run: make migrate.\n"
    )
    assert check(cli)[1]["revision"] == OLDER
    execute(at_head, "UPDATE latchkey_alembic_version SET version_num = '9999'")
    assert check(cli) == (0, {"revision": "9999", "required": HEAD, "compatible": True, "problems": []})


@pytest.mark.parametrize(
    ("statement", "name"),
    [
        ("ALTER TABLE latchkey_users ADD COLUMN nickname TEXT", "nickname"),
        ("ALTER TABLE latchkey_users DROP COLUMN last_login_at", "last_login_at"),
        ("DROP TABLE latchkey_audit_events", "audit_events"),
        ("DROP INDEX ix_latchkey_users_disabled", "ix_latchkey_users_disabled"),
    ],
)
def test_tables_changed_outside_of_migrations_are_incompatible(
    cli: ForkedFlask, at_head: str, statement: str, name: str
) -> None:
    execute(at_head, statement)
    code, result = check(cli)
    assert (code, result["revision"]) == (1, HEAD)
    assert any(name in problem for problem in result["problems"])
    ended = cli("database", "check")
    assert ended.stdout.startswith("Incompatible: the tables differ from the migrations: ")


def test_database_without_tables_is_incompatible(cli: ForkedFlask, empty_database: str) -> None:
    engine_of({"DATABASE_URL": empty_database}, may_create=True).connect().close()
    problems = ["the database has no tables. Run: make migrate."]
    assert check(cli) == (1, {"revision": None, "required": HEAD, "compatible": False, "problems": problems})


@pytest.mark.parametrize("command", [("check",), ("check", "--json"), ("downgrade", "base", "--yes")])
@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("", "DATABASE_URL is not set. Set it to sqlite:///"),
        ("sqlite:///missing.db", "missing.db does not exist. If the database is new, run: make migrate"),
        ("postgresql://app:hunter2@127.0.0.1:1/x", "the database cannot be used: "),
    ],
)
def test_unusable_database_url_is_an_error_with_a_remedy(
    fork_server: ForkServer, tmp_path: Path, command: tuple[str, ...], url: str, message: str
) -> None:
    error = error_line(ForkedFlask(fork_server, tmp_path, DATABASE_URL=url)("database", *command))
    assert message in error
    assert "hunter2" not in error
    assert list(tmp_path.iterdir()) == []


def test_users_remain_after_every_downgrade_and_an_upgrade(cli: ForkedFlask, at_head: str) -> None:
    table = UserEditor(engine_of({"DATABASE_URL": at_head}), "tests")
    table.add("zoé", "zoe@example.org", "hash", ["user"])
    table._engine.dispose()  # noqa: SLF001 - as when a service ends
    for revision in reversed(REVISIONS[:-1]):
        ended = cli("database", "downgrade", revision, "--yes")
        assert (ended.returncode, ended.stdout) == (0, f"Downgraded the database to revision {revision}.\n")
        assert ended.stderr == "Deleting data that its tables cannot hold.\n"
        assert current_revision(at_head) == revision
    assert cli("database", "upgrade").returncode == 0
    (user,) = json.loads(cli("users", "list", "--json").stdout)
    assert (user["username"], user["email"], user["roles"]) == ("zoé", "zoe@example.org", ["user"])


def test_downgrade_to_base_removes_the_tables_and_an_upgrade_creates_them(cli: ForkedFlask, at_head: str) -> None:
    UserEditor(engine_of({"DATABASE_URL": at_head}), "tests").add("zoé", None, "hash", ["user"])
    ended = cli("database", "downgrade", "base", "--yes")
    assert ended.stdout == "Downgraded the database to revision base.\n"
    assert ended.stderr == "Deleting every row of every table, with 1 users.\n"
    assert (current_revision(at_head), check(cli)[0]) == (None, 1)
    assert cli("database", "upgrade").returncode == 0
    assert check(cli)[0] == 0


def test_downgrade_to_a_newer_revision_is_an_error(cli: ForkedFlask, at_head: str) -> None:
    assert cli("database", "downgrade", REVISIONS[0], "--yes").returncode == 0
    error = error_line(cli("database", "downgrade", OLDER, "--yes"))
    assert f"the revision of the database is not newer than {OLDER}. See: flask database check" in error
    assert current_revision(at_head) == REVISIONS[0]


def test_downgrade_to_the_current_revision_is_an_error(cli: ForkedFlask, at_head: str) -> None:
    assert "the revision of the database is not newer" in error_line(cli("database", "downgrade", HEAD, "--yes"))
    assert current_revision(at_head) == HEAD


def test_unknown_revision_is_an_error_that_lists_the_revisions(cli: ForkedFlask) -> None:
    ended = cli("database", "downgrade", "99")
    assert ended.stderr.startswith("Usage: flask database downgrade [OPTIONS] REVISION\n")
    assert f"Invalid value for 'REVISION': '99' is not one of 'base', '{REVISIONS[0]}'" in ended.stderr


def test_downgrade_without_a_terminal_requires_yes(cli: ForkedFlask, at_head: str) -> None:
    assert "Add --yes" in error_line(cli("database", "downgrade", OLDER))
    assert current_revision(at_head) == HEAD


@pytest.mark.parametrize(("typed", "code", "revision"), [("y\n", 0, OLDER), ("n\n", 1, HEAD), ("\x03", 1, HEAD)])
def test_downgrade_asks_for_confirmation_at_a_terminal(
    cli: ForkedFlask, at_head: str, typed: str, code: int, revision: str
) -> None:
    with cli.terminal("database", "downgrade", OLDER) as screen:
        read_until(screen, f"Downgrade to {OLDER}, and delete data that its tables cannot hold? [y/N]: ")
        answer(screen, typed)
        assert cli.wait().code == code
    assert current_revision(at_head) == revision
