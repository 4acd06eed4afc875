"""Counters in Redis: shared by all workers, and replaced by memory while Redis is unavailable."""

import logging
import os
import signal
import time
from collections.abc import Iterator
from ipaddress import ip_address
from urllib.parse import urlsplit

import pytest
import requests
from redis import Redis

from config.rate_limit import parse_rate_limit
from providers.interface import WRONG_PASSWORD, Denied, User
from services.throttle.errors import Throttled
from services.throttle.login_throttle import LoginThrottle
from services.throttle.memory_storage import BoundedMemoryStorage
from services.throttle.shared_storage import TIMEOUT, SharedStorage, open_redis
from tests.servers.faulty import faulty_proxy
from tests.servers.gunicorn import gunicorn
from tests.servers.process import free_port, wait_until
from tests.servers.redis import redis_process, redis_server

HOME, OFFICE = ip_address("192.0.2.1"), ip_address("192.0.2.2")
LOST = "THROTTLE_STORAGE_URL is unavailable (%s): failed logins are counted in this process until it is back"
BACK = "THROTTLE_STORAGE_URL is available again: failed logins are counted there"
PERIOD = 3600


def worker(url: str, per_account: str = "4/hour", per_address: str = "1000000/hour") -> LoginThrottle:
    """Return the throttle of one worker process."""
    return LoginThrottle(
        SharedStorage(open_redis(url), BoundedMemoryStorage()),
        parse_rate_limit(per_account),
        parse_rate_limit(per_address),
    )


def fail(throttle: LoginThrottle, count: int = 1, login: str = "zoe") -> None:
    for _ in range(count):
        throttle.begin(login, HOME).settle(Denied(WRONG_PASSWORD))


def is_refused(throttle: LoginThrottle, login: str = "zoe") -> bool:
    try:
        throttle.begin(login, HOME)
    except Throttled as error:
        return PERIOD - 60 < error.retry_after <= PERIOD
    return False


def messages(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [str(record.msg) for record in caplog.records]


@pytest.fixture(autouse=True)
def _captured_warnings(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)


@pytest.fixture
def url() -> Iterator[str]:
    with redis_server(free_port()) as running:
        yield running


def test_workers_count_together(url: str) -> None:
    one, other = worker(url), worker(url)
    fail(one)
    assert not is_refused(other)
    fail(other)
    assert is_refused(one)
    assert is_refused(other)


def test_known_address_is_known_to_all_workers(url: str) -> None:
    one, other = worker(url), worker(url)
    one.begin("zoe", OFFICE).settle(User(username="zoe", email=None, roles=[]))
    for address in range(4):
        one.begin("zoe", ip_address(address)).settle(Denied(WRONG_PASSWORD))
    assert is_refused(other)
    other.begin("zoe", OFFICE)


def test_counters_end_in_redis_without_a_worker(url: str) -> None:
    one = worker(url, "2/second", "9/second")
    fail(one)
    assert Redis.from_url(url).dbsize()
    wait_until(lambda: not Redis.from_url(url).dbsize())


def test_lost_redis_neither_opens_nor_closes_the_login(caplog: pytest.LogCaptureFixture) -> None:
    port = free_port()
    with redis_server(port) as url:
        one = worker(url)
        fail(one, 2, "zoe")
        fail(one, 1, "max")
    assert is_refused(one, "zoe")
    assert not is_refused(one, "max")
    fail(one, 1, "max")
    assert is_refused(one, "max")
    assert messages(caplog) == [LOST]


def test_redis_is_used_again_when_it_is_back_and_both_are_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    port = free_port()
    one, other = (worker(f"redis://127.0.0.1:{port}") for _ in range(2))
    fail(one, 2)
    assert messages(caplog) == [LOST]
    with redis_server(port) as url:
        wait_until(lambda: is_back(one, url))
        assert messages(caplog) == [LOST, BACK]
        fail(one, 2, "max")
        assert is_refused(other, "max")
    assert messages(caplog) == [LOST, BACK]


def is_back(throttle: LoginThrottle, url: str) -> bool:
    fail(throttle, login=f"user at {time.monotonic()}")
    return bool(Redis.from_url(url).dbsize())


def test_restart_of_redis_between_two_logins_is_not_an_outage(caplog: pytest.LogCaptureFixture) -> None:
    port = free_port()
    with redis_server(port) as url:
        one = worker(url)
        fail(one)
    with redis_server(port):
        fail(one, 2)
    assert messages(caplog) == []


def test_long_outage_is_logged_once_although_redis_is_tried_every_second(caplog: pytest.LogCaptureFixture) -> None:
    with redis_server(free_port()) as url, faulty_proxy(urlsplit(url).port or 0) as proxy:
        one = worker(f"redis://127.0.0.1:{proxy.port}")
        proxy.fault = "drop"
        attempts = 3
        while proxy.accepted < attempts * 2:  # each attempt connects twice
            fail(one, login=f"user at {time.monotonic()}")
    assert messages(caplog) == [LOST]


def test_connection_that_is_lost_during_a_login_is_not_an_outage(url: str, caplog: pytest.LogCaptureFixture) -> None:
    """A firewall forgets an idle connection: its loss is noticed only by the login that uses it."""
    with faulty_proxy(urlsplit(url).port or 0) as proxy:
        one = worker(f"redis://127.0.0.1:{proxy.port}")
        fail(one)
        proxy.fault = "drop one"
        fail(one)
    assert str(proxy.fault) == "none"
    assert messages(caplog) == []
    assert is_refused(worker(url))


def test_frozen_redis_delays_one_login_a_second_and_not_all(caplog: pytest.LogCaptureFixture) -> None:
    with redis_process(free_port()) as (url, process):
        one = worker(url)
        fail(one)
        process.send_signal(signal.SIGSTOP)
        try:
            fail(one)
            assert messages(caplog) == [LOST]
            began = time.monotonic()
            for number in range(200):
                fail(one, login=f"{number}")
            seconds = time.monotonic() - began
            assert is_refused(one)
        finally:
            process.send_signal(signal.SIGCONT)
        assert seconds < 200 * TIMEOUT / 2
        assert messages(caplog) == [LOST]
        wait_until(lambda: is_back(one, url) and messages(caplog) == [LOST, BACK])


def test_redis_that_refuses_is_an_outage(url: str, caplog: pytest.LogCaptureFixture) -> None:
    Redis.from_url(url).config_set("requirepass", "hunter2")
    one = worker(url)
    fail(one, 2)
    assert is_refused(one)
    assert messages(caplog) == [LOST]
    assert "hunter2" not in caplog.text


def test_key_of_another_type_is_an_outage_and_not_an_error(url: str, caplog: pytest.LogCaptureFixture) -> None:
    one = worker(url)
    fail(one)
    client = Redis.from_url(url)
    for key in client.scan_iter():
        client.delete(key)
        client.rpush(key, "x")
    fail(one)
    assert is_refused(one)
    assert messages(caplog) == [LOST]


def test_counter_that_would_end_too_late_is_removed(url: str) -> None:
    """A clock that is set back on the host of Redis makes all its counters end later."""
    one = worker(url)
    fail(one, 2)
    client = Redis.from_url(url)
    for key in client.scan_iter():
        client.expire(key, 100 * PERIOD)
    assert not is_refused(one)


def test_forked_process_does_not_share_a_connection(url: str) -> None:
    one = worker(url)
    fail(one)
    child = os.fork()
    if child == 0:
        fail(one)
        os._exit(0 if is_refused(one) else 1)
    for number in range(50):
        fail(one, login=f"{number}")
    assert os.waitpid(child, 0)[1] == 0
    assert is_refused(one)


def test_worker_processes_count_together(url: str, static_environ: dict[str, str]) -> None:
    limits = {"LOGIN_FAILURES_PER_ACCOUNT": "8/hour", "THROTTLE_STORAGE_URL": url}
    body = {"email": "zoe@example.org", "password": "not the password of any user"}
    with gunicorn({**static_environ, **limits}, workers=3) as service:
        statuses = [requests.post(f"{service}/api/auth", json=body, timeout=60).status_code for _ in range(12)]
    assert statuses == [400] * 4 + [429] * 8
