"""`flask tokens …`, and the commands on users that end sessions, seen by a running service."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from database.session_table import SessionTable
from database.user_editor import UserEditor
from services.context import services_of
from tests.servers.process import wait_until
from tests.servers.slapd import Slapd
from tests.support.error_responses import error_message
from tests.support.flask_program import error_line
from tests.support.fork_server import ForkServer
from tests.support.forked_flask import ForkedFlask
from tests.support.sessions import Tokens, client_of, guard_error, log_in, refresh, send_login, send_refresh
from tests.support.stores import engine_of, user_table, users_file
from tests.support.users import SAMPLE_USERS, ZOE, SampleUser

O_BRIEN = SAMPLE_USERS[1]
REJECTED = "Every worker rejects the revoked tokens within two seconds.\n"


@pytest.fixture
def environ(migrated_database: str, tmp_path: Path) -> dict[str, str]:
    """The environment of a new database with two users, and of a users file with the same users."""
    users = [ZOE, O_BRIEN]
    return {**users_file(tmp_path / "users.toml", users), **user_table(migrated_database, users)}


on_sqlite = pytest.mark.parametrize("migrated_database", ["sqlite"], indirect=True)


@pytest.fixture
def flask(fork_server: ForkServer, tmp_path: Path, environ: dict[str, str]) -> ForkedFlask:
    """The `flask` program on this database."""
    return ForkedFlask(fork_server, tmp_path, DATABASE_URL=environ["DATABASE_URL"])


@pytest.fixture
def client(environ: dict[str, str]) -> FlaskClient:
    """A client of an application on the same database."""
    return client_of(environ)


def is_revoked(client: FlaskClient, tokens: Tokens) -> bool:
    """Wait until the access token is rejected, and return whether the refresh token is rejected then."""
    wait_until(lambda: guard_error(client, tokens.access) == "revoked_token")
    return send_refresh(client, tokens.refresh).status_code == 400


def is_valid(client: FlaskClient, tokens: Tokens) -> bool:
    return guard_error(client, tokens.access) == guard_error(client, refresh(client, tokens).access) == ""


def test_sessions_of_a_user_are_revoked_and_a_new_login_is_valid(flask: ForkedFlask, client: FlaskClient) -> None:
    first, second, other = log_in(client), log_in(client), log_in(client, O_BRIEN)
    ended = flask("tokens", "revoke", "--user", " ZoÉ ")
    again = log_in(client)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, f"Ended 2 sessions. {REJECTED}", "")
    assert is_revoked(client, first)
    assert is_revoked(client, second)
    assert is_valid(client, other)
    assert is_valid(client, again)


def test_all_sessions_are_revoked_and_a_new_login_is_valid(
    flask: ForkedFlask, client: FlaskClient, environ: dict[str, str]
) -> None:
    tokens, other = log_in(client), log_in(client, O_BRIEN)
    ended = flask("tokens", "revoke", "--all")
    returned = datetime.now(UTC)
    again = log_in(client)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, f"Ended 2 sessions. {REJECTED}", "")
    assert is_revoked(client, tokens)
    assert is_revoked(client, other)
    assert is_valid(client, again)
    before = SessionTable(engine_of(environ)).revocations_after(0)[-1].issued_before
    assert before
    assert before <= returned


@on_sqlite
def test_provider_option_revokes_only_its_sessions(flask: ForkedFlask, environ: dict[str, str]) -> None:
    table, file = client_of(environ), client_of(environ, AUTH_PROVIDER="static")
    of_table, of_file = log_in(table), log_in(file)
    assert flask("tokens", "revoke", "--user", "zoé", "--provider", "static").stdout == f"Ended 1 session. {REJECTED}"
    assert is_revoked(file, of_file)
    assert is_valid(table, of_table)


@on_sqlite
def test_user_without_sessions_is_not_an_error(flask: ForkedFlask) -> None:
    ended = flask("tokens", "revoke", "--user", "ZOÉ")
    assert (ended.returncode, ended.stdout) == (0, f"Ended 0 sessions. {REJECTED}")
    assert flask("tokens", "revoke", "--all").stdout == f"Ended 0 sessions. {REJECTED}"


def test_revocation_by_email_ends_the_sessions_of_its_user(
    flask: ForkedFlask, client: FlaskClient, environ: dict[str, str]
) -> None:
    tokens, other = log_in(client), log_in(client, O_BRIEN)
    ended = flask("tokens", "revoke", "--user", ZOE.email)
    resolved = "zoe@example.org is the login of zoé of the provider database.\n"
    assert (ended.returncode, ended.stdout) == (0, f"{resolved}Ended 1 session. {REJECTED}")
    assert is_revoked(client, tokens)
    assert is_valid(client, other)
    UserEditor(engine_of(environ), "tests").set_active("zoé", active=False, force=True)
    assert flask("tokens", "revoke", "--user", ZOE.email).stdout == f"{resolved}Ended 0 sessions. {REJECTED}"


@on_sqlite
def test_revocation_by_email_asks_the_other_providers(flask: ForkedFlask, environ: dict[str, str]) -> None:
    person = SampleUser("smith", "john@example.org", "the password of John Smith")
    file = users_file(Path(environ["STATIC_USERS_FILE"]), [person])
    client = client_of({**environ, **file})
    tokens = log_in(client, person)
    resolved = "JOHN@example.org is the login of smith of the provider static.\n"
    for sessions in ("1 session", "0 sessions"):
        ended = flask("tokens", "revoke", "--user", "JOHN@example.org", **file)
        assert (ended.returncode, ended.stdout) == (0, f"{resolved}Ended {sessions}. {REJECTED}")
    assert is_revoked(client, tokens)


@on_sqlite
def test_revocation_by_email_asks_the_directory(flask: ForkedFlask, environ: dict[str, str], slapd: Slapd) -> None:
    directory = slapd.environ()
    client = client_of({**environ, **directory})
    tokens = log_in(client, O_BRIEN)
    ended = flask("tokens", "revoke", "--user", O_BRIEN.email.upper(), **directory)
    resolved = f"{O_BRIEN.email.upper()} is the login of o'brien of the provider ldap.\n"
    assert (ended.returncode, ended.stdout) == (0, f"{resolved}Ended 1 session. {REJECTED}")
    assert is_revoked(client, tokens)


@on_sqlite
@pytest.mark.parametrize("provider", ["", "database", "static", "database,static"])
def test_revocation_that_ends_nothing_does_not_report_success(
    flask: ForkedFlask, environ: dict[str, str], provider: str
) -> None:
    asked = {"AUTH_PROVIDER": provider, "STATIC_USERS_FILE": environ["STATIC_USERS_FILE"]}
    for login in ("unknown", "unknown@example.org"):
        assert error_line(flask("tokens", "revoke", "--user", login, **asked)) == (
            f"Error: no session of {login} ended, and no provider knows it. "
            "Only tokens with this claim `sub` are revoked. Check it with: flask explain"
        )


DIRECTORY = {"AUTH_PROVIDER": "ldap", "LDAP_URL": "ldaps://127.0.0.1:1", "LDAP_BASE_DN": "dc=example,dc=org"}
SERVICE = {"LDAP_SERVICE_DN": "cn=service", "LDAP_SERVICE_PASSWORD": "service"}
OBSTACLES = {
    "unavailable": ({**DIRECTORY, **SERVICE}, (), "ldap is unavailable: "),
    "invalid": ({"AUTH_PROVIDER": "ldap"}, (), "AUTH_PROVIDER cannot be used: LDAP_"),
    "misspelled": ({"AUTH_PROVIDER": "database"}, ("--provider", "databse"), "databse is not in AUTH_PROVIDER"),
}


@on_sqlite
@pytest.mark.parametrize(("changed", "option", "reason"), OBSTACLES.values(), ids=OBSTACLES)
def test_provider_that_cannot_be_asked_is_not_an_unknown_user(
    flask: ForkedFlask, changed: dict[str, str], option: tuple[str, ...], reason: str
) -> None:
    ended = flask("tokens", "revoke", "--user", "yan", *option, **changed)
    assert (ended.returncode, ended.stdout) == (2, "")
    line = ended.stderr.splitlines()[-1]  # a directory may also log a warning
    assert line.startswith(f"Error: no session of yan ended, and its user is not known: {reason}")


@on_sqlite
def test_email_of_a_user_whom_the_provider_denies_is_not_an_unknown_user(
    flask: ForkedFlask, environ: dict[str, str]
) -> None:
    file = Path(environ["STATIC_USERS_FILE"])
    static = users_file(file, [ZOE])
    file.write_text(f"{file.read_text('utf-8')}active = false\n", "utf-8")
    line = error_line(flask("tokens", "revoke", "--user", ZOE.email, "--provider", "static", **static))
    assert "its user is not known: static denies it: the account is disabled" in line
    assert flask("tokens", "revoke", "--user", "ZOÉ", "--provider", "static", **static).returncode == 0


@on_sqlite
def test_users_of_a_provider_that_cannot_look_them_up_can_be_revoked(flask: ForkedFlask) -> None:
    ended = flask("tokens", "revoke", "--user", "yan", **DIRECTORY, LDAP_USER_DN_TEMPLATE="uid={login},dc=example")
    note = "The provider ldap cannot look yan up: compare it with the claim `sub`.\n"
    assert (ended.returncode, ended.stdout) == (0, f"{note}Ended 0 sessions. {REJECTED}")


@on_sqlite
@pytest.mark.parametrize(("login", "exit_code"), [("unknown", 2), ("zoé", 0)])
def test_tokens_without_a_session_are_revoked_also_if_no_provider_knows_their_user(
    flask: ForkedFlask, client: FlaskClient, login: str, exit_code: int
) -> None:
    token = services_of(client.application).issuer.generate({"username": login, "idp": "kiosk", "roles": []})
    assert guard_error(client, token) == ""
    assert flask("tokens", "revoke", "--user", login.upper()).returncode == exit_code
    wait_until(lambda: guard_error(client, token) == "revoked_token")


@on_sqlite
def test_revocation_is_in_the_audit_log(flask: ForkedFlask, environ: dict[str, str]) -> None:
    for arguments in (["--user", ZOE.email], ["--user", "zoé", "--provider", "static"], ["--all"]):
        flask("tokens", "revoke", *arguments)
    history = UserEditor(engine_of(environ), "tests").users.history()
    events = [event for event in history if event.action == "sessions_revoked"]
    assert all(event.operator.startswith("cli:") for event in events)
    assert [(event.username_folded, event.details) for event in reversed(events)] == [
        ("zoe@example.org", "provider: all"),
        ("zoé", "provider: database"),
        ("zoé", "provider: static"),
        (None, "all users"),
    ]


def test_disabled_user_loses_sessions_and_can_log_in_again_when_enabled(
    flask: ForkedFlask, client: FlaskClient
) -> None:
    tokens, other = log_in(client), log_in(client, O_BRIEN)
    assert flask("users", "disable", "ZOE@example.org", "--force").returncode == 0
    assert is_revoked(client, tokens)
    error_message(send_login(client), 400, "invalid_credentials")
    assert is_valid(client, other)
    assert flask("users", "enable", "zoé").returncode == 0
    again = log_in(client)
    assert is_revoked(client, tokens)
    assert is_valid(client, again)


def test_new_password_revokes_the_sessions(flask: ForkedFlask, client: FlaskClient) -> None:
    tokens, other = log_in(client), log_in(client, O_BRIEN)
    assert flask("users", "set-password", "zoé", stdin="another good password").returncode == 0
    again = log_in(client, SampleUser(ZOE.username, ZOE.email, "another good password"))
    assert is_revoked(client, tokens)
    assert is_valid(client, again)
    assert is_valid(client, other)


@on_sqlite
def test_disabling_a_user_keeps_sessions_of_other_providers(flask: ForkedFlask, environ: dict[str, str]) -> None:
    file, table = client_of(environ, AUTH_PROVIDER="static"), client_of(environ)
    of_file, of_table = log_in(file), log_in(table)
    assert flask("users", "disable", "zoé", "--force").returncode == 0
    assert is_revoked(table, of_table)
    assert is_valid(file, of_file)


@on_sqlite
@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ((), "give one of an id, --user and --all: flask tokens revoke --user LOGIN"),
        (("--provider", "static"), "give one of an id, --user and --all: flask tokens revoke --user LOGIN"),
        (("--all", "--provider", "static"), "--provider requires --user"),
        (("--user", ""), "user must not be empty"),
        (("--user", "x" * 257), "user must be at most 256 characters long"),
        (("--user", "zoé", "--provider", " "), "provider must not be empty"),
    ],
)
def test_wrong_usage_is_one_line(flask: ForkedFlask, arguments: tuple[str, ...], why: str) -> None:
    assert error_line(flask("tokens", "revoke", *arguments)) == f"Error: {why}"


@on_sqlite
def test_contradicting_options_revoke_nothing(flask: ForkedFlask, client: FlaskClient) -> None:
    tokens = log_in(client)
    error_line(flask("tokens", "revoke", "--user", "zoé", "--all"))
    assert is_valid(client, tokens)


@on_sqlite
@pytest.mark.parametrize("arguments", [("--everything",), ("1", "2")])
def test_unknown_option_is_a_usage_error(flask: ForkedFlask, arguments: tuple[str, ...]) -> None:
    ended = flask("tokens", "revoke", *arguments)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "Usage: flask tokens revoke" in ended.stderr


@on_sqlite
@pytest.mark.parametrize("arguments", [("--user", "zoé"), ("--all",)])
def test_missing_database_is_an_error_with_a_remedy(
    flask: ForkedFlask, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    line = error_line(flask("tokens", "revoke", *arguments, DATABASE_URL=""))
    assert "DATABASE_URL is not set. Set it to sqlite:///" in line
    line = error_line(flask("tokens", "revoke", *arguments, DATABASE_URL=f"sqlite:///{tmp_path}/new.db"))
    assert line.startswith("Error: the database cannot be used: ")
    assert "make migrate" in line


@on_sqlite
def test_user_without_a_session_and_unknown_login_are_distinguished(flask: ForkedFlask) -> None:
    assert flask("tokens", "list", "--user", ZOE.email).stdout == f"{ZOE.username} has no session.\n"
    unknown = flask("tokens", "list", "--user", "unknown").stdout
    assert unknown.startswith("No session has the username unknown, and the user table has no such user. ")
