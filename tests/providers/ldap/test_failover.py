"""Failover: an unavailable server costs one share of the time limit, and logins keep working on the next server."""

import time
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import pytest

from app import create_app
from providers.interface import ProviderUnavailable
from tests.servers.faulty import Fault, FaultyProxy
from tests.servers.process import free_port, wait_until
from tests.servers.slapd import SERVICE, Slapd
from tests.support.directories import ldap_provider
from tests.support.failover import TIMEOUT_SECONDS, failover_environ, login_seconds, login_uses, make_unavailable
from tests.support.stores import SECRET_KEY, users_file
from tests.support.users import SAMPLE_USERS, ZOE

STATIC_USER = SAMPLE_USERS[1]


@pytest.mark.parametrize("reused", [False, True], ids=["new connections", "reused connections"])
@pytest.mark.parametrize("fault", ["hang", "drop", "trickle", "garbage"])
def test_fault_costs_a_share_of_the_time_and_the_first_server_returns(
    slapd: Slapd, first: FaultyProxy, second: FaultyProxy, fault: Fault, reused: bool
) -> None:
    provider = ldap_provider(failover_environ(slapd, first, second))
    if reused:
        login_seconds(provider)
        assert (first.accepted, second.accepted) == (2, 0)
    first.fault = fault
    assert login_seconds(provider) < TIMEOUT_SECONDS
    assert second.accepted == 2
    assert login_seconds(provider) < TIMEOUT_SECONDS / 4, "the next login does not wait for the first server"
    first.fault = "none"
    wait_until(lambda: login_uses(provider, first))
    before = second.responses
    assert login_seconds(provider) < TIMEOUT_SECONDS / 4
    assert second.responses == before, "after that, logins use the first server only"


def test_server_that_refuses_connections_costs_no_time(slapd: Slapd, first: FaultyProxy, second: FaultyProxy) -> None:
    provider = ldap_provider(failover_environ(slapd, first, second))
    login_seconds(provider)
    first.refuse()
    assert login_seconds(provider) < TIMEOUT_SECONDS / 4
    first.listen()
    wait_until(lambda: login_uses(provider, first))


def test_server_with_a_certificate_for_another_name_is_skipped(slapd: Slapd, second: FaultyProxy) -> None:
    environ = failover_environ(slapd, second)
    environ["LDAP_URL"] = f"ldaps://127.0.0.1:{slapd.tls_port},{environ['LDAP_URL']}"
    assert login_seconds(ldap_provider(environ)) < TIMEOUT_SECONDS
    assert second.accepted == 2


def test_server_whose_name_cannot_be_resolved_is_skipped(slapd: Slapd, second: FaultyProxy) -> None:
    environ = failover_environ(slapd, second)
    environ["LDAP_URL"] = f"ldap://no-such-host.invalid,ldap://localhost:{free_port()},{environ['LDAP_URL']}"
    login_seconds(ldap_provider(environ))


def test_only_one_login_retries_a_server_that_timed_out(slapd: Slapd, first: FaultyProxy, second: FaultyProxy) -> None:
    provider = ldap_provider(failover_environ(slapd, first, second))
    first.fault = "hang"
    login_seconds(provider)
    time.sleep(0.7)  # the back-off of half a second has ended
    with ThreadPoolExecutor(16) as threads:
        durations = list(threads.map(lambda _: login_seconds(provider), range(16)))
    assert len([seconds for seconds in durations if seconds > TIMEOUT_SECONDS / 3]) <= 1


def test_concurrent_logins_wait_for_a_fault_only_once(slapd: Slapd, first: FaultyProxy, second: FaultyProxy) -> None:
    provider = ldap_provider(failover_environ(slapd, first, second, LDAP_POOL_SIZE="40"))
    login_seconds(provider)
    first.fault = "hang"
    with ThreadPoolExecutor(40) as threads:
        durations = list(threads.map(lambda _: login_seconds(provider), range(40)))
    assert max(durations) < 2 * TIMEOUT_SECONDS
    assert min(login_seconds(provider) for _ in range(5)) < TIMEOUT_SECONDS / 4
    # Forty concurrent failures count as one: the back-off is still the first.
    first.fault = "none"
    wait_until(lambda: login_uses(provider, first), seconds=3)


def test_back_off_grows_while_a_server_hangs(slapd: Slapd, first: FaultyProxy) -> None:
    provider = ldap_provider(failover_environ(slapd, first))
    first.fault = "hang"
    accepted = [0]
    until = time.monotonic() + 3 * TIMEOUT_SECONDS
    while time.monotonic() < until:
        with pytest.raises(ProviderUnavailable):
            provider.find(ZOE.username)
        if first.accepted > accepted[-1]:
            accepted.append(first.accepted)
        time.sleep(0.01)
    assert all(later - earlier <= 2 for earlier, later in pairwise(accepted)), (
        "one for the operation, one for the probe"
    )
    assert len(accepted) - 1 <= 3, "two seconds each, with back-offs of 0.5 and 1 second between them"


@pytest.mark.parametrize("fault", ["hang", "refuse", "drop"])
def test_login_with_all_servers_unavailable_returns_503_within_the_time_limit(
    slapd: Slapd, first: FaultyProxy, second: FaultyProxy, fault: str
) -> None:
    make_unavailable(first, fault)
    make_unavailable(second, fault)
    environ = {**failover_environ(slapd, first, second), "LDAP_TIMEOUT_SECONDS": "4", "SECRET_KEY": SECRET_KEY}
    client = create_app(environ).test_client()
    credentials = {"email": ZOE.username, "password": ZOE.password}
    for _ in range(2):
        start = time.monotonic()
        response = client.post("/api/auth", json=credentials)
        assert time.monotonic() - start < 4
        assert (response.status_code, response.get_json()["code"]) == (503, "provider_unavailable")
        assert response.headers["Retry-After"]


@pytest.mark.parametrize("fault", ["hang", "refuse"])
def test_next_provider_authenticates_only_its_own_users_during_an_outage(
    slapd: Slapd, first: FaultyProxy, tmp_path: Path, fault: str
) -> None:
    static = users_file(tmp_path / "users.toml", [STATIC_USER])
    chain = {"AUTH_PROVIDER": "ldap,static", "AUTH_SKIP_UNAVAILABLE": "ldap", "SECRET_KEY": SECRET_KEY}
    make_unavailable(first, fault)
    client = create_app({**failover_environ(slapd, first), **static, **chain}).test_client()

    def status(login: str, password: str) -> int:
        return client.post("/api/auth", json={"email": login, "password": password}).status_code

    assert status(STATIC_USER.username, STATIC_USER.password) == 200
    assert status(STATIC_USER.username, "wrong") == 503
    assert status(ZOE.username, ZOE.password) == 503
    with ThreadPoolExecutor(6) as threads:
        statuses = list(threads.map(lambda _: status(STATIC_USER.username, STATIC_USER.password), range(12)))
    assert set(statuses) == {200}


def test_refused_service_account_binds_once_on_all_servers_together(
    slapd: Slapd, first: FaultyProxy, second: FaultyProxy
) -> None:
    mark = len(slapd.log)
    provider = ldap_provider(failover_environ(slapd, first, second, LDAP_BIND_PASSWORD="wrong"))

    def fail(_: int) -> None:
        with pytest.raises(ProviderUnavailable, match="LDAP_BIND_DN"):
            provider.find(ZOE.username)

    with ThreadPoolExecutor(16) as threads:
        list(threads.map(fail, range(32)))
    assert slapd.log[mark:].count(f'BIND dn="{SERVICE}" method=128') == 1
