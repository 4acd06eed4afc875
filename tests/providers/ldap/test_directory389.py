"""389 Directory Server: groups, denial reasons, and a restart while users log in, which is never a wrong password."""

import json
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from time import monotonic, sleep

import pytest

from providers.interface import (
    DISABLED,
    LOCKED,
    PASSWORD_EXPIRED,
    WRONG_PASSWORD,
    Denied,
    Overloaded,
    ProviderUnavailable,
)
from providers.ldap import SearchProvider
from tests.servers import directory389 as server389
from tests.servers.directory389 import SUFFIX, Directory389, person_dn, started
from tests.support.directories import ldap_provider
from tests.support.users import ZOE, SampleUser

FRED = SampleUser("fred", "fred@example.org", "the password of fred", ("readers",))
GROUPS = f"ou=groups,{SUFFIX}"


def dn(group: str) -> str:
    """Return the DN of a group."""
    return f"cn={group},{GROUPS}"


@pytest.fixture(scope="module")
def server(directory389: Directory389) -> Directory389:
    """The shared directory, with the user Fred, a group that contains his group, and one that contains itself."""
    directory389.add_person(FRED)
    directory389.add(dn("writers"), ["groupOfNames"], {"member": [dn("readers"), dn("writers")]})
    directory389.add(dn("unique"), ["groupOfUniqueNames"], {"uniqueMember": person_dn("fred")})
    return directory389


@pytest.mark.parametrize(
    ("changed", "roles"),
    [
        # The plugin that maintains memberOf follows nested groups itself.
        ({}, ["readers", "writers"]),
        ({"LDAP_NESTED_GROUPS": "true"}, ["readers", "writers"]),
        ({"LDAP_GROUP_BASE_DN": GROUPS}, ["readers", "unique"]),
        ({"LDAP_GROUP_BASE_DN": GROUPS, "LDAP_NESTED_GROUPS": "true"}, ["readers", "unique", "writers"]),
    ],
    ids=str,
)
def test_groups_give_their_roles(server: Directory389, changed: dict[str, str], roles: list[str]) -> None:
    mapped = json.dumps({dn(group): [group] for group in ("readers", "writers", "unique")})
    provider = ldap_provider(server.environ(LDAP_ROLE_MAP=mapped, **changed))
    user = provider.authenticate(FRED.username, FRED.password)
    assert user
    assert user["roles"] == roles
    assert provider.find("fred") == user


def reason(server: Directory389, password: str) -> str | None:
    """Return why a login of Fred is denied; `None` if it succeeds."""
    result = ldap_provider(server.environ()).authenticate("fred", password)
    return result.reason if isinstance(result, Denied) else None


@pytest.fixture
def policy(server: Directory389) -> Iterator[None]:
    """Remove what a test changes in the password policy and in Fred's entry."""
    yield
    server.modify("cn=config", {"passwordLockout": "off", "passwordExp": "off"})
    operational = ["passwordRetryCount", "accountUnlockTime", "passwordExpirationTime", "passwordExpWarned"]
    server.modify(person_dn("fred"), {name: [] for name in (*operational, "nsAccountLock")})


@pytest.mark.usefixtures("policy")
def test_denial_has_the_reason_of_the_server(server: Directory389) -> None:
    assert (reason(server, FRED.password), reason(server, "wrong")) == (None, WRONG_PASSWORD)
    server.modify("cn=config", {"passwordExp": "on"})
    server.modify(person_dn("fred"), {"passwordExpirationTime": "20200101000000Z"})
    assert (reason(server, FRED.password), reason(server, "wrong")) == (PASSWORD_EXPIRED, WRONG_PASSWORD)
    server.modify("cn=config", {"passwordExp": "off", "passwordLockout": "on", "passwordMaxFailure": "2"})
    assert [reason(server, "wrong") for _ in range(3)] == [WRONG_PASSWORD, WRONG_PASSWORD, LOCKED]
    assert reason(server, FRED.password) == LOCKED
    server.modify("cn=config", {"passwordLockout": "off"})
    server.modify(person_dn("fred"), {"nsAccountLock": "true"})
    assert (reason(server, FRED.password), reason(server, "wrong")) == (DISABLED, DISABLED)


def test_restart_under_load_never_counts_as_a_wrong_password(tmp_path: Path) -> None:
    with server389.directory389(tmp_path) as server:
        server.add_person(ZOE)
    provider, ended = ldap_provider(server.environ(LDAP_TIMEOUT_SECONDS="3")), Event()

    def log_in() -> Counter[str]:
        answers: Counter[str] = Counter()
        while not ended.is_set():
            answers[answer_to(provider)] += 1
        return answers

    with ThreadPoolExecutor(6) as threads:
        clients = [threads.submit(log_in) for _ in range(6)]
        try:
            with started(server):
                wait_for_login(provider)
            with started(server):
                wait_for_login(provider)
                assert {answer_to(provider) for _ in range(20)} == {"user"}
        finally:
            ended.set()
        answers = sum((client.result() for client in clients), Counter[str]())
    assert answers.keys() == {"user", "unavailable"}, answers


def answer_to(provider: SearchProvider) -> str:
    """Return the kind of the answer to a login with the right password."""
    try:
        return "user" if provider.authenticate(ZOE.username, ZOE.password) else "denied"
    except (ProviderUnavailable, Overloaded):
        return "unavailable"


def wait_for_login(provider: SearchProvider) -> None:
    """Wait until a login succeeds."""
    deadline = monotonic() + 60
    while answer_to(provider) != "user":
        assert monotonic() < deadline
        sleep(0.05)
