"""`flask db check` and `flask db downgrade`: whether a database fits this version, and the way back."""

import json
from pathlib import Path
from typing import Any

import pytest

from database.schema import HEAD, REVISIONS, revision_of, upgrade
from database.user_editor import UserEditor
from tests.support.flask_program import refusal
from tests.support.forked_flask import Forked, Source, answer, read_until
from tests.support.stores import engine_of

OLDER = REVISIONS[-2]


@pytest.fixture
def flask(source: Source, tmp_path: Path, empty_database: str) -> Forked:
    """The program on a database without tables."""
    return Forked(source, tmp_path, DATABASE_URL=empty_database)


@pytest.fixture
def at_head(empty_database: str) -> str:
    """The URL of that database, with tables."""
    upgrade(engine_of({"DATABASE_URL": empty_database}, may_create=True))
    return empty_database


def checked(flask: Forked) -> tuple[int, dict[str, Any]]:
    ended = flask("db", "check", "--json")
    assert ended.stderr == ""
    told: dict[str, Any] = json.loads(ended.stdout)
    assert told["needed"] == HEAD
    assert (ended.returncode == 0) == told["fits"] == (not told["problems"])
    return ended.returncode, told


def at(url: str) -> str | None:
    return revision_of(engine_of({"DATABASE_URL": url}))


def execute(url: str, statement: str) -> None:
    with engine_of({"DATABASE_URL": url}).begin() as connection:
        connection.exec_driver_sql(statement)


@pytest.mark.usefixtures("at_head")
def test_tables_of_this_version_fit(flask: Forked) -> None:
    ended = flask("db", "check")
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, f"The database fits: it is at revision {HEAD}\n", "")
    assert checked(flask) == (0, {"revision": HEAD, "needed": HEAD, "fits": True, "problems": []})


def test_older_tables_do_not_fit_and_newer_ones_do(flask: Forked, at_head: str) -> None:
    assert flask("db", "downgrade", OLDER, "--yes").returncode == 0
    ended = flask("db", "check")
    assert (ended.returncode, ended.stderr) == (1, "")
    assert ended.stdout == (
        f"The database does not fit: its tables are of revision {OLDER}, and this version needs {HEAD}."
        " Run: make migrate\n"
    )
    assert checked(flask)[1]["revision"] == OLDER
    execute(at_head, "UPDATE alembic_version SET version_num = '9999'")
    assert checked(flask) == (0, {"revision": "9999", "needed": HEAD, "fits": True, "problems": []})


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        ("ALTER TABLE users ADD COLUMN nickname TEXT", "nickname"),
        ("ALTER TABLE users DROP COLUMN last_login_at", "last_login_at"),
        ("DROP TABLE audit_events", "audit_events"),
        ("DROP INDEX ix_users_disabled", "ix_users_disabled"),
    ],
)
def test_what_somebody_changed_in_the_tables_is_told(flask: Forked, at_head: str, statement: str, what: str) -> None:
    execute(at_head, statement)
    code, told = checked(flask)
    assert (code, told["revision"]) == (1, HEAD)
    assert any(what in problem for problem in told["problems"])
    ended = flask("db", "check")
    assert ended.stdout.startswith("The database does not fit: somebody has changed its tables: ")


def test_a_database_without_tables_does_not_fit(flask: Forked, empty_database: str) -> None:
    engine_of({"DATABASE_URL": empty_database}, may_create=True).connect().close()
    assert checked(flask) == (1, {
        "revision": None, "needed": HEAD, "fits": False, "problems": ["it has no tables yet. Run: make migrate"],
    })  # fmt: skip


@pytest.mark.parametrize("command", [("check",), ("check", "--json"), ("downgrade", "base", "--yes")])
@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("", "DATABASE_URL is not set. Write sqlite:///"),
        ("sqlite:///missing.db", "unable to open database file. If it is new, run: make migrate"),
        ("postgresql://app:hunter2@127.0.0.1:1/x", "the database cannot be used: "),
    ],
)
def test_without_a_database_it_says_what_to_do(
    source: Source, tmp_path: Path, command: tuple[str, ...], url: str, why: str
) -> None:
    told = refusal(Forked(source, tmp_path, DATABASE_URL=url)("db", *command))
    assert why in told
    assert "hunter2" not in told
    assert list(tmp_path.iterdir()) == []


def test_there_and_back_again_the_users_are_there(flask: Forked, at_head: str) -> None:
    table = UserEditor(engine_of({"DATABASE_URL": at_head}), "tests")
    table.add("zoé", "zoe@example.org", "hash", ["user"])
    table._engine.dispose()  # noqa: SLF001 - as a service that was ended
    for revision in reversed(REVISIONS[:-1]):
        ended = flask("db", "downgrade", revision, "--yes")
        assert (ended.returncode, ended.stdout, ended.stderr) == (
            0,
            f"The database is now at revision {revision}.\n",
            "",
        )
        assert at(at_head) == revision
    assert flask("db", "upgrade").returncode == 0
    (user,) = json.loads(flask("users", "list", "--json").stdout)
    assert (user["username"], user["email"], user["roles"]) == ("zoé", "zoe@example.org", ["user"])


def test_back_to_the_base_there_is_nothing_and_forward_everything(flask: Forked, at_head: str) -> None:
    assert flask("db", "downgrade", "base", "--yes").stdout == "The database is now at revision base.\n"
    assert (at(at_head), checked(flask)[0]) == (None, 1)
    assert flask("db", "upgrade").returncode == 0
    assert checked(flask)[0] == 0


def test_forward_is_not_back(flask: Forked, at_head: str) -> None:
    assert flask("db", "downgrade", REVISIONS[0], "--yes").returncode == 0
    told = refusal(flask("db", "downgrade", OLDER, "--yes"))
    assert f"the database is not newer than {OLDER}. See: flask db check" in told
    assert at(at_head) == REVISIONS[0]


def test_where_it_is_already_there_is_nothing_to_do(flask: Forked, at_head: str) -> None:
    assert "the database is not newer" in refusal(flask("db", "downgrade", HEAD, "--yes"))
    assert at(at_head) == HEAD


def test_a_downgrade_without_anybody_to_confirm_it_is_refused(flask: Forked, at_head: str) -> None:
    assert "Add --yes" in refusal(flask("db", "downgrade", OLDER))
    assert at(at_head) == HEAD


@pytest.mark.parametrize(("typed", "code", "revision"), [("y\n", 0, OLDER), ("n\n", 1, HEAD), ("\x03", 1, HEAD)])
def test_at_a_terminal_a_downgrade_is_asked_for(
    flask: Forked, at_head: str, typed: str, code: int, revision: str
) -> None:
    with flask.terminal("db", "downgrade", OLDER) as screen:
        read_until(screen, f"Go back to {OLDER}, and lose what only newer tables hold? [y/N]: ")
        answer(screen, typed)
        assert flask.wait().code == code
    assert at(at_head) == revision
