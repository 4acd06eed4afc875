"""The default size limits of OpenLDAP and 389 Directory Server: pages go beyond them, or the error names them."""

import json
from collections.abc import Iterator

import pytest

from providers.interface import Check, RequestFailed
from tests.servers import directory389 as server389
from tests.servers import slapd as openldap
from tests.servers.directory389 import Directory389
from tests.servers.slapd import PAGING_SERVICE, Slapd
from tests.support.directories import ldap_provider
from tests.support.users import SampleUser

MAX = SampleUser("max", "max@example.org", "the password of max", ())
ERROR = r"a limit of the server .sizeLimitExceeded."


@pytest.fixture(scope="module")
def slapd_environ(slapd: Slapd) -> dict[str, str]:
    """The environment of a directory whose user Max is in 700 groups, each of which gives a role."""
    slapd.add_person(MAX)
    base = f"ou=many,{openldap.SUFFIX}"
    slapd.add(base, ["organizationalUnit"], {"ou": "many"})
    connection = slapd.admin()
    for number in range(700):
        attributes = {"member": openldap.person_dn("max")}
        assert connection.add(f"cn=m{number},{base}", ["groupOfNames"], attributes)[0]  # type: ignore[no-untyped-call]
    connection.unbind()
    roles = {f"cn=m{number},{base}": [f"m{number}"] for number in range(700)}
    return slapd.environ(LDAP_GROUP_BASE_DN=base, LDAP_ROLE_MAP=json.dumps(roles))


def test_user_in_more_groups_than_openldap_returns_has_no_part_of_the_roles(slapd_environ: dict[str, str]) -> None:
    provider = ldap_provider(slapd_environ)
    with pytest.raises(RequestFailed, match=f"{ERROR} ended a search after 0 entries, 500 with all pages"):
        provider.authenticate(MAX.username, MAX.password)
    with pytest.raises(RequestFailed, match=ERROR):
        provider.find(MAX.username)
    with pytest.raises(RequestFailed, match=ERROR):
        provider.explain(MAX.username)


def test_openldap_returns_all_groups_in_pages_if_its_limits_permit_it(slapd_environ: dict[str, str]) -> None:
    user = ldap_provider({**slapd_environ, "LDAP_BIND_DN": PAGING_SERVICE}).authenticate(MAX.username, MAX.password)
    assert user
    assert len(user["roles"]) == 700


@pytest.fixture
def limited_389(directory389: Directory389) -> Iterator[Directory389]:
    """The shared 389 Directory Server, with a size limit of 5 entries, and a user in 8 groups."""
    directory389.add_person(SampleUser("max", MAX.email, MAX.password, tuple(f"m{number}" for number in range(8))))
    directory389.modify("cn=config", {"nsslapd-sizelimit": "5"})
    yield directory389
    directory389.modify("cn=config", {"nsslapd-sizelimit": "2000"})
    directory389.modify(server389.SERVICE, {"nsPagedSizeLimit": []})


def usernames_check(environ: dict[str, str]) -> Check:
    """Return the doctor's check of the usernames."""
    return next(check for check in ldap_provider(environ).check() if check.step == "usernames")


def test_389_directory_server_returns_all_groups_in_pages_if_the_account_may_read_them(
    limited_389: Directory389,
) -> None:
    groups = f"ou=groups,{server389.SUFFIX}"
    roles = {f"cn=m{number},{groups}": [f"m{number}"] for number in range(8)}
    environ = limited_389.environ(LDAP_GROUP_BASE_DN=groups, LDAP_ROLE_MAP=json.dumps(roles))
    provider = ldap_provider(environ)
    with pytest.raises(RequestFailed, match=ERROR):
        provider.authenticate(MAX.username, MAX.password)
    check = usernames_check(environ)
    assert (check.outcome, check.found[:47]) == ("warning", "no username occurs twice in the first 5 entries")
    limited_389.modify(server389.SERVICE, {"nsPagedSizeLimit": "-1"})
    # The limits of an account apply to binds after the change.
    user = ldap_provider(environ).authenticate(MAX.username, MAX.password)
    assert user
    assert len(user["roles"]) == 8
    assert usernames_check(environ).outcome == "ok"
