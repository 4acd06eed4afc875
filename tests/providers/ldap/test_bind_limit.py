"""A user whose bind takes minutes cannot occupy the directory with further binds."""

import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from pathlib import Path

import pytest

from app import create_app
from providers.interface import ProviderUnavailable, RequestFailed
from providers.ldap import SearchProvider
from providers.ldap.client import bind_limit
from providers.ldap.client.bind_limit import BindLimit
from providers.ldap.client.errors import PoolExhausted, RequestUnanswered
from tests.servers import slapd as slapd_server
from tests.servers.faulty import FaultyProxy
from tests.servers.process import wait_until
from tests.servers.slapd import SUFFIX, Slapd, person_dn
from tests.support.directories import directory, ldap_provider
from tests.support.failover import failover_environ
from tests.support.stores import SECRET_KEY, users_file
from tests.support.users import ZOE, SampleUser

MALLORY = SampleUser("mallory", "mallory@example.org", "the password of mallory", ())
OLD_ZOE = SampleUser(ZOE.username, ZOE.email, "the old password of Zoé")
HASH_OF_MINUTES = "{CRYPT}$6$rounds=900000000$saltsalt$" + "a" * 86
DN = f"uid=mallory,ou=people,{SUFFIX}"
VERSION_AND_NAME = b"\x02\x01\x03\x04"  # the version 3, and the tag of the name: in all bind requests, and in no other


@pytest.fixture
def small_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Slapd]:
    """A directory with four threads, which is killed at the end, because it would complete its binds first."""
    monkeypatch.setattr(slapd_server, "CONFIGURATION", f"threads 4\n{slapd_server.CONFIGURATION.lstrip()}")
    with directory(tmp_path) as server:
        server.add_person(MALLORY)
        yield server
        os.kill(int((server.home / "slapd.pid").read_text()), signal.SIGKILL)


def binds_of(server: Slapd, user: SampleUser) -> int:
    """Return the number of binds as a user in the log."""
    return server.log.count(f'BIND dn="{person_dn(user.username)}" method=128')


def test_one_user_does_not_open_the_next_provider_with_a_slow_hash(small_directory: Slapd, tmp_path: Path) -> None:
    small_directory.modify(person_dn(MALLORY.username), {"userPassword": HASH_OF_MINUTES})
    static = users_file(tmp_path / "users.toml", [OLD_ZOE])
    chain = {"AUTH_PROVIDER": "ldap,static", "AUTH_SKIP_UNAVAILABLE": "ldap", "SECRET_KEY": SECRET_KEY}
    app = create_app({**small_directory.environ(LDAP_TIMEOUT_SECONDS="3"), **static, **chain})

    def log_in(user: SampleUser) -> int:
        return app.test_client().post("/api/auth", json={"email": user.username, "password": user.password}).status_code

    with ThreadPoolExecutor(4) as threads:
        assert set(threads.map(log_in, repeat(MALLORY, 8))) == {503}
    assert binds_of(small_directory, MALLORY) == 1
    assert log_in(OLD_ZOE) == 400


def plaintext(server: Slapd, proxy: FaultyProxy) -> dict[str, str]:
    """Return an environment with this proxy, which can read the requests."""
    return failover_environ(server, proxy, LDAP_INSECURE_PLAINTEXT="true", LDAP_CA_FILE="")


def can_log_in(provider: SearchProvider) -> bool:
    """Return whether Zoé can log in now."""
    try:
        return bool(provider.authenticate(ZOE.username, ZOE.password))
    except ProviderUnavailable:
        return False


def test_paused_user_cannot_log_in_and_other_users_can(slapd: Slapd, first: FaultyProxy) -> None:
    provider = ldap_provider(plaintext(slapd, first))
    first.unanswered = person_dn(ZOE.username).encode()
    with pytest.raises(RequestFailed, match="did not answer in time"):
        provider.authenticate(ZOE.username, ZOE.password)
    first.unanswered = b""
    with pytest.raises(RequestFailed, match="a bind as this entry took too long a moment ago"):
        provider.authenticate(ZOE.username, ZOE.password)
    assert not provider.authenticate("nobody", "wrong")


def test_user_can_log_in_after_the_pause(
    slapd: Slapd, first: FaultyProxy, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(bind_limit, "PAUSE_SECONDS", (0.5,))
    provider = ldap_provider(plaintext(slapd, first))
    first.unanswered = person_dn(ZOE.username).encode()
    with pytest.raises(RequestFailed):
        provider.authenticate(ZOE.username, ZOE.password)
    assert f"did not answer a bind as {person_dn(ZOE.username)!a}" in caplog.text
    first.unanswered = b""
    wait_until(lambda: can_log_in(provider))


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time that BindLimit reads, as the only element of a list."""
    now = [100.0]
    monkeypatch.setattr(bind_limit, "monotonic", lambda: now[0])
    return now


def is_paused(limit: BindLimit, name: str) -> bool:
    """Return whether a bind would be refused now."""
    try:
        with limit.turn(name, 0.0):
            return False
    except RequestUnanswered:
        return True


def test_pauses_grow_up_to_half_an_hour_until_a_bind_is_answered(now: list[float]) -> None:
    limit = BindLimit()

    def pause_seconds() -> float:
        limit.begin_pause(DN)
        began = now[0]
        while is_paused(limit, DN):
            now[0] += 30
        return now[0] - began

    assert [pause_seconds() for _ in range(5)] == [30, 120, 480, 1800, 1800]
    limit.record_answer(DN)
    assert pause_seconds() == 30


@pytest.mark.parametrize(
    ("name", "spelling"),
    [
        (DN, f"UID=Mallory, OU=People,{SUFFIX}"),
        (DN, f"userid=\uff4dallory,ou=people,{SUFFIX}"),
        (DN, f"uid=mal\u00adlory,ou=people,{SUFFIX}"),
        ("EXAMPLE\\mallory", "example\\Mallory"),
    ],
    ids=ascii,
)
def test_pause_applies_to_other_spellings_of_the_name(name: str, spelling: str) -> None:
    limit = BindLimit()
    limit.begin_pause(name)
    assert is_paused(limit, spelling)
    assert not is_paused(limit, f"uid=other,ou=people,{SUFFIX}")


def test_outage_leaves_no_user_paused(now: list[float]) -> None:
    limit = BindLimit()
    limit.begin_pause(DN)
    now[0] += 1
    limit.begin_pause(f"uid=zoe,ou=people,{SUFFIX}")
    limit.end_pauses_since(now[0])
    assert not is_paused(limit, f"uid=zoe,ou=people,{SUFFIX}")
    assert is_paused(limit, DN)


def test_hanging_server_leaves_no_user_paused(slapd: Slapd, first: FaultyProxy) -> None:
    provider = ldap_provider(plaintext(slapd, first))
    assert provider.authenticate(ZOE.username, ZOE.password)
    first.unanswered = VERSION_AND_NAME
    with pytest.raises(ProviderUnavailable) as raised:
        provider.authenticate(ZOE.username, ZOE.password)
    assert not isinstance(raised.value, RequestFailed)
    first.unanswered = b""
    wait_until(lambda: can_log_in(provider))


def test_binds_as_one_entry_wait_for_each_other() -> None:
    limit = BindLimit()
    with limit.turn(DN, 0.0):
        with pytest.raises(PoolExhausted), limit.turn(DN.upper(), 0.0):
            pass
        with limit.turn(f"uid=other,ou=people,{SUFFIX}", 0.0):
            pass
    with limit.turn(DN, 0.0):
        pass


def test_number_of_paused_entries_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bind_limit, "_MAX_PAUSED", 2)
    limit = BindLimit()
    for name in ("uid=a", "uid=b", "uid=c"):
        limit.begin_pause(name)
    assert [is_paused(limit, name) for name in ("uid=a", "uid=b", "uid=c")] == [False, True, True]
