"""The provider with a service account, against a real directory: searches, binds, and roles."""

import json
import re

import pytest
from ldap3 import MODIFY_ADD

from providers.interface import AMBIGUOUS, UNKNOWN_USER, WRONG_PASSWORD, Denied, ProviderUnavailable
from providers.ldap import SearchProvider
from tests.servers.process import wait_until
from tests.servers.slapd import SERVICE, SUFFIX, Slapd
from tests.support.directories import ldap_provider
from tests.support.users import SAMPLE_USERS, ZOE, SampleUser, shown

TWO_ADDRESSES = SampleUser("two-addresses", "first-address@example.org", "the password of two addresses", ("editor",))


@pytest.fixture(scope="module")
def directory(slapd: Slapd) -> Slapd:
    """The shared directory, with three more users."""
    slapd.add_person(TWO_ADDRESSES, "second-address@example.org")
    for username in ("same-one", "same-two"):
        slapd.add_person(SampleUser(username, "same@example.org", "the password of both", ()))
    return slapd


def reason(provider: SearchProvider, login: str, password: str) -> str:
    """Return why a login is denied."""
    result = provider.authenticate(login, password)
    assert isinstance(result, Denied), result
    return result.reason


def binds(directory: Slapd, provider: SearchProvider, login: str, password: str) -> list[tuple[str, str]]:
    """Return the DN and the result of every bind of a denied login, except the binds of the service account."""
    mark = len(directory.log)
    assert not provider.authenticate(login, password)
    # The server logs a result after it has sent it.
    wait_until(lambda: set(bind_dns(directory.log[mark:])) <= set(bind_results(directory.log[mark:])))
    dns, results = bind_dns(directory.log[mark:]), bind_results(directory.log[mark:])
    return [(dn, results[operation]) for operation, dn in dns.items() if dn != SERVICE]


def bind_dns(log: str) -> dict[str, str]:
    """Return the DN of each bind request, by connection and operation."""
    return dict(re.findall(r'(conn=\d+ op=\d+) BIND dn="([^"]*)" method=128', log))


def bind_results(log: str) -> dict[str, str]:
    """Return the result code of each bind, by connection and operation."""
    return dict(re.findall(r"(conn=\d+ op=\d+) RESULT tag=97 err=(\d+)", log))


def test_every_email_of_a_user_logs_in(directory: Slapd) -> None:
    provider = ldap_provider(directory.environ())
    for login in (TWO_ADDRESSES.username, TWO_ADDRESSES.email, "Second-Address@Example.org"):
        user = provider.authenticate(login, TWO_ADDRESSES.password)
        assert shown(user) == {"username": "two-addresses", "email": "first-address@example.org", "roles": ["editor"]}


def test_login_that_matches_several_entries_is_ambiguous(directory: Slapd) -> None:
    provider = ldap_provider(directory.environ(LDAP_USER_FILTER="(|(sn={login})(objectClass=person))"))
    for person in SAMPLE_USERS[:3]:
        assert reason(provider, person.email, person.password) == AMBIGUOUS


@pytest.mark.parametrize(
    "group",
    [
        "cn=admin,ou=groups,{suffix}",
        "CN=Admin , OU=GROUPS,  {suffix}",
        "cn=admin;ou=groups;{suffix}",
        r"cn=\61dmin,ou=gr\6fups,{suffix}",
    ],
)
def test_groups_in_the_role_map_are_compared_as_dns(directory: Slapd, group: str) -> None:
    mapped = json.dumps({group.format(suffix=SUFFIX): ["root", "staff"]})
    user = ldap_provider(directory.environ(LDAP_ROLE_MAP=mapped)).authenticate(ZOE.username, ZOE.password)
    assert user
    assert user["roles"] == ["root", "staff"]


@pytest.mark.parametrize("mapped", ["{}", f'{{"cn=admin,ou=others,{SUFFIX}": ["x"], "cn=admin": ["y"]}}', ""])
def test_group_outside_the_role_map_gives_no_role(directory: Slapd, mapped: str) -> None:
    user = ldap_provider(directory.environ(LDAP_ROLE_MAP=mapped)).authenticate(ZOE.username, ZOE.password)
    assert user
    assert user["roles"] == []


def test_group_filter_can_use_the_dn_and_the_username(directory: Slapd) -> None:
    group = f"cn=posix\\, \\+ (x),ou=groups,{SUFFIX}"
    directory.add(group, ["groupOfNames"], {"member": SERVICE, "description": "a(b)*"})
    environ = directory.environ(
        LDAP_GROUP_BASE_DN=f"ou=groups,{SUFFIX}",
        LDAP_GROUP_FILTER="(&(objectClass=groupOfNames)(|(member={dn})(description={username})))",
        LDAP_ROLE_MAP=json.dumps({group.upper(): ["posix"], f"cn=user,ou=groups,{SUFFIX}": ["user"]}),
    )
    provider = ldap_provider(environ)
    roles = {person.username: user["roles"] for person in SAMPLE_USERS[:4] if (user := provider.find(person.username))}
    assert roles == {"zoé": ["user"], "o'brien": ["user"], "a(b)*": ["posix", "user"], "smith, john": ["user"]}


def test_find_applies_the_user_filter(directory: Slapd) -> None:
    environ = directory.environ(LDAP_USER_FILTER="(&(mail=*@example.org)(|(uid={login})(mail={login})))")
    provider = ldap_provider(environ)
    assert provider.find(ZOE.username)
    assert provider.find("DOMAIN\\x") is None
    assert reason(provider, "DOMAIN\\x", "back\\slash\\2a") == UNKNOWN_USER


def test_username_and_email_attributes_can_be_configured(directory: Slapd) -> None:
    environ = directory.environ(LDAP_USERNAME_ATTRIBUTE="mail", LDAP_EMAIL_ATTRIBUTE="description")
    user = ldap_provider(environ).authenticate(ZOE.username, ZOE.password)
    assert shown(user) == {"username": ZOE.email, "email": None, "roles": ["admin", "user"]}


def test_entry_without_the_username_attribute_fails_the_login(directory: Slapd) -> None:
    provider = ldap_provider(directory.environ(LDAP_USERNAME_ATTRIBUTE="description"))
    with pytest.raises(ProviderUnavailable, match="LDAP_USERNAME_ATTRIBUTE"):
        provider.authenticate(ZOE.username, ZOE.password)


def test_wrong_password_takes_one_bind_as_the_user(directory: Slapd) -> None:
    provider = ldap_provider(directory.environ())
    ((dn, result),) = binds(directory, provider, TWO_ADDRESSES.username, "wrong")
    assert (dn, result) == (f"uid=two-addresses,ou=people,{SUFFIX}", "49")


@pytest.mark.parametrize(("login", "expected"), [("nobody", UNKNOWN_USER), ("same@example.org", AMBIGUOUS)])
def test_unknown_or_ambiguous_login_takes_one_bind_as_a_decoy(directory: Slapd, login: str, expected: str) -> None:
    provider = ldap_provider(directory.environ())
    ((dn, result),) = binds(directory, provider, login, "the password of both")
    assert re.fullmatch(rf"cn=decoy-\w{{16}},ou=people,{SUFFIX}", dn)
    assert result == "49"
    assert reason(provider, login, "the password of both") == expected


@pytest.mark.parametrize("login", [TWO_ADDRESSES.username, "nobody"])
def test_empty_password_is_never_sent(directory: Slapd, login: str) -> None:
    assert binds(directory, ldap_provider(directory.environ()), login, "") == []


def test_user_without_a_password_is_denied(directory: Slapd) -> None:
    dn = f"uid=without,ou=people,{SUFFIX}"
    directory.add(dn, ["inetOrgPerson"], {"uid": "without", "cn": "x", "sn": "x"})
    assert reason(ldap_provider(directory.environ()), "without", "x") == WRONG_PASSWORD


def test_invalid_email_is_omitted(slapd: Slapd) -> None:
    slapd.add_person(SampleUser("oddmail", "x" * 250 + "@example.org", "odd"))
    user = ldap_provider(slapd.environ()).authenticate("oddmail", "odd")
    assert user
    assert user["email"] is None


def test_find_ignores_other_values_of_the_username_attribute(slapd: Slapd) -> None:
    slapd.add_person(SampleUser("firstname-of-two", "two@example.org", "two"))
    connection = slapd.admin()
    connection.modify(f"uid=firstname-of-two,ou=people,{SUFFIX}", {"uid": [(MODIFY_ADD, ["zweitname"])]})  # type: ignore[no-untyped-call]
    connection.unbind()
    provider = ldap_provider(slapd.environ())
    assert provider.find("firstname-of-two")
    assert provider.find("zweitname") is None


def test_entry_without_a_username_fails_the_login_with_every_password(slapd: Slapd) -> None:
    provider = ldap_provider(slapd.environ(LDAP_USERNAME_ATTRIBUTE="description"))
    for password in (ZOE.password, "wrong"):
        with pytest.raises(ProviderUnavailable, match="LDAP_USERNAME_ATTRIBUTE"):
            provider.authenticate(ZOE.username, password)
