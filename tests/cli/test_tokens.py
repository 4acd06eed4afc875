"""`flask tokens …` as it is typed, and what the commands on users do to sessions: seen by a service that runs."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from database.session_table import SessionTable
from tests.conftest import new_database
from tests.servers.process import wait_until
from tests.support.error_responses import error_message
from tests.support.flask_program import Flask, refusal
from tests.support.sessions import Tokens, ask_to_log_in, ask_to_refresh, client_of, log_in, refresh, shown
from tests.support.stores import engine_of, user_table, users_file
from tests.support.users import SAMPLE_USERS, ZOE, SampleUser

O_BRIEN = SAMPLE_USERS[1]
TOLD = "Their tokens are refused within two seconds.\n"


@pytest.fixture(params=["sqlite", "postgres"])
def environ(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, str]:
    """The environment of a new database with two users, and of a file that knows the same names."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/users.db"
    else:
        url = new_database(request.getfixturevalue("postgres"), tmp_path.name)
    people = [ZOE, O_BRIEN]
    return {**users_file(tmp_path / "users.toml", people), **user_table(url, people)}


on_sqlite = pytest.mark.parametrize("environ", ["sqlite"], indirect=True)


@pytest.fixture
def flask(tmp_path: Path, environ: dict[str, str]) -> Flask:
    """The program on this database."""
    return Flask(tmp_path, DATABASE_URL=environ["DATABASE_URL"])


@pytest.fixture
def client(environ: dict[str, str]) -> FlaskClient:
    """A client of an application on the same database."""
    return client_of(environ)


def is_over(client: FlaskClient, tokens: Tokens) -> bool:
    """Wait until the access token is refused; says whether the refresh token is refused then."""
    wait_until(lambda: shown(client, tokens.access) == "revoked_token")
    return ask_to_refresh(client, tokens.refresh).status_code == 400


def goes_on(client: FlaskClient, tokens: Tokens) -> bool:
    return shown(client, tokens.access) == shown(client, refresh(client, tokens).access) == ""


def test_all_that_a_user_has_is_ended_and_a_new_login_is_good(flask: Flask, client: FlaskClient) -> None:
    first, second, other = log_in(client), log_in(client), log_in(client, O_BRIEN)
    ended = flask("tokens", "revoke", "--user", " ZoÉ ")
    again = log_in(client)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, f"Ended 2 sessions. {TOLD}", "")
    assert is_over(client, first)
    assert is_over(client, second)
    assert goes_on(client, other)
    assert goes_on(client, again)


def test_all_that_anybody_has_is_ended_and_a_new_login_is_good(
    flask: Flask, client: FlaskClient, environ: dict[str, str]
) -> None:
    tokens, other = log_in(client), log_in(client, O_BRIEN)
    ended = flask("tokens", "revoke", "--all")
    returned = datetime.now(UTC)
    again = log_in(client)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, f"Ended 2 sessions. {TOLD}", "")
    assert is_over(client, tokens)
    assert is_over(client, other)
    assert goes_on(client, again)
    before = SessionTable(engine_of(environ)).revocations_after(0)[-1].issued_before
    assert before
    assert before <= returned


@on_sqlite
def test_with_a_provider_only_what_it_gave_is_ended(flask: Flask, environ: dict[str, str]) -> None:
    table, file = client_of(environ), client_of(environ, AUTH_PROVIDER="static")
    of_table, of_file = log_in(table), log_in(file)
    assert flask("tokens", "revoke", "--user", "zoé", "--provider", "static").stdout == f"Ended 1 session. {TOLD}"
    assert is_over(file, of_file)
    assert goes_on(table, of_table)


@on_sqlite
def test_whoever_has_nothing_loses_nothing(flask: Flask) -> None:
    ended = flask("tokens", "revoke", "--user", "nobody").stdout
    hint = "If that is a surprise: is it what the token has as `sub`, and the provider what it has as `idp`?\n"
    assert ended == f"Ended 0 sessions. {TOLD}{hint}"
    assert flask("tokens", "revoke", "--all").stdout == f"Ended 0 sessions. {TOLD}"


def test_a_disabled_user_is_out_and_in_again_when_enabled(flask: Flask, client: FlaskClient) -> None:
    tokens, other = log_in(client), log_in(client, O_BRIEN)
    assert flask("users", "disable", "ZOE@example.org", "--force").returncode == 0
    assert is_over(client, tokens)
    error_message(ask_to_log_in(client), 400, "invalid_credentials")
    assert goes_on(client, other)
    assert flask("users", "enable", "zoé").returncode == 0
    again = log_in(client)
    assert is_over(client, tokens)
    assert goes_on(client, again)


def test_a_new_password_ends_what_came_of_the_old_one(flask: Flask, client: FlaskClient) -> None:
    tokens, other = log_in(client), log_in(client, O_BRIEN)
    assert flask("users", "set-password", "zoé", stdin="a new password of hers").returncode == 0
    again = log_in(client, SampleUser(ZOE.username, ZOE.email, "a new password of hers"))
    assert is_over(client, tokens)
    assert goes_on(client, again)
    assert goes_on(client, other)


@on_sqlite
def test_the_table_puts_nobody_out_whom_another_provider_let_in(flask: Flask, environ: dict[str, str]) -> None:
    file, table = client_of(environ, AUTH_PROVIDER="static"), client_of(environ)
    of_file, of_table = log_in(file), log_in(table)
    assert flask("users", "disable", "zoé", "--force").returncode == 0
    assert is_over(table, of_table)
    assert goes_on(file, of_file)


@on_sqlite
@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ((), "say whose: flask tokens revoke --user NAME, or --all"),
        (("--provider", "static"), "say whose: flask tokens revoke --user NAME, or --all"),
        (("--all", "--provider", "static"), "--provider belongs to --user"),
        (("--user", ""), "user must not be empty"),
        (("--user", "x" * 257), "user must be at most 256 characters long"),
        (("--user", "zoé", "--provider", " "), "provider must not be empty"),
    ],
)
def test_wrong_usage_is_one_line(flask: Flask, arguments: tuple[str, ...], why: str) -> None:
    assert refusal(flask("tokens", "revoke", *arguments)) == f"Error: {why}"


@on_sqlite
def test_who_says_two_things_ends_nothing(flask: Flask, client: FlaskClient) -> None:
    tokens = log_in(client)
    refusal(flask("tokens", "revoke", "--user", "zoé", "--all"))
    assert goes_on(client, tokens)


@on_sqlite
@pytest.mark.parametrize("arguments", [("--everybody",), ("zoé",)])
def test_what_is_no_option_is_told(flask: Flask, arguments: tuple[str, ...]) -> None:
    ended = flask("tokens", "revoke", *arguments)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "Usage: python -m flask tokens revoke" in ended.stderr


@on_sqlite
@pytest.mark.parametrize("arguments", [("--user", "zoé"), ("--all",)])
def test_without_a_database_it_says_what_to_do(flask: Flask, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    told = refusal(flask("tokens", "revoke", *arguments, DATABASE_URL=""))
    assert "DATABASE_URL is not set. Write sqlite:///" in told
    told = refusal(flask("tokens", "revoke", *arguments, DATABASE_URL=f"sqlite:///{tmp_path}/new.db"))
    assert told.startswith("Error: the database cannot be used: ")
    assert "make migrate" in told
