"""`POST /api/auth/refresh`: a refresh token is exchanged for new tokens, with every store."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import pytest
from flask.testing import FlaskClient

from providers.interface import ProviderUnavailable, User
from tests.conftest import new_database
from tests.servers.process import free_port
from tests.servers.slapd import Slapd
from tests.support.error_responses import error_message
from tests.support.mutable_stores import (
    CHANGED_USER,
    MutableDirectory,
    MutableStore,
    MutableUsersFile,
    MutableUserTable,
)
from tests.support.sessions import (
    claims_of,
    client_of,
    guard_error,
    log_in,
    refresh,
    send_login,
    send_refresh,
)
from tests.support.stores import user_table, users_file
from tests.support.users import SAMPLE_USERS, ZOE, SampleUser

NEVER = "Invalid refresh token: expired, revoked or unknown"
GONE = "Invalid refresh token: the user no longer exists or is disabled"


@pytest.fixture(params=["static", "sqlite", "postgres", "ldap"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[MutableStore]:
    """Each store, with a user who will be removed."""
    if request.param == "static":
        yield MutableUsersFile(tmp_path)
    elif request.param == "sqlite":
        yield MutableUserTable(f"sqlite:///{tmp_path}/users.db")
    elif request.param == "postgres":
        yield MutableUserTable(new_database(request.getfixturevalue("postgres"), tmp_path.name))
    else:
        url = new_database(request.getfixturevalue("postgres"), tmp_path.name)
        directory = MutableDirectory(request.getfixturevalue("slapd"), url)
        yield directory
        directory.remove()


@pytest.fixture
def client(sqlite_environ: dict[str, str]) -> FlaskClient:
    """A client of an application with all sample users in SQLite."""
    return client_of(sqlite_environ)


def refusal(client: FlaskClient, token: object) -> str:
    return error_message(send_refresh(client, token), 400, "invalid_refresh_token")


def test_each_refresh_returns_a_new_token_of_the_same_session(store: MutableStore) -> None:
    client = client_of(store.environ)
    chain_of_tokens = [log_in(client, CHANGED_USER)]
    for _ in range(3):
        chain_of_tokens.append(refresh(client, chain_of_tokens[-1]))
    assert [guard_error(client, tokens.access) for tokens in chain_of_tokens] == [""] * 4
    claims = [claims_of(client, tokens.access) for tokens in chain_of_tokens]
    assert len({tokens.refresh for tokens in chain_of_tokens}) == len({one["jti"] for one in claims}) == 4
    for one in claims:
        one.pop("jti"), one.pop("iat"), one.pop("exp")
    assert claims == [claims[0]] * 4
    assert claims[0]["sub"] == "leaver"


def test_next_access_token_has_the_new_roles(store: MutableStore) -> None:
    client = client_of(store.environ)
    tokens = log_in(client, CHANGED_USER)
    store.promote()
    promoted = refresh(client, tokens)
    assert claims_of(client, tokens.access)["roles"] == ["user"]
    assert claims_of(client, promoted.access)["roles"] == ["admin"]


@pytest.mark.parametrize("change", ["remove", "disable"])
def test_session_of_a_removed_or_disabled_user_ends(store: MutableStore, change: str) -> None:
    client = client_of(store.environ)
    first = log_in(client, CHANGED_USER)
    second = refresh(client, first)
    getattr(store, change)()
    assert refusal(client, second.refresh) == GONE
    assert [guard_error(client, tokens.access) for tokens in (first, second)] == ["revoked_token"] * 2
    assert refusal(client, second.refresh) == NEVER


@pytest.mark.parametrize("person", SAMPLE_USERS, ids=lambda person: person.username)
def test_users_with_unusual_names_can_refresh(client: FlaskClient, person: SampleUser) -> None:
    tokens = refresh(client, log_in(client, person))
    claims = claims_of(client, tokens.access)
    assert (claims["sub"], claims["email"], claims["roles"]) == (person.username, person.email, sorted(person.roles))


def test_refresh_during_a_directory_outage_does_not_spend_the_token(slapd: Slapd, tmp_path: Path) -> None:
    environ = {**user_table(f"sqlite:///{tmp_path}/sessions.db", []), **slapd.environ()}
    client, without_directory = client_of(environ), client_of(environ, LDAP_URL=f"ldap://127.0.0.1:{free_port()}")
    tokens = log_in(client)
    response = send_refresh(without_directory, tokens.refresh)
    assert error_message(response, 503, "provider_unavailable") == "Credential store unavailable"
    assert response.headers["Retry-After"] == "5"
    assert guard_error(without_directory, tokens.access) == ""
    assert guard_error(client, refresh(client, tokens).access) == ""


class FailingLookup:
    """Authenticates every login. Its lookup raises `fault` if the test sets it."""

    fault: ClassVar[Exception | None] = None

    def __init__(self, environ: Mapping[str, str]) -> None:
        """Take no settings."""

    def authenticate(self, login: str, password: str) -> User:
        return User(username=login, email=None, roles=[])

    def find(self, username: str) -> User | None:
        if self.fault:
            raise self.fault
        return User(username=username, email=None, roles=[])


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        (ProviderUnavailable("x"), 503, "provider_unavailable"),
        (ConnectionError("x"), 503, "provider_unavailable"),
        (KeyError("x"), 500, "internal_error"),
    ],
    ids=["unavailable", "connection", "bug"],
)
def test_refresh_with_a_failing_provider_does_not_spend_the_token(
    sqlite_environ: dict[str, str], monkeypatch: pytest.MonkeyPatch, fault: Exception, status: int, code: str
) -> None:
    client = client_of(sqlite_environ, AUTH_PROVIDER=f"{__name__}:FailingLookup")
    tokens = log_in(client)
    monkeypatch.setattr(FailingLookup, "fault", fault)
    error_message(send_refresh(client, tokens.refresh), status, code)
    monkeypatch.undo()
    refresh(client, tokens)


class WithoutLookup:
    """Cannot look users up without a password."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        """Take no settings."""

    def authenticate(self, login: str, password: str) -> User:
        return User(username=login, email=None, roles=[])


def test_login_at_a_provider_without_lookup_returns_no_refresh_token(sqlite_environ: dict[str, str]) -> None:
    client = client_of(sqlite_environ, AUTH_PROVIDER=f"{__name__}:WithoutLookup")
    body = send_login(client).get_json()
    assert set(body) == {"status", "data", "token_type", "expires_in"}
    assert "sid" not in claims_of(client, body["data"])


def test_refresh_asks_the_provider_that_the_session_began_with(sqlite_environ: dict[str, str], tmp_path: Path) -> None:
    environ = {**MutableUsersFile(tmp_path).environ, "DATABASE_URL": sqlite_environ["DATABASE_URL"]}
    both, other = (client_of(environ, AUTH_PROVIDER=names) for names in ("static,database", "database"))
    tokens = log_in(both, CHANGED_USER)
    assert claims_of(both, refresh(both, tokens).access)["idp"] == "static"
    assert claims_of(both, refresh(both, log_in(both, ZOE)).access)["idp"] == "database"
    # The same name in another provider is another user.
    again = log_in(both, CHANGED_USER)
    assert "can no longer be looked up" in refusal(other, again.refresh)
    assert refresh(both, again).access  # the other application has not ended the session


def test_user_with_more_roles_than_a_token_can_have_gets_none_and_keeps_the_session(tmp_path: Path) -> None:
    path = tmp_path / "users.toml"
    client = client_of({**user_table(f"sqlite:///{tmp_path}/sessions.db", []), **users_file(path, [ZOE])})
    tokens = log_in(client)
    users_file(path, [replace(ZOE, roles=tuple(f"role-{number}" for number in range(800)))])
    for response in (send_refresh(client, tokens.refresh), send_login(client)):
        assert error_message(response, 503, "provider_unavailable") == "Credential store unavailable"
    users_file(path, [ZOE])
    refresh(client, tokens)
