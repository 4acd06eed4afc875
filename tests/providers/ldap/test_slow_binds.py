"""Binds that wait for a second factor: they have a time limit of their own, and keep no other user waiting."""

import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event, Lock

import pytest

from config.errors import ConfigurationError
from providers.interface import WRONG_PASSWORD, Denied, Overloaded, RequestFailed, User
from providers.ldap import SearchProvider
from providers.ldap.settings import LdapSettings
from tests.servers.ldap_messages import BIND_RESPONSE, SEARCH_DONE, entry, message, result
from tests.servers.process import wait_until
from tests.servers.scripted_ldap import BIND_REQUEST, SEARCH_REQUEST, RawResponse, scripted_ldap
from tests.support.directories import ldap_provider

SLOW_USERS = ("mia", "noa", "zoe")


class SecondFactor:
    """A directory whose binds as some users wait until `confirmed` is set. Then they end with `code`."""

    def __init__(self) -> None:
        self.confirmed = Event()
        self.code = 0
        self.binds = 0
        """The number of binds as these users so far."""
        self._lock = Lock()

    def _bind(self, message_id: int) -> Iterable[bytes]:
        with self._lock:
            self.binds += 1
        self.confirmed.wait(60)
        yield message(message_id, result(BIND_RESPONSE, self.code))

    @contextmanager
    def run(self) -> Iterator[str]:
        """Yield the URL of the directory."""
        responses: dict[bytes, Sequence[bytes] | RawResponse] = {}
        for name in SLOW_USERS:
            responses[f"uid={name}".encode()] = self._bind
        responses[BIND_REQUEST] = [result(BIND_RESPONSE)]
        for name in ("amy", *SLOW_USERS):
            responses[name.encode()] = [entry(f"uid={name},dc=x", {"uid": [name]}), result(SEARCH_DONE)]
        with scripted_ldap({**responses, SEARCH_REQUEST: [result(SEARCH_DONE)]}) as port:
            try:
                yield f"ldap://127.0.0.1:{port}"
            finally:
                self.confirmed.set()


@pytest.fixture
def factor() -> SecondFactor:
    return SecondFactor()


@pytest.fixture
def url(factor: SecondFactor) -> Iterator[str]:
    with factor.run() as url:
        yield url


@pytest.fixture
def threads(factor: SecondFactor) -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(8) as threads:
        yield threads
        factor.confirmed.set()


def environ(url: str, **changed: str) -> dict[str, str]:
    """Return the environment of a provider whose users may take a minute to confirm a login."""
    limits = {"LDAP_TIMEOUT_SECONDS": "3", "LDAP_BIND_TIMEOUT_SECONDS": "60", "LDAP_POOL_SIZE": "2"}
    server = {"LDAP_URL": url, "LDAP_INSECURE_PLAINTEXT": "true", "LDAP_BASE_DN": "dc=x"}
    return {**server, **limits, **changed}


def log_in(provider: SearchProvider, name: str) -> User | Denied:
    """Log in with the right password."""
    return provider.authenticate(name, "a password")


def start_slow_logins(
    threads: ThreadPoolExecutor, provider: SearchProvider, factor: SecondFactor, *names: str
) -> "list[Future[User | Denied]]":
    """Start logins of these users, and return when the directory waits for their second factors."""
    before = factor.binds
    logins = [threads.submit(log_in, provider, name) for name in names]
    wait_until(lambda: factor.binds == before + len(names))
    return logins


@pytest.mark.parametrize(("code", "accepted"), [(0, True), (49, False)])
def test_bind_may_take_longer_than_the_other_requests(
    factor: SecondFactor, url: str, threads: ThreadPoolExecutor, code: int, accepted: bool
) -> None:
    factor.code = code
    (login,) = start_slow_logins(threads, ldap_provider(environ(url)), factor, "zoe")
    time.sleep(4)
    factor.confirmed.set()
    answer = login.result()
    assert bool(answer) is accepted
    if isinstance(answer, Denied):
        assert answer.reason == WRONG_PASSWORD


def test_slow_binds_keep_no_other_user_waiting(factor: SecondFactor, url: str, threads: ThreadPoolExecutor) -> None:
    provider = ldap_provider(environ(url))
    slow = start_slow_logins(threads, provider, factor, "mia", "noa")
    assert all(threads.map(lambda _: log_in(provider, "amy"), range(20)))
    factor.confirmed.set()
    assert all(login.result() for login in slow)


def test_only_as_many_binds_as_connections_may_be_slow(
    factor: SecondFactor, url: str, threads: ThreadPoolExecutor
) -> None:
    provider = ldap_provider(environ(url))
    slow = start_slow_logins(threads, provider, factor, "mia", "noa")
    (further,) = start_slow_logins(threads, provider, factor, "zoe")
    with pytest.raises(RequestFailed):
        further.result()
    assert not any(login.done() for login in slow)
    assert log_in(provider, "amy")


def test_second_login_of_a_user_does_not_ask_for_another_factor(
    factor: SecondFactor, url: str, threads: ThreadPoolExecutor
) -> None:
    provider = ldap_provider(environ(url))
    start_slow_logins(threads, provider, factor, "zoe")
    with pytest.raises(Overloaded):
        log_in(provider, "zoe")
    assert factor.binds == 1


def test_bind_without_a_confirmation_is_not_repeated_on_the_next_server(
    factor: SecondFactor, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    other = SecondFactor()
    with other.run() as second_url:
        provider = ldap_provider(environ(f"{url},{second_url}", LDAP_BIND_TIMEOUT_SECONDS="4"))
        with pytest.raises(RequestFailed):
            log_in(provider, "zoe")
        assert log_in(provider, "amy")
    assert (factor.binds, other.binds) == (1, 0)
    assert "is unavailable" not in caplog.text


def test_slow_bind_has_the_usual_time_limit_by_default(url: str) -> None:
    start = time.monotonic()
    with pytest.raises(RequestFailed):
        log_in(ldap_provider(environ(url, LDAP_BIND_TIMEOUT_SECONDS="")), "zoe")
    assert time.monotonic() - start < 30


@pytest.mark.parametrize("seconds", ["3", "2", "0", "-1", "301", "x"])
def test_time_limit_of_binds_must_be_longer_than_that_of_other_requests(seconds: str) -> None:
    with pytest.raises(ConfigurationError, match="LDAP_BIND_TIMEOUT_SECONDS"):
        LdapSettings.read(environ("ldap://127.0.0.1", LDAP_BIND_TIMEOUT_SECONDS=seconds))
