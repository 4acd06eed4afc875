"""A denied login takes as long as a wrong password, also if no entry has the login."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from time import monotonic

import pytest
from passlib.hash import sha512_crypt

from app import create_app
from providers.ldap import open_ldap
from providers.ldap.denial_times import DenialTimes
from tests.servers.directory389 import Directory389
from tests.servers.slapd import SUFFIX, Slapd
from tests.support.directories import ldap_provider
from tests.support.stores import SECRET_KEY, users_file
from tests.support.users import SampleUser

TESS = SampleUser("tess", "tess@example.org", "the password of tess", ())
UMA = SampleUser("uma", "uma@example.org", "the password of uma", ())
WITHOUT_SERVICE = {
    "LDAP_USER_DN_TEMPLATE": f"uid={{login}},ou=people,{SUFFIX}",
    "LDAP_BIND_DN": "",
    "LDAP_BIND_PASSWORD": "",
}


@pytest.fixture(scope="module")
def directory(slapd: Slapd) -> Slapd:
    """The shared directory, with the user Tess, whose hash takes about 50 ms to verify."""
    hashed = sha512_crypt.using(rounds=250_000).hash(TESS.password)
    slapd.add_person(SampleUser(TESS.username, TESS.email, f"{{CRYPT}}{hashed}", ()))
    return slapd


def seconds(operation: Callable[[], object]) -> float:
    """Return the duration of a denied login."""
    start = monotonic()
    assert not operation()
    return monotonic() - start


def ratio(known: Callable[[], object], unknown: Callable[[int], object]) -> float:
    """Return how long an unknown login takes, as a multiple of a wrong password: of the medians, measured in turn."""
    known()
    pairs = [(seconds(known), seconds(lambda number=number: unknown(number))) for number in range(7)]  # type: ignore[misc]
    return median(pair[1] for pair in pairs) / median(pair[0] for pair in pairs)


def test_unknown_login_takes_as_long_as_a_wrong_password(directory: Slapd) -> None:
    provider = ldap_provider(directory.environ(LDAP_TIMEOUT_SECONDS="30"))
    known = ratio(lambda: provider.authenticate("tess", "wrong"), lambda n: provider.authenticate(f"no{n}", "wrong"))
    assert 0.5 < known < 2


def test_unknown_login_takes_as_long_with_389_directory_server(directory389: Directory389) -> None:
    directory389.add_person(UMA)
    provider = ldap_provider(directory389.environ())
    known = ratio(lambda: provider.authenticate("uma", "wrong"), lambda n: provider.authenticate(f"no{n}", "wrong"))
    assert 0.5 < known < 2


def test_unknown_login_takes_as_long_as_others_without_a_service_account(directory: Slapd) -> None:
    provider = open_ldap(directory.environ(LDAP_TIMEOUT_SECONDS="30", **WITHOUT_SERVICE))
    assert provider.authenticate("tess", TESS.password)
    known = ratio(lambda: provider.authenticate("tess", "wrong"), lambda n: provider.authenticate(f"no{n}", "wrong"))
    assert 0.5 < known < 2


@pytest.mark.parametrize("order", ["ldap,static", "static,ldap"])
def test_unknown_login_takes_as_long_as_a_wrong_password_in_a_chain(
    directory: Slapd, tmp_path: Path, order: str
) -> None:
    static = users_file(tmp_path / "users.toml", [UMA])
    environ = {**static, **directory.environ(), "AUTH_PROVIDER": order, "SECRET_KEY": SECRET_KEY}
    client = create_app(environ).test_client()

    def is_accepted(login: str) -> bool:
        return client.post("/api/auth", json={"email": login, "password": "wrong"}).status_code == 200

    assert 0.5 < ratio(lambda: is_accepted("tess"), lambda n: is_accepted(f"no{n}")) < 2
    assert 0.5 < ratio(lambda: is_accepted("uma"), lambda n: is_accepted(f"no{n}")) < 2


def test_waiting_login_holds_no_connection(directory: Slapd) -> None:
    hashed = sha512_crypt.using(rounds=500_000).hash("another password")
    directory.add_person(SampleUser("costly", "costly@example.org", f"{{CRYPT}}{hashed}", ()))
    provider = ldap_provider(directory.environ(LDAP_POOL_SIZE="1", LDAP_TIMEOUT_SECONDS="30"))
    wrong = seconds(lambda: provider.authenticate("costly", "wrong"))
    start = monotonic()
    with ThreadPoolExecutor(8) as threads:
        assert not any(threads.map(lambda number: provider.authenticate(f"no{number}", "wrong"), range(8)))
    assert 0.5 * wrong < monotonic() - start < 4 * wrong


def test_few_expensive_accounts_do_not_delay_all_denials() -> None:
    times = DenialTimes(10)
    for number in range(20):
        times.record(f"user{number}", 0.1, refused=True)
    times.record("expensive", 5, refused=True)
    times.record("expensive", 5, refused=False)
    for number in range(5):
        times.record(f"user{number}", 0.1, refused=False)
    assert times.seconds() == 0.1


def test_most_expensive_scheme_of_many_accounts_decides() -> None:
    times = DenialTimes(10)
    for number in range(10):
        times.record(f"cheap{number}", 0.1, refused=True)
        times.record(f"usual{number}", 0.2, refused=True)
    assert times.seconds() == 0.2


def test_denials_are_delayed_by_the_maximum_at_most() -> None:
    times = DenialTimes(1.5)
    times.record("one", 5, refused=True)
    assert times.seconds() == 1.5


def test_refused_account_counts_only_if_it_exists() -> None:
    times = DenialTimes(10)
    assert times.seconds() == 0
    times.record("a guess", 0.3, refused=True, exists=False)
    assert times.seconds() == 0
    times.record("tess", 0.1, refused=False)
    times.record("tess", 0.2, refused=True, exists=False)
    assert times.seconds() == 0.2


def test_old_durations_of_an_account_are_forgotten() -> None:
    times = DenialTimes(10)
    times.record("tess", 3, refused=True)
    for _ in range(5):
        times.record("tess", 0.1, refused=True)
    assert times.seconds() == 0.1


def test_old_accounts_are_forgotten() -> None:
    times = DenialTimes(10)
    for number in range(100):
        times.record(f"former{number}", 3, refused=True)
    for number in range(100):
        times.record(f"recent{number}", 0.1, refused=True)
    assert times.seconds() == 0.1
