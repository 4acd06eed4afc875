"""Connection pools: bounded, reused only while they work, and never shared by the service account and a user."""

import gc
import json
import re
import ssl
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event, Thread
from time import monotonic

import pytest

from providers.interface import WRONG_PASSWORD, Denied, ProviderUnavailable
from providers.ldap.client import pool
from providers.ldap.client.address import ServerAddress
from providers.ldap.client.connection import Connection
from providers.ldap.client.connector import Connector
from providers.ldap.client.pool import Pool
from tests.servers.faulty import FaultyProxy
from tests.servers.process import wait_until
from tests.servers.slapd import SERVICE, Slapd, started
from tests.support.directories import directory, ldap_provider
from tests.support.failover import failover_environ, login_seconds
from tests.support.users import SAMPLE_USERS, ZOE, shown
from tests.test_layers import ROOT


def test_restart_between_two_logins_goes_unnoticed(tmp_path: Path) -> None:
    with directory(tmp_path) as server:
        provider = ldap_provider(server.environ())
        login_seconds(provider)
    with started(server):
        login_seconds(provider)
    with pytest.raises(ProviderUnavailable):
        provider.find(ZOE.username)
    with started(server):
        login_seconds(provider)


def test_idle_connections_that_the_server_closes_are_replaced(slapd: Slapd, first: FaultyProxy) -> None:
    provider = ldap_provider(failover_environ(slapd, first))
    for accepted in (2, 4, 6):
        login_seconds(provider)
        login_seconds(provider)
        assert first.accepted == accepted
        first.close_connections()


@pytest.mark.parametrize("limit", ["MAX_IDLE_SECONDS", "MAX_CONNECTION_AGE"])
def test_connection_past_its_time_limit_is_replaced(
    slapd: Slapd, first: FaultyProxy, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    provider = ldap_provider(failover_environ(slapd, first))
    login_seconds(provider)
    login_seconds(provider)
    assert first.accepted == 2, "one for searches, one for binds"
    monkeypatch.setattr(pool, limit, 0)
    login_seconds(provider)
    assert first.accepted == 5, "one for the entry, one for the bind, one for other entries of the same username"


def test_connection_is_reused_after_a_failed_search(slapd: Slapd, first: FaultyProxy) -> None:
    provider = ldap_provider(failover_environ(slapd, first, LDAP_BASE_DN="ou=nowhere,dc=example,dc=test"))
    for _ in range(3):
        with pytest.raises(ProviderUnavailable, match="noSuchObject"):
            provider.find(ZOE.username)
    assert first.accepted == 1


def test_number_of_connections_is_bounded(slapd: Slapd, first: FaultyProxy) -> None:
    # 24 logins wait for two connections: on a busy machine for longer than the usual limit of the tests.
    environ = {**failover_environ(slapd, first, LDAP_POOL_SIZE="2"), "LDAP_TIMEOUT_SECONDS": "60"}
    provider = ldap_provider(environ)
    with ThreadPoolExecutor(24) as threads:
        list(threads.map(lambda _: login_seconds(provider), range(240)))
    assert first.max_open <= 4
    assert first.accepted <= 4


def test_user_is_never_bound_on_a_connection_of_the_service_account(slapd: Slapd) -> None:
    mark = len(slapd.log)
    provider = ldap_provider(slapd.environ())
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: login_seconds(provider), range(80)))
    binds = set(re.findall(r'(conn=\d+) op=\d+ BIND dn="([^"]+)" method', slapd.log[mark:]))
    service_connections = {connection for connection, dn in binds if dn == SERVICE}
    assert service_connections
    assert not {connection for connection, dn in binds if dn != SERVICE} & service_connections


def test_32_threads_receive_their_own_responses_while_connections_are_lost(
    slapd: Slapd, first: FaultyProxy, second: FaultyProxy
) -> None:
    # 32 threads wait for eight connections: on a busy machine for longer than the usual limit of the tests.
    provider = ldap_provider({**failover_environ(slapd, first, second), "LDAP_TIMEOUT_SECONDS": "60"})
    finished = Event()

    def close_connections() -> None:
        while not finished.wait(0.05):
            first.close_connections()

    def log_in(number: int) -> None:
        person = SAMPLE_USERS[number % len(SAMPLE_USERS)]
        if number % 3:
            user = provider.authenticate(person.username, person.password)
            assert shown(user) == {"username": person.username, "email": person.email, "roles": sorted(person.roles)}
        else:
            result = provider.authenticate(person.username, SAMPLE_USERS[(number + 1) % len(SAMPLE_USERS)].password)
            assert isinstance(result, Denied)
            assert result.reason == WRONG_PASSWORD

    closing = Thread(target=close_connections)
    closing.start()
    try:
        with ThreadPoolExecutor(32) as threads:
            list(threads.map(log_in, range(960)))
    finally:
        finished.set()
        closing.join()


def test_waiting_operations_get_a_connection_in_the_order_of_their_arrival(slapd: Slapd) -> None:
    address = ServerAddress("127.0.0.1", slapd.port, plaintext=True)
    connections = Pool(Connector(address, ssl.create_default_context()), 1, lambda _: None)
    served, has_started = list[int](), Event()

    def wait_for(number: int) -> None:
        wait_until(lambda: len(connections._slots._waiters) == number)  # noqa: SLF001

    def occupy(_: Connection) -> None:
        has_started.set()
        wait_for(8)

    def start(operation: Callable[[Connection], None]) -> Thread:
        thread = Thread(target=connections.run, args=(operation, monotonic() + 120))
        thread.start()
        return thread

    threads = [start(occupy)]
    has_started.wait()
    for number in range(8):
        threads.append(start(lambda _, number=number: served.append(number)))  # type: ignore[misc]
        wait_for(number + 1)
    for thread in threads:
        thread.join()
    assert served == [*range(8)]


def test_garbage_collection_of_a_pool_in_a_reference_cycle_closes_its_connections(slapd: Slapd) -> None:
    def use_and_drop() -> None:
        provider = ldap_provider(slapd.environ())
        login_seconds(provider)
        vars(provider)["itself"] = provider

    for _ in range(8):  # the order in which objects are collected varies
        use_and_drop()
        gc.collect()  # an unclosed socket is a ResourceWarning, which is an error


EXIT = """
import sys
from providers.ldap import SearchProvider
from providers.ldap.settings import LdapSettings
import json
provider = SearchProvider(LdapSettings.read(json.loads(sys.argv[1])))
assert provider.find(sys.argv[2])
if sys.argv[3] == "cycle":
    vars(provider)["itself"] = provider
"""


@pytest.mark.parametrize("kind", ["global", "cycle"])
def test_exit_of_the_interpreter_closes_idle_connections_in_silence(slapd: Slapd, kind: str) -> None:
    mark = len(slapd.log)
    command = [sys.executable, "-W", "default::ResourceWarning", "-c", EXIT, json.dumps(slapd.environ()), ZOE.username]
    result = subprocess.run([*command, kind], capture_output=True, text=True, check=False, cwd=ROOT)
    assert (result.returncode, result.stderr) == (0, "")
    wait_until(lambda: "UNBIND" in slapd.log[mark:])
