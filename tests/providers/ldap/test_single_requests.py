"""A fault of one login, such as a slow bind or a damaged entry, is not an outage of the directory."""

import ssl
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import monotonic

import pytest
from ldap3.core.results import RESULT_BUSY
from werkzeug.test import TestResponse

from app import create_app
from providers.interface import Overloaded, ProviderUnavailable, RequestFailed
from providers.ldap import open_ldap
from providers.ldap.client.address import ServerAddress
from providers.ldap.client.connection import Connection
from providers.ldap.client.errors import PoolExhausted
from providers.ldap.service_account import ServiceAccount
from providers.ldap.settings import LdapSettings
from tests.servers.faulty import FaultyProxy
from tests.servers.ldap_messages import SEARCH_DONE, result
from tests.servers.process import wait_until
from tests.servers.scripted_ldap import SEARCH_REQUEST, scripted_ldap
from tests.servers.slapd import SUFFIX, Slapd, person_dn
from tests.support.descriptors import no_free_descriptors
from tests.support.directories import ldap_provider
from tests.support.failover import failover_environ
from tests.support.stores import SECRET_KEY, users_file
from tests.support.users import ZOE, SampleUser

SLOW = SampleUser("slow", "slow@example.org", "the password of slow", ())
# Zoé is locked in the directory, and has an older password in the second provider.
OLD_ZOE = SampleUser(ZOE.username, ZOE.email, "the old password of Zoé")
PEOPLE = f"ou=people,{SUFFIX}"


@pytest.fixture(scope="module")
def directory(slapd: Slapd) -> Slapd:
    """The shared directory, with one more user."""
    slapd.add_person(SLOW)
    return slapd


def plaintext(directory: Slapd, *proxies: FaultyProxy, **changed: str) -> dict[str, str]:
    """Return an environment with these servers, which the tests can read the requests to."""
    environ = failover_environ(directory, *proxies, **changed)
    return {**environ, "LDAP_INSECURE_PLAINTEXT": "true", "LDAP_CA_FILE": "", "LDAP_TIMEOUT_SECONDS": "3"}


Login = Callable[[str, str], tuple[int, str | None]]


@pytest.fixture
def chain_login(tmp_path: Path) -> Callable[[dict[str, str]], Login]:
    """Return a function that creates a chain of a directory, which may be skipped, and a users file."""
    static = users_file(tmp_path / "users.toml", [OLD_ZOE, SLOW])

    def login_of(environ: dict[str, str]) -> Login:
        chain = {"AUTH_PROVIDER": "ldap,static", "AUTH_SKIP_UNAVAILABLE": "ldap", "SECRET_KEY": SECRET_KEY}
        app = create_app({**environ, **static, **chain})

        def log_in(login: str, password: str) -> tuple[int, str | None]:
            response: TestResponse = app.test_client().post("/api/auth", json={"email": login, "password": password})
            return response.status_code, response.get_json().get("code")

        return log_in

    return login_of


def test_outage_lets_the_chain_skip_the_directory(
    directory: Slapd, first: FaultyProxy, chain_login: Callable[[dict[str, str]], Login]
) -> None:
    log_in = chain_login(plaintext(directory, first))
    first.refuse()
    assert log_in(ZOE.username, OLD_ZOE.password) == (200, None)


@pytest.mark.parametrize("user", [ZOE, SLOW], ids=["known elsewhere", "same password elsewhere"])
def test_slow_bind_does_not_let_the_chain_skip_the_directory(
    directory: Slapd, first: FaultyProxy, chain_login: Callable[[dict[str, str]], Login], user: SampleUser
) -> None:
    first.unanswered = person_dn(user.username).encode()
    log_in = chain_login(plaintext(directory, first))
    for _ in range(2):
        assert log_in(user.username, OLD_ZOE.password) == (503, "provider_unavailable")


def test_slow_bind_does_not_mark_the_server_as_unavailable(
    directory: Slapd, first: FaultyProxy, caplog: pytest.LogCaptureFixture
) -> None:
    first.unanswered = person_dn(SLOW.username).encode()
    provider = ldap_provider(plaintext(directory, first))
    with pytest.raises(RequestFailed, match="the server did not answer in time"):
        provider.authenticate(SLOW.username, SLOW.password)
    assert provider.authenticate(ZOE.username, ZOE.password)
    assert "is unavailable" not in caplog.text


def test_slow_direct_bind_does_not_mark_the_server_as_unavailable(
    directory: Slapd, first: FaultyProxy, caplog: pytest.LogCaptureFixture
) -> None:
    template = {"LDAP_BIND_DN": "", "LDAP_BIND_PASSWORD": "", "LDAP_USER_DN_TEMPLATE": f"uid={{login}},{PEOPLE}"}
    first.unanswered = person_dn(SLOW.username).encode()
    provider = open_ldap({**plaintext(directory, first), **template})
    with pytest.raises(RequestFailed):
        provider.authenticate(SLOW.username, SLOW.password)
    assert provider.authenticate(ZOE.username, ZOE.password)
    assert "is unavailable" not in caplog.text


def test_reason_of_a_failed_login_is_logged_once(
    directory: Slapd, chain_login: Callable[[dict[str, str]], Login], caplog: pytest.LogCaptureFixture
) -> None:
    log_in = chain_login(directory.environ(LDAP_USERNAME_ATTRIBUTE="employeeNumber"))
    assert log_in(ZOE.username, ZOE.password) == (503, "provider_unavailable")
    assert caplog.text.count("an entry lacks LDAP_USERNAME_ATTRIBUTE") == 1


def test_slow_bind_is_tried_on_the_next_server(directory: Slapd, first: FaultyProxy, second: FaultyProxy) -> None:
    first.unanswered = person_dn(SLOW.username).encode()
    assert ldap_provider(plaintext(directory, first, second)).authenticate(SLOW.username, SLOW.password)


def test_slow_search_does_not_mark_the_server_as_unavailable(directory: Slapd, first: FaultyProxy) -> None:
    first.unanswered = b"slow@example.org"
    provider = ldap_provider(plaintext(directory, first))
    with pytest.raises(RequestFailed):
        provider.authenticate(SLOW.email, SLOW.password)
    assert provider.authenticate(SLOW.username, SLOW.password)


def test_server_that_also_fails_the_probe_is_unavailable(
    directory: Slapd, first: FaultyProxy, caplog: pytest.LogCaptureFixture
) -> None:
    provider = ldap_provider(plaintext(directory, first))
    assert provider.authenticate(ZOE.username, ZOE.password)
    first.fault = "hang"
    with pytest.raises(ProviderUnavailable) as raised:
        provider.authenticate(ZOE.username, ZOE.password)
    assert not isinstance(raised.value, RequestFailed)
    assert "is unavailable" in caplog.text


def test_busy_server_does_not_let_the_chain_skip_the_directory(
    directory: Slapd, chain_login: Callable[[dict[str, str]], Login]
) -> None:
    with scripted_ldap({SEARCH_REQUEST: [result(SEARCH_DONE, RESULT_BUSY)]}) as port:
        anonymous = {
            "LDAP_BIND_DN": "",
            "LDAP_BIND_PASSWORD": "",
            "LDAP_INSECURE_PLAINTEXT": "true",
            "LDAP_CA_FILE": "",
        }
        log_in = chain_login(directory.environ(LDAP_URL=f"ldap://localhost:{port}", **anonymous))
        assert log_in(ZOE.username, OLD_ZOE.password) == (503, "provider_unavailable")


def test_waiting_for_other_binds_of_the_service_account_is_not_an_outage(directory: Slapd) -> None:
    bind = ServiceAccount(LdapSettings.read(directory.environ())).binder()
    address = ServerAddress("localhost", directory.port, plaintext=True)
    connection = Connection(address, ssl.create_default_context(), monotonic() + 20)
    waiting = Connection(address, ssl.create_default_context(), monotonic() + 20)
    waiting.deadline = monotonic()
    connection.bind = lambda *_: bind(waiting)  # type: ignore[assignment, method-assign]
    with pytest.raises(PoolExhausted):
        bind(connection)
    for each in (connection, waiting):
        each.close()


def test_full_connection_pool_does_not_let_the_chain_skip_the_directory(
    directory: Slapd, first: FaultyProxy, chain_login: Callable[[dict[str, str]], Login]
) -> None:
    environ = plaintext(directory, first, LDAP_POOL_SIZE="1")
    log_in = chain_login({**environ, "LDAP_TIMEOUT_SECONDS": "30"})
    assert log_in(ZOE.username, "wrong") == (400, "invalid_credentials")
    first.unanswered = person_dn(SLOW.username).encode()
    mark = len(directory.log)
    with ThreadPoolExecutor(1) as threads:
        occupying = threads.submit(log_in, SLOW.username, SLOW.password)
        wait_until(lambda: f'BIND dn="{person_dn(SLOW.username)}"' in directory.log[mark:])
        assert log_in(ZOE.username, OLD_ZOE.password) == (503, "overloaded")
        first.close_connections()
        occupying.result()


def test_damaged_entry_does_not_let_the_chain_skip_the_directory(
    directory: Slapd, chain_login: Callable[[dict[str, str]], Login]
) -> None:
    log_in = chain_login(directory.environ(LDAP_USERNAME_ATTRIBUTE="employeeNumber"))
    for password in (OLD_ZOE.password, ZOE.password, "wrong"):
        assert log_in(ZOE.username, password) == (503, "provider_unavailable")


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_process_without_free_descriptors_is_overloaded(directory: Slapd, first: FaultyProxy, host: str) -> None:
    provider = ldap_provider({**plaintext(directory, first), "LDAP_URL": f"ldap://{host}:{first.port}"})
    with no_free_descriptors(), pytest.raises(Overloaded):
        provider.find(ZOE.username)
    assert provider.find(ZOE.username)
