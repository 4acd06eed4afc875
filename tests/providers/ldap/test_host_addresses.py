"""A host name with several addresses is several servers: one that fails costs its time limit only once."""

import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager

import pytest

from providers.interface import ProviderUnavailable, RequestFailed
from providers.ldap import SearchProvider
from tests.servers.faulty import FaultyProxy
from tests.servers.process import wait_until
from tests.servers.slapd import Slapd, person_dn
from tests.support.directories import ldap_provider
from tests.support.failover import login_seconds
from tests.support.users import ZOE

TIMEOUT_SECONDS = 8.0
OTHER = "127.0.0.2"  # before the address of the directory in the answers of the resolver


@pytest.fixture(autouse=True)
def addresses(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses of localhost, in the order of the resolver."""
    order, getaddrinfo = [OTHER, "127.0.0.1"], socket.getaddrinfo

    def resolve(host: str, port: int, *args: int, **options: int) -> list[object]:
        hosts = order if host == "localhost" and not options.get("flags") else [host]
        return [found for one in hosts for found in getaddrinfo(one, port, *args, **options)]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    return order


@contextmanager
def silent(port: int) -> Iterator[None]:
    """Accept connections to the other address, and never answer."""
    with socket.create_server((OTHER, port)):
        yield


@contextmanager
def swallowing(port: int) -> Iterator[None]:
    """Drop the packets to the other address: its queue of connections is full."""
    with ExitStack() as stack:
        stack.enter_context(socket.create_server((OTHER, port), backlog=0))
        for _ in range(4):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex((OTHER, port))
        yield


@contextmanager
def refusing(port: int) -> Iterator[None]:
    """Refuse connections to the other address."""
    with socket.socket() as bound:
        bound.bind((OTHER, port))
        yield


Fault = Callable[[int], AbstractContextManager[None]]


def provider_of(slapd: Slapd, port: int, **changed: str) -> SearchProvider:
    """Return a provider with this port of localhost as its only server."""
    limits = {"LDAP_TIMEOUT_SECONDS": str(TIMEOUT_SECONDS)}
    return ldap_provider(slapd.environ(LDAP_URL=f"ldap://localhost:{port}", **limits, **changed))


@pytest.mark.parametrize("plaintext", ["", "true"], ids=["StartTLS", "plaintext"])
@pytest.mark.parametrize("fault", [silent, swallowing, refusing])
def test_address_that_fails_costs_its_share_of_the_time_once(
    slapd: Slapd, first: FaultyProxy, fault: Fault, plaintext: str, caplog: pytest.LogCaptureFixture
) -> None:
    provider = provider_of(slapd, first.port, LDAP_INSECURE_PLAINTEXT=plaintext)
    with fault(first.port):
        assert login_seconds(provider) < TIMEOUT_SECONDS
        for _ in range(5):
            first.close_connections()
            assert login_seconds(provider) < TIMEOUT_SECONDS / 4
    assert caplog.text.count(f"the address {OTHER} of LDAP server localhost:{first.port} is avoided") == 1
    assert "is unavailable" not in caplog.text


def test_concurrent_logins_avoid_an_address_after_its_first_timeout(slapd: Slapd, first: FaultyProxy) -> None:
    provider = provider_of(slapd, first.port)
    with silent(first.port), ThreadPoolExecutor(8) as threads:
        login_seconds(provider)
        assert max(threads.map(lambda _: login_seconds(provider), range(16))) < TIMEOUT_SECONDS / 3


def test_address_that_falls_silent_costs_one_timeout(slapd: Slapd, first: FaultyProxy, addresses: list[str]) -> None:
    addresses.reverse()
    provider = provider_of(slapd, first.port)
    login_seconds(provider)
    with relay_at_other_address(slapd, first.port):
        first.fault = "hang"
        with pytest.raises(ProviderUnavailable):  # its connections are in use
            login_seconds(provider)
        for _ in range(3):
            assert login_seconds(provider) < TIMEOUT_SECONDS / 4


@contextmanager
def relay_at_other_address(slapd: Slapd, port: int) -> Iterator[None]:
    """Forward connections to the other address to the directory."""
    proxy = FaultyProxy(slapd.port, host=OTHER, port=port)
    try:
        yield
    finally:
        proxy.refuse()


def test_address_that_fails_is_used_again_when_the_other_one_fails(slapd: Slapd, first: FaultyProxy) -> None:
    provider = provider_of(slapd, first.port)
    login_seconds(provider)  # the other address refuses connections
    with relay_at_other_address(slapd, first.port):
        first.refuse()
        wait_until(lambda: can_log_in(provider))


def can_log_in(provider: SearchProvider) -> bool:
    """Return whether Zoé can log in now."""
    try:
        return bool(provider.authenticate(ZOE.username, ZOE.password))
    except ProviderUnavailable:
        return False


def test_slow_bind_does_not_change_the_address(
    slapd: Slapd, first: FaultyProxy, addresses: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    addresses.reverse()
    provider = provider_of(slapd, first.port, LDAP_INSECURE_PLAINTEXT="true", LDAP_CA_FILE="")
    with relay_at_other_address(slapd, first.port):
        first.unanswered = person_dn(ZOE.username).encode()
        with pytest.raises(RequestFailed):
            login_seconds(provider)
        accepted = first.accepted
        time.sleep(0.1)
        assert provider.find(ZOE.username)
        assert first.accepted <= accepted + 1
    assert "is avoided" not in caplog.text
