"""`/api/auth/sessions`: users list and end their own sessions, and no others."""

from pathlib import Path

import pytest
from flask.testing import FlaskClient

from database.session_table import SessionTable
from database.user_editor import UserEditor
from tests.servers.process import wait_until
from tests.support.error_responses import error_message
from tests.support.flask_program import error_line
from tests.support.fork_server import ForkServer
from tests.support.forked_flask import ForkedFlask
from tests.support.sessions import bearer, claims_of, client_of, guard_error, log_in, refresh, send_login
from tests.support.stores import engine_of
from tests.support.users import ZOE
from tests.support.users_api import MAX, SQLITE_ONLY, token_of

PATH = "/api/auth/sessions"


@pytest.fixture
def client(users_environ: dict[str, str]) -> FlaskClient:
    client = client_of(users_environ)
    client.environ_base |= {"HTTP_USER_AGENT": "a browser\x1b[31m", "REMOTE_ADDR": "192.0.2.7"}
    return client


def test_user_lists_and_ends_their_sessions(client: FlaskClient, users_environ: dict[str, str]) -> None:
    other_worker = client_of(users_environ)
    other, current, of_max = log_in(client), log_in(client), log_in(client, MAX)
    current = refresh(client, current)
    headers = bearer(current.access)
    listed = client.get(PATH, headers=headers).get_json()["data"]
    ids = [claims_of(client, tokens.access)["sid"] for tokens in (current, other)]
    assert [(one["id"], one["current"], bool(one["refreshed_at"])) for one in listed] == [
        (ids[0], True, True), (ids[1], False, False)
    ]  # fmt: skip
    assert {(one["client"], one["address"], one["user_agent"]) for one in listed} == {
        ("latchkey", "192.0.2.7", "a browser\\x1b[31m")
    }
    of_another = claims_of(client, of_max.access)["sid"]
    for unknown in (of_another, "unknown"):
        assert error_message(client.delete(f"{PATH}/{unknown}", headers=headers), 404, "no_such_session")
    assert client.delete(f"{PATH}/{ids[1]}", headers=headers).status_code == 200
    assert [guard_error(client, tokens.access) for tokens in (other, current, of_max)] == ["revoked_token", "", ""]
    wait_until(lambda: guard_error(other_worker, other.access) == "revoked_token")
    assert client.delete(f"{PATH}/{ids[0]}", headers=headers).status_code == 200
    assert error_message(client.get(PATH, headers=headers), 401, "revoked_token")


def test_path_with_nul_names_no_session(client: FlaskClient) -> None:
    # PostgreSQL refuses a parameter with NUL, which would be a 500.
    response = client.delete(f"{PATH}/a%00b", headers=bearer(log_in(client).access))
    assert error_message(response, 404, "not_found")


@SQLITE_ONLY
def test_sessions_of_an_earlier_user_of_the_name_are_not_shown(
    client: FlaskClient, users_environ: dict[str, str]
) -> None:
    log_in(client)
    engine = engine_of(users_environ)
    table, editor = SessionTable(engine), UserEditor(engine, "tests")
    (row,) = table.of_user(ZOE.username)
    token = token_of(client, ZOE)
    assert [one["id"] for one in client.get(PATH, headers=bearer(token)).get_json()["data"]] == [row.id]
    seen = editor.users.require(ZOE.username)
    editor.delete(seen.id, force=True)
    table.open(row, 10**6)  # as by a login that was concurrent with a store that Latchkey does not know
    editor.add(ZOE.username, ZOE.email, seen.password_hash, ["user"])
    tokens = log_in(client)
    listed = client.get(PATH, headers=bearer(tokens.access)).get_json()["data"]
    assert [one["current"] for one in listed] == [True]
    assert error_message(client.delete(f"{PATH}/{row.id}", headers=bearer(tokens.access)), 404, "no_such_session")


@SQLITE_ONLY
def test_operator_lists_and_ends_a_session_by_its_id(
    client: FlaskClient, users_environ: dict[str, str], fork_server: ForkServer, tmp_path: Path
) -> None:
    tokens = log_in(client, MAX)
    flask = ForkedFlask(fork_server, tmp_path, DATABASE_URL=users_environ["DATABASE_URL"])
    session_id = claims_of(client, tokens.access)["sid"]
    for login in (MAX.username, MAX.email):
        shown = flask("tokens", "list", "--user", login).stdout
        assert all(text in shown for text in (session_id, "192.0.2.7", "a browser\\x1b[31m"))
    assert flask("tokens", "revoke", session_id).stdout.startswith(f"Ended a session of {MAX.username}.")
    wait_until(lambda: guard_error(client, tokens.access) == "revoked_token")
    assert flask("tokens", "list", "--user", MAX.username, "--json").stdout == "[]\n"
    assert error_line(flask("tokens", "revoke", session_id)).startswith("Error: no session has this id.")


def test_without_a_database_there_are_no_sessions(static_environ: dict[str, str]) -> None:
    client = client_of(static_environ)
    token = send_login(client).get_json()["data"]
    assert error_message(client.get(PATH, headers=bearer(token)), 404, "sessions_disabled")
