"""Invalid refresh tokens, and what happens when a client sends one."""

import string
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from services.sessions.sessions import LOST_RESPONSE_TIMEOUT
from tests.support.error_responses import error_message
from tests.support.oauth import granted_tokens, oauth_app
from tests.support.oauth import refresh as refresh_by_oauth
from tests.support.oauth import token as token_by_oauth
from tests.support.session_rows import age_rotations
from tests.support.sessions import claims_of, client_of, guard_error, log_in, log_out, refresh, send_refresh
from tests.support.stores import engine_of, user_table
from tests.support.users import ZOE

BASE64URL = f"{string.ascii_uppercase}{string.ascii_lowercase}{string.digits}-_"
NEVER = "Invalid refresh token: expired, revoked or unknown"
SPENT = "Invalid refresh token: already used; its session was revoked"


@pytest.fixture
def client(sqlite_environ: dict[str, str]) -> FlaskClient:
    """A client of an application with all sample users in SQLite."""
    return client_of(sqlite_environ)


def refusal(client: FlaskClient, token: object) -> str:
    return error_message(send_refresh(client, token), 400, "invalid_refresh_token")


@pytest.mark.parametrize("uses", [1, 2, 3])
def test_reused_refresh_token_ends_the_whole_session(
    client: FlaskClient, sqlite_environ: dict[str, str], caplog: pytest.LogCaptureFixture, uses: int
) -> None:
    family, other = [log_in(client)], log_in(client)
    for _ in range(uses):
        family.append(refresh(client, family[-1]))
    age_rotations(engine_of(sqlite_environ), LOST_RESPONSE_TIMEOUT)
    assert refusal(client, family[0].refresh) == SPENT
    assert [guard_error(client, tokens.access) for tokens in family] == ["revoked_token"] * len(family)
    assert {refusal(client, tokens.refresh) for tokens in family} == {NEVER}
    assert guard_error(client, refresh(client, other).access) == ""
    assert caplog.text.count("refresh_reused reason=reused") == 1
    secrets = [part for tokens in family for part in (*tokens.refresh.split("."), tokens.access)]
    assert [part for part in secrets if part in caplog.text] == []


def test_wrong_secret_for_a_known_session_counts_as_reuse(client: FlaskClient) -> None:
    tokens = log_in(client)
    name, secret = tokens.refresh.split(".")
    assert refusal(client, f"{name}.{secret[::-1]}") == SPENT
    assert guard_error(client, tokens.access) == "revoked_token"


FOREIGN = "x" * 22 + "." + "y" * 43
MALFORMED = [
    "x",
    " ",
    ".",
    FOREIGN,
    f"{FOREIGN}\n",
    f" {FOREIGN}",
    FOREIGN.replace(".", ".."),
    FOREIGN.replace("x", "é"),
    FOREIGN.replace("y", "\0"),
    FOREIGN.replace("x", "\ud800"),
    "' OR 'token'='token",
    "x" * 16_000,
    "x." * 8_000,
]


@pytest.mark.parametrize("token", MALFORMED, ids=range(len(MALFORMED)))
def test_malformed_or_unknown_refresh_token_is_rejected(client: FlaskClient, token: str) -> None:
    assert refusal(client, token) == NEVER


@pytest.mark.parametrize("change", [str.swapcase, "{}=".format, "{}.".format, " {}".format, "{}\n".format])
def test_other_spelling_of_a_refresh_token_is_rejected_and_spends_nothing(
    client: FlaskClient, change: type[str]
) -> None:
    tokens = log_in(client)
    assert refusal(client, change(tokens.refresh)) == NEVER
    refresh(client, tokens)


@pytest.mark.parametrize("spare_bits", [1, 2, 3])
def test_refresh_token_has_one_spelling(client: FlaskClient, spare_bits: int) -> None:
    name, secret = log_in(client).refresh.split(".")

    def respell(text: str) -> str:
        return text[:-1] + BASE64URL[BASE64URL.index(text[-1]) + spare_bits]

    assert refusal(client, f"{respell(name)}.{secret}") == NEVER
    assert refusal(client, f"{name}.{respell(secret)}") == SPENT


@pytest.mark.parametrize("token", [None, "", 5, True, [FOREIGN], {"token": FOREIGN}])
def test_refresh_token_that_is_not_text_is_missing(client: FlaskClient, token: object) -> None:
    response = send_refresh(client, token)
    assert error_message(response, 400, "missing_refresh_token") == "Refresh token missing"
    error_message(client.post("/api/auth/refresh", json={"token": FOREIGN}), 400, "missing_refresh_token")


@pytest.mark.parametrize(
    ("body", "content_type", "status", "code"),
    [
        (b"", "application/json", 400, "malformed_body"),
        (b"[]", "application/json", 400, "malformed_body"),
        (b'{"refresh_token": "\xff"}', "application/json", 400, "malformed_body"),
        (b"refresh_token=x", "application/x-www-form-urlencoded", 415, "malformed_body"),
        (b'{"refresh_token": "' + b"x" * 20_000 + b'"}', "application/json", 413, "request_entity_too_large"),
    ],
)
def test_malformed_body_is_rejected(
    client: FlaskClient, body: bytes, content_type: str, status: int, code: str
) -> None:
    error_message(client.post("/api/auth/refresh", data=body, content_type=content_type), status, code)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_refresh_accepts_only_post(client: FlaskClient, method: str) -> None:
    response = client.open(f"/api/auth/refresh?refresh_token={log_in(client).refresh}", method=method)
    error_message(response, 405, "method_not_allowed")


def test_access_and_refresh_tokens_are_not_interchangeable(client: FlaskClient) -> None:
    tokens = log_in(client)
    assert refusal(client, tokens.access) == NEVER
    assert guard_error(client, tokens.refresh) == "invalid_token"
    error_message(log_out(client, tokens.refresh), 401, "invalid_token")
    assert guard_error(client, refresh(client, tokens).access) == ""


def test_refresh_token_of_an_oauth_client_is_rejected_and_stays_valid(sqlite_environ: dict[str, str]) -> None:
    client = oauth_app(sqlite_environ).test_client()
    given = granted_tokens(token_by_oauth(client))
    assert refusal(client, given["refresh_token"]) == NEVER
    assert granted_tokens(refresh_by_oauth(client, given["refresh_token"]))["refresh_token"]


def test_database_contains_no_refresh_token(tmp_path: Path) -> None:
    environ = user_table(f"sqlite:///{tmp_path}/users.db", [ZOE])
    client = client_of(environ)
    first = log_in(client)
    second = refresh(client, first)
    kept = b"".join(path.read_bytes() for path in tmp_path.glob("users.db*"))
    assert claims_of(client, first.access)["sid"].encode() in kept
    parts = [part for tokens in (first, second) for part in tokens.refresh.split(".")]
    assert [part for part in parts if part.encode() in kept] == []
