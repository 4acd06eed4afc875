"""Accounts that 389 Directory Server, or an attribute of another directory, disables: logins and sessions."""

from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient

from providers.interface import ACCOUNT_EXPIRED, DISABLED, LOCKED, MUST_CHANGE, PASSWORD_EXPIRED, Denied
from providers.ldap import SearchProvider
from tests.servers.directory389 import DISABLED_ROLE, Directory389, person_dn
from tests.support.directories import ldap_provider
from tests.support.error_responses import error_message
from tests.support.sessions import client_of, log_in, refresh, send_login, send_refresh
from tests.support.stores import user_table
from tests.support.users import SampleUser

EVE = SampleUser("eve", "eve@example.org", "the password of eve", ())

DISABLING = [
    ("nsAccountLock", "true", DISABLED),
    ("nsAccountLock;lang-en", "true", DISABLED),
    ("shadowExpire;x-copy", "1", ACCOUNT_EXPIRED),
    ("nsRoleDN", DISABLED_ROLE, DISABLED),
    ("loginDisabled", "TRUE", DISABLED),
    ("loginExpirationTime", "20200101000000Z", ACCOUNT_EXPIRED),
    ("ds-pwp-account-disabled", "true", DISABLED),
    ("pwdAccountLockedTime", "000001010000Z", DISABLED),
    ("pwdEndTime", "20200101000000Z", ACCOUNT_EXPIRED),
    ("shadowExpire", "1", ACCOUNT_EXPIRED),
    ("krbPrincipalExpiration", "20200101000000Z", ACCOUNT_EXPIRED),
    ("krbPrincipalExpiration", "never", ACCOUNT_EXPIRED),
]


@pytest.fixture(scope="module")
def server(directory389: Directory389) -> Directory389:
    """The shared 389 Directory Server, with the user Eve."""
    directory389.add_person(EVE)
    return directory389


@pytest.fixture(scope="module")
def client(server: Directory389, tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    """A client of an application with this directory, and sessions in a database."""
    database = user_table(f"sqlite:///{tmp_path_factory.mktemp('sessions')}/sessions.db", [])
    return client_of({**database, **server.environ()})


@pytest.fixture
def attribute(request: pytest.FixtureRequest, server: Directory389) -> Iterator[None]:
    """Remove the attribute that the test adds to Eve's entry."""
    yield
    server.modify(person_dn("eve"), {request.node.callspec.params["name"]: []})


def provider_of(server: Directory389) -> SearchProvider:
    """Return a provider with this directory."""
    return ldap_provider(server.environ())


def login_reason(server: Directory389) -> str | None:
    """Return why a login with the right password is denied; `None` if it succeeds."""
    result = provider_of(server).authenticate(EVE.username, EVE.password)
    return result.reason if isinstance(result, Denied) else None


@pytest.mark.usefixtures("attribute")
@pytest.mark.parametrize(("name", "value", "reason"), DISABLING)
def test_account_disabled_by_an_attribute_cannot_refresh_its_session(
    server: Directory389, client: FlaskClient, name: str, value: str, reason: str
) -> None:
    tokens = refresh(client, log_in(client, EVE))
    server.modify(person_dn("eve"), {name: value})
    error_message(send_refresh(client, tokens.refresh), 400, "invalid_refresh_token")
    assert send_login(client, EVE).status_code == 400
    assert login_reason(server) == reason
    explanation = provider_of(server).explain("eve")
    assert (explanation.user, explanation.reason) == (None, reason)
    assert "eve" not in {user["username"] for user in provider_of(server).list_users()}


@pytest.mark.usefixtures("attribute")
@pytest.mark.parametrize(("name", "value"), [("nsAccountLock", "false"), ("shadowExpire", "-1")])
def test_account_that_the_attribute_does_not_disable_can_log_in_and_refresh(
    server: Directory389, client: FlaskClient, name: str, value: str
) -> None:
    server.modify(person_dn("eve"), {name: value})
    refresh(client, log_in(client, EVE))


@pytest.mark.usefixtures("attribute")
@pytest.mark.parametrize(("name", "value"), [("krbPasswordExpiration", "20200101000000Z")])
def test_expired_kerberos_password_denies_a_login_and_keeps_the_session(
    server: Directory389, client: FlaskClient, name: str, value: str
) -> None:
    tokens = log_in(client, EVE)
    server.modify(person_dn("eve"), {name: value})
    refresh(client, tokens)
    assert login_reason(server) == PASSWORD_EXPIRED
    assert provider_of(server).explain("eve").reason == PASSWORD_EXPIRED


def test_lock_by_wrong_passwords_does_not_end_the_session(server: Directory389, client: FlaskClient) -> None:
    server.modify("cn=config", {"passwordLockout": "on", "passwordMaxFailure": "3"})
    tokens = log_in(client, EVE)
    provider = provider_of(server)
    for _ in range(4):
        assert not provider.authenticate("eve", "wrong")
    assert login_reason(server) == LOCKED
    refresh(client, tokens)
    server.modify("cn=config", {"passwordLockout": "off"})
    server.modify(person_dn("eve"), {"passwordRetryCount": [], "accountUnlockTime": []})


def test_password_that_must_be_changed_denies_a_login_only_while_the_policy_demands_it(server: Directory389) -> None:
    server.modify("cn=config", {"passwordMustChange": "on"})
    server.modify(person_dn("eve"), {"userPassword": EVE.password})
    assert login_reason(server) == MUST_CHANGE
    assert provider_of(server).find("eve")
    # 389 Directory Server keeps pwdReset, and accepts the bind.
    server.modify("cn=config", {"passwordMustChange": "off"})
    assert login_reason(server) is None
