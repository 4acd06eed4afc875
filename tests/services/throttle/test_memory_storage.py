"""Counters in memory: bounded under a flood, and independent of the time of day."""

import sys
import time
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from ipaddress import ip_address

import pytest

from config.rate_limit import parse_rate_limit
from providers.interface import WRONG_PASSWORD, Denied, User
from services.throttle.errors import Throttled
from services.throttle.login_throttle import LoginThrottle
from services.throttle.memory_storage import BoundedMemoryStorage
from tests.servers.process import wait_until

HOME = ip_address("192.0.2.1")
DAY = 24 * 3600


def throttle(per_account: str = "2/hour", storage: BoundedMemoryStorage | None = None) -> LoginThrottle:
    return LoginThrottle(
        storage or BoundedMemoryStorage(), parse_rate_limit(per_account), parse_rate_limit("1000000/hour")
    )


def fail(throttle: LoginThrottle, login: str = "zoe") -> None:
    throttle.begin(login, HOME).settle(Denied(WRONG_PASSWORD))


def is_refused(throttle: LoginThrottle, login: str = "zoe") -> bool:
    try:
        throttle.begin(login, HOME)
    except Throttled:
        return True
    return False


def test_refusal_ends_with_its_period() -> None:
    counted = throttle("2/second")
    fail(counted)
    assert is_refused(counted)
    wait_until(lambda: not is_refused(counted))


def test_refused_attempts_do_not_extend_the_refusal() -> None:
    counted = throttle("2/2 seconds")
    fail(counted)
    ends = time.monotonic() + 2
    wait_until(lambda: not is_refused(counted))
    assert time.monotonic() < ends + 1


@pytest.mark.parametrize("jump", [DAY, -DAY])
def test_clock_jumps_neither_end_nor_extend_a_refusal(monkeypatch: pytest.MonkeyPatch, jump: int) -> None:
    counted, other = throttle(), throttle()
    fail(counted)
    real_time = time.time
    monkeypatch.setattr(time, "time", lambda: real_time() + jump)
    with pytest.raises(Throttled) as refused:
        counted.begin("zoe", HOME)
    assert 3500 < refused.value.retry_after <= 3600
    fail(other)
    monkeypatch.setattr(time, "time", real_time)
    with pytest.raises(Throttled) as refused:
        other.begin("zoe", HOME)
    assert 3500 < refused.value.retry_after <= 3600


def test_flood_of_random_names_and_addresses_needs_bounded_memory() -> None:
    counted = throttle(storage=BoundedMemoryStorage(max_counters=1000))

    def flood(first: int) -> int:
        for number in range(first, first + 3000):
            login = f"{number}" + "\N{GRINNING FACE}" * 250
            counted.begin(login, ip_address(number << 64)).settle(Denied(WRONG_PASSWORD))
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        full, later = flood(1), flood(10_000)
    finally:
        tracemalloc.stop()
    assert full < 2_000_000
    assert later < full * 1.2


def test_flood_of_names_does_not_forget_known_addresses() -> None:
    counted = throttle(storage=BoundedMemoryStorage(max_counters=100))
    counted.begin("zoe", HOME).settle(User(username="zoe", email=None, roles=[]))
    for number in range(500):
        with suppress(Throttled):
            counted.begin(f"{number}", ip_address(number)).settle(Denied(WRONG_PASSWORD))
    for number in range(3):
        with suppress(Throttled):
            counted.begin("zoe", ip_address(number)).settle(Denied(WRONG_PASSWORD))
    assert not is_refused(counted)


def test_expired_counters_are_removed_without_being_asked_for() -> None:
    storage = BoundedMemoryStorage()
    for number in range(100):
        storage.update({f"{number}": 1})
    time_of_last = time.monotonic()
    wait_until(lambda: time.monotonic() > time_of_last + 1)
    storage.update({"new": 1})
    assert storage.reset() == 1


def test_concurrent_failures_are_all_counted() -> None:
    storage, keys = BoundedMemoryStorage(), [f"{number}" for number in range(2000)]

    def count(_: int) -> None:
        for key in keys:
            storage.update({key: DAY})

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)  # otherwise threads rarely switch between reading and writing a counter
    try:
        with ThreadPoolExecutor(8) as pool:
            [*pool.map(count, range(8))]
    finally:
        sys.setswitchinterval(interval)
    assert storage.counts(keys) == [8] * len(keys)


def test_concurrent_guesses_are_as_limited_as_consecutive_ones() -> None:
    counted = throttle("10/hour")
    attempts = [counted.begin("zoe", ip_address(number)) for number in range(100)]
    for attempt in attempts[:10]:
        attempt.settle(Denied(WRONG_PASSWORD, "zoe"))
    answers = [attempt.settle(User(username="zoe", email=None, roles=[])) for attempt in attempts[10:]]
    assert not any(answers)


def test_concurrent_logins_with_the_right_password_are_all_accepted() -> None:
    counted = throttle("10/hour")
    attempts = [counted.begin("zoe", HOME) for _ in range(100)]
    assert all(attempt.settle(User(username="zoe", email=None, roles=[])) for attempt in attempts)
