"""FreeIPA's compatibility tree, which has each user twice: what the doctor finds, and that its remedy works."""

from collections.abc import Iterator

import pytest

from providers.interface import AMBIGUOUS, Check, Denied
from tests.servers.slapd import SUFFIX, Slapd, slapd
from tests.support.directories import ldap_provider

ACCOUNTS, COMPAT = f"cn=users,cn=accounts,{SUFFIX}", f"cn=users,cn=compat,{SUFFIX}"
PASSWORD = "the password of ipa-ann"


@pytest.fixture(scope="module")
def freeipa(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slapd]:
    """A directory with the two trees of FreeIPA."""
    with slapd(tmp_path_factory.mktemp("freeipa")) as server:
        for base in (ACCOUNTS, COMPAT):
            server.add(base.partition(",")[2], ["applicationProcess"], {})
            server.add(base, ["applicationProcess"], {})
        for uid in ("ann", "ben"):
            posix: dict[str, object] = {"cn": uid, "uidNumber": "1000", "gidNumber": "1000", "homeDirectory": "/"}
            person = {**posix, "sn": uid, "mail": f"{uid}@example.org", "userPassword": PASSWORD}
            server.add(f"uid={uid},{ACCOUNTS}", ["inetOrgPerson", "posixAccount"], person)
            server.add(f"uid={uid},{COMPAT}", ["account", "posixAccount"], {**posix, "uid": uid})
        yield server


def check(environ: dict[str, str], step: str) -> Check:
    """Return a check of the doctor."""
    return next(check for check in ldap_provider(environ).check() if check.step == step)


def test_user_of_both_trees_is_reported_with_the_base_dn_to_set(freeipa: Slapd) -> None:
    environ = freeipa.environ(LDAP_BASE_DN=SUFFIX)
    denied = ldap_provider(environ).authenticate("ann", PASSWORD)
    assert isinstance(denied, Denied)
    assert denied.reason == AMBIGUOUS
    found = check(environ, "usernames")
    assert found.outcome == "warning"
    assert f"uid=ann,{ACCOUNTS}" in found.found
    assert f"uid=ann,{COMPAT}" in found.found
    assert (found.remedy or "").startswith(f"Set LDAP_BASE_DN={ACCOUNTS}: FreeIPA")


def test_users_log_in_with_the_reported_base_dn(freeipa: Slapd) -> None:
    environ = freeipa.environ(LDAP_BASE_DN=ACCOUNTS)
    user = ldap_provider(environ).authenticate("ann@example.org", PASSWORD)
    assert user
    assert user["username"] == "ann"
    assert check(environ, "usernames").outcome == "ok"
    assert check(environ, f"base DN {ACCOUNTS}").outcome == "ok"


def test_base_dn_in_the_compatibility_tree_is_reported(freeipa: Slapd) -> None:
    found = check(freeipa.environ(LDAP_BASE_DN=COMPAT), f"base DN {COMPAT}")
    assert found.outcome == "warning"
    assert "compatibility tree" in found.found
    assert "cn=users,cn=accounts" in (found.remedy or "")


def test_two_users_outside_of_the_trees_are_reported_without_freeipa(freeipa: Slapd) -> None:
    for unit in ("people", "groups"):
        freeipa.add(f"cn=twice,ou={unit},{SUFFIX}", ["inetOrgPerson"], {"uid": "twice", "sn": "x"})
    base = f"ou=people,{SUFFIX};ou=groups,{SUFFIX}"
    found = check(freeipa.environ(LDAP_BASE_DN=base), "usernames")
    assert (found.outcome, "FreeIPA" in (found.remedy or "")) == ("warning", False)
