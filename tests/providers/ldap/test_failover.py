"""Life and death of directories: a fault costs one share of the time, and the logins go on."""

import re
import socket
import ssl
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from threading import Event, Thread

import pytest

from app import create_app
from providers.interface import WRONG_PASSWORD, Denied, ProviderUnavailable
from providers.ldap import LdapProvider
from providers.ldap.client import failover as servers
from providers.ldap.client import pool
from providers.ldap.client.connection import ServerTimeout
from providers.ldap.client.failover import Server
from providers.ldap.client.resolver import addresses
from providers.ldap.settings import ServerAddress
from tests.servers.faulty import Fault, Faulty, faulty
from tests.servers.process import free_port, wait_until
from tests.servers.slapd import SERVICE, Slapd, started
from tests.support.directories import directory, ldap_provider
from tests.support.stores import SECRET_KEY, users_file
from tests.support.users import SAMPLE_USERS, ZOE

SECONDS = 2
GONE = SAMPLE_USERS[1]


@pytest.fixture
def first(slapd: Slapd) -> Iterator[Faulty]:
    """The way to the first server."""
    with faulty(slapd.port) as way:
        yield way


@pytest.fixture
def second(slapd: Slapd) -> Iterator[Faulty]:
    """The way to the second server, which is the same one in truth."""
    with faulty(slapd.port) as way:
        yield way


def environ_of(slapd: Slapd, *ways: Faulty, **changed: str) -> dict[str, str]:
    """Return an environment with these servers, in order."""
    urls = ",".join(f"ldap://localhost:{way.port}" for way in ways)
    return slapd.environ(LDAP_URL=urls, LDAP_TIMEOUT_SECONDS=str(SECONDS), **changed)


def timed(provider: LdapProvider) -> float:
    """Return how long Zoé's login takes, which succeeds."""
    start = time.monotonic()
    assert provider.authenticate(ZOE.username, ZOE.password)
    return time.monotonic() - start


def comes_back(provider: LdapProvider, way: Faulty) -> bool:
    """Say whether a login goes this way."""
    before = way.answers
    timed(provider)
    return way.answers > before


@pytest.mark.parametrize("kept", [False, True], ids=["new connections", "kept connections"])
@pytest.mark.parametrize("fault", ["hang", "drop", "trickle", "garbage"])
def test_a_fault_costs_a_share_of_the_time_and_ends(
    slapd: Slapd, first: Faulty, second: Faulty, fault: Fault, kept: bool
) -> None:
    provider = ldap_provider(environ_of(slapd, first, second))
    if kept:
        timed(provider)
        assert (first.opened, second.opened) == (2, 0)
    first.fault = fault
    assert timed(provider) < SECONDS
    assert second.opened == 2
    assert timed(provider) < SECONDS / 4, "the next login does not wait for the first server"
    first.fault = "none"
    wait_until(lambda: comes_back(provider, first))
    before = second.answers
    assert timed(provider) < SECONDS / 4
    assert second.answers == before, "from then on the first server is asked alone"


def test_a_server_that_refuses_costs_nothing_and_comes_back_at_once(
    slapd: Slapd, first: Faulty, second: Faulty
) -> None:
    provider = ldap_provider(environ_of(slapd, first, second))
    timed(provider)
    first.refuse()
    assert timed(provider) < SECONDS / 4
    first.listen()
    wait_until(lambda: comes_back(provider, first))


def test_a_server_with_another_name_is_passed_over(slapd: Slapd, second: Faulty) -> None:
    environ = environ_of(slapd, second)
    environ["LDAP_URL"] = f"ldaps://127.0.0.1:{slapd.tls_port},{environ['LDAP_URL']}"
    assert timed(ldap_provider(environ)) < SECONDS
    assert second.opened == 2


def test_a_restart_between_two_logins_is_not_noticed(tmp_path: Path) -> None:
    with directory(tmp_path) as server:
        provider = ldap_provider(server.environ())
        timed(provider)
    with started(server):
        timed(provider)
    with pytest.raises(ProviderUnavailable):
        provider.find(ZOE.username)
    with started(server):
        timed(provider)


def test_connections_that_are_cut_while_idle_are_replaced(slapd: Slapd, first: Faulty) -> None:
    provider = ldap_provider(environ_of(slapd, first))
    for opened in (2, 4, 6):
        timed(provider)
        timed(provider)
        assert first.opened == opened
        first.cut()


def test_only_one_login_tries_whether_a_slow_server_is_back(slapd: Slapd, first: Faulty, second: Faulty) -> None:
    provider = ldap_provider(environ_of(slapd, first, second))
    first.fault = "hang"
    timed(provider)
    time.sleep(0.7)  # its pause of half a second is over
    with ThreadPoolExecutor(16) as threads:
        taken = list(threads.map(lambda _: timed(provider), range(16)))
    assert len([seconds for seconds in taken if seconds > SECONDS / 3]) <= 1


def test_logins_at_once_wait_for_a_fault_once(slapd: Slapd, first: Faulty, second: Faulty) -> None:
    provider = ldap_provider(environ_of(slapd, first, second, LDAP_POOL_SIZE="4"))
    timed(provider)
    first.fault = "hang"
    with ThreadPoolExecutor(40) as threads:
        taken = list(threads.map(lambda _: timed(provider), range(40)))
    assert max(taken) < SECONDS + 0.5
    assert timed(provider) < SECONDS / 4
    # Forty who find out together are one failure: the pause is still the first.
    first.fault = "none"
    wait_until(lambda: comes_back(provider, first), seconds=3)


def test_32_threads_never_mix_answers_up(slapd: Slapd, first: Faulty, second: Faulty) -> None:
    provider = ldap_provider(environ_of(slapd, first, second))
    over = Event()

    def disturb() -> None:
        while not over.wait(0.05):
            first.cut()

    def log_in(number: int) -> None:
        person = SAMPLE_USERS[number % len(SAMPLE_USERS)]
        if number % 3:
            user = provider.authenticate(person.username, person.password)
            assert user == {"username": person.username, "email": person.email, "roles": sorted(person.roles)}
        else:
            answer = provider.authenticate(person.username, SAMPLE_USERS[(number + 1) % len(SAMPLE_USERS)].password)
            assert isinstance(answer, Denied)
            assert answer.reason == WRONG_PASSWORD

    disturbing = Thread(target=disturb)
    disturbing.start()
    try:
        with ThreadPoolExecutor(32) as threads:
            list(threads.map(log_in, range(960)))
    finally:
        over.set()
        disturbing.join()


def test_connections_are_bounded(slapd: Slapd, first: Faulty) -> None:
    provider = ldap_provider(environ_of(slapd, first, LDAP_POOL_SIZE="2"))
    with ThreadPoolExecutor(24) as threads:
        list(threads.map(lambda _: timed(provider), range(240)))
    assert first.most <= 4
    assert first.opened <= 4


@pytest.mark.parametrize("limit", ["IDLE", "OLD"])
def test_a_connection_that_has_waited_or_lived_too_long_is_replaced(
    slapd: Slapd, first: Faulty, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    provider = ldap_provider(environ_of(slapd, first))
    timed(provider)
    timed(provider)
    assert first.opened == 2, "one for searches, one for binds"
    monkeypatch.setattr(pool, limit, 0)
    timed(provider)
    assert first.opened == 4


def test_a_connection_outlives_an_answer_that_is_no_help(slapd: Slapd, first: Faulty) -> None:
    provider = ldap_provider(environ_of(slapd, first, LDAP_BASE_DN="ou=nowhere,dc=example,dc=test"))
    for _ in range(3):
        with pytest.raises(ProviderUnavailable, match="noSuchObject"):
            provider.find(ZOE.username)
    assert first.opened == 1


def test_a_user_is_never_bound_on_a_connection_of_the_service_account(slapd: Slapd) -> None:
    mark = len(slapd.log)
    provider = ldap_provider(slapd.environ())
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: timed(provider), range(80)))
    bound = set(re.findall(r'(conn=\d+) op=\d+ BIND dn="([^"]+)" method', slapd.log[mark:]))
    of_service = {connection for connection, dn in bound if dn == SERVICE}
    assert of_service
    assert not {connection for connection, dn in bound if dn != SERVICE} & of_service


@pytest.mark.parametrize("fault", ["hang", "refuse", "drop"])
def test_with_all_servers_down_it_is_503_in_time(slapd: Slapd, first: Faulty, second: Faulty, fault: str) -> None:
    bring_down(first, fault)
    bring_down(second, fault)
    environ = {**environ_of(slapd, first, second), "LDAP_TIMEOUT_SECONDS": "4", "SECRET_KEY": SECRET_KEY}
    client = create_app(environ).test_client()
    credentials = {"email": ZOE.username, "password": ZOE.password}
    for _ in range(2):
        start = time.monotonic()
        answer = client.post("/api/auth", json=credentials)
        assert time.monotonic() - start < 4
        assert (answer.status_code, answer.get_json()["code"]) == (503, "provider_unavailable")
        assert answer.headers["Retry-After"]


@pytest.fixture
def nowhere() -> Server:
    """A server that nobody asks anything."""
    return Server(ServerAddress("localhost", 389), ssl.create_default_context(), 1, lambda _: None)


def test_of_all_who_find_the_pause_of_a_slow_server_over_one_asks_it(nowhere: Server) -> None:
    nowhere.failed(ServerTimeout("ldap: no answer in time"), time.monotonic())
    assert not nowhere.claim(time.monotonic() + 10)
    wait_until(nowhere.is_due)
    assert [nowhere.claim(time.monotonic() + 10) for _ in range(3)] == [True, False, False]


def test_a_pause_is_twice_the_one_before_up_to_ten_seconds(nowhere: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(servers, "monotonic", lambda: now[0])

    def pause() -> float:
        nowhere.failed(ServerTimeout("ldap: no answer in time"), began := now[0])
        while not nowhere.is_due():
            now[0] += 0.25
        return now[0] - began

    assert [pause() for _ in range(7)] == [0.5, 1, 2, 4, 8, 10, 10]
    nowhere.answered(now[0])
    assert pause() == 0.5


def bring_down(way: Faulty, fault: str) -> None:
    """Have this server be down."""
    if fault == "refuse":
        way.refuse()
    else:
        way.fault = "hang" if fault == "hang" else "drop"


@pytest.mark.parametrize("fault", ["hang", "refuse"])
def test_the_next_provider_lets_its_own_users_in_and_nobody_else(
    slapd: Slapd, first: Faulty, tmp_path: Path, fault: str
) -> None:
    static = users_file(tmp_path / "users.toml", [GONE])
    chain = {"AUTH_PROVIDER": "ldap,static", "AUTH_SKIP_UNAVAILABLE": "ldap", "SECRET_KEY": SECRET_KEY}
    bring_down(first, fault)
    client = create_app({**environ_of(slapd, first), **static, **chain}).test_client()

    def status(login: str, password: str) -> int:
        return client.post("/api/auth", json={"email": login, "password": password}).status_code

    assert status(GONE.username, GONE.password) == 200
    assert status(GONE.username, "wrong") == 503
    assert status(ZOE.username, ZOE.password) == 503
    with ThreadPoolExecutor(6) as threads:
        told = list(threads.map(lambda _: status(GONE.username, GONE.password), range(12)))
    assert set(told) == {200}


def test_a_refused_account_is_not_tried_again_on_any_server(slapd: Slapd, first: Faulty, second: Faulty) -> None:
    mark = len(slapd.log)
    provider = ldap_provider(environ_of(slapd, first, second, LDAP_BIND_PASSWORD="wrong"))

    def fail(_: int) -> None:
        with pytest.raises(ProviderUnavailable, match="LDAP_BIND_DN"):
            provider.find(ZOE.username)

    with ThreadPoolExecutor(16) as threads:
        list(threads.map(fail, range(32)))
    assert slapd.log[mark:].count(f'BIND dn="{SERVICE}" method=128') == 1


def test_pauses_grow_and_end(slapd: Slapd, first: Faulty) -> None:
    provider = ldap_provider(environ_of(slapd, first))
    first.fault = "hang"
    asked = [0]
    until = time.monotonic() + 3 * SECONDS
    while time.monotonic() < until:
        with pytest.raises(ProviderUnavailable):
            provider.find(ZOE.username)
        if first.opened > asked[-1]:
            asked.append(first.opened)
        time.sleep(0.01)
    assert all(later - earlier == 1 for earlier, later in pairwise(asked))
    assert len(asked) - 1 <= 3, "two seconds each, and pauses of 0.5 and 1 between them"


def test_a_name_that_nobody_answers_for_is_given_up_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    resolving = Event()
    asked = []

    def resolve(host: str, *_: object, **options: object) -> list[object]:
        if options.get("flags"):
            raise socket.gaierror
        asked.append(host)
        resolving.wait(10)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    try:
        for _ in range(3):
            with pytest.raises(TimeoutError):
                addresses("directory.example", 389, 0.05)
        assert asked == ["directory.example"], "nobody asks again while one is waiting"
    finally:
        resolving.set()


def test_a_first_server_without_an_address_is_passed_over(slapd: Slapd, second: Faulty) -> None:
    environ = environ_of(slapd, second)
    environ["LDAP_URL"] = f"ldap://no-such-host.invalid,ldap://localhost:{free_port()},{environ['LDAP_URL']}"
    timed(ldap_provider(environ))
