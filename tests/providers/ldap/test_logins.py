"""Logins: whom a name means, wherever and under whatever DN they stand."""

import pytest

from providers.interface import AMBIGUOUS, UNKNOWN_USER, WRONG_PASSWORD, Denied, ProviderUnavailable, User
from providers.ldap import DirectBindProvider, LdapProvider, open_ldap
from tests.servers.slapd import SUFFIX, Slapd, person_dn
from tests.support.directories import ldap_provider
from tests.support.users import SAME_EMAIL_USERS, SAMPLE_USERS, ZOE

PASSWORD = "the password of all of them"
GUESTS = f"ou=guests,{SUFFIX}"


@pytest.fixture(scope="module")
def directory(slapd: Slapd) -> Slapd:
    """The shared directory, with guests of odd names in a branch of their own."""
    slapd.add(GUESTS, ["organizationalUnit"], {"ou": "guests"})
    slapd.add(f"ou=inner,{GUESTS}", ["organizationalUnit"], {"ou": "inner"})
    for rdn, attributes in ODD.items():
        add_guest(slapd, f"{rdn},{GUESTS}", attributes)
    add_guest(slapd, f"cn=inner,ou=inner,{GUESTS}", {"cn": "inner", "uid": "inner"})
    return slapd


ODD: dict[str, dict[str, object]] = {
    r"cn=Doe\, Jane": {"cn": "Doe, Jane", "uid": "comma"},
    r"cn=a\+b": {"cn": "a+b", "uid": "plus"},
    r"cn=the \22x\22": {"cn": 'the "x"', "uid": "quotes"},
    r"cn=back\5cslash": {"cn": "back\\slash", "uid": "backslash"},
    r"cn=\23hash\3cangle\3e\3b": {"cn": "#hash<angle>;", "uid": "specials"},
    r"cn=\20blanks\20": {"cn": " blanks ", "uid": "blanks"},
    "cn=日本 太郎 é": {"cn": "日本 太郎 é", "uid": "unicode"},
    "cn=two+uid=parts": {"cn": "two", "uid": "parts"},
    "uid=named": {"cn": "x", "uid": ["another", "named", "zulu"]},
    "cn=many": {"cn": ["many", "Lots"], "uid": ["zweite", "erste"]},
    "cn=plain": {"cn": "plain", "uid": "plain", "mail": ["plain@example.org", "Plain@Example.com"]},
}


def add_guest(slapd: Slapd, dn: str, attributes: dict[str, object]) -> None:
    """Add somebody without groups, under any DN."""
    slapd.add(dn, ["inetOrgPerson"], {"sn": "x", "userPassword": PASSWORD, **attributes})


def provider_of(directory: Slapd, **changed: str) -> LdapProvider:
    """Return a provider that knows people and guests."""
    environ = directory.environ(LDAP_BASE_DN=f"ou=people,{SUFFIX} ; {GUESTS}", **changed)
    return ldap_provider(environ)


def reason(answer: User | Denied) -> str | None:
    """Return why nobody is proven, `None` if somebody is."""
    return answer.reason if isinstance(answer, Denied) else None


USERNAMES = [*(str(held["uid"]) for held in ODD.values() if isinstance(held["uid"], str)), "named", "erste", "inner"]


@pytest.mark.parametrize("username", USERNAMES)
def test_a_dn_may_be_as_odd_as_it_likes(directory: Slapd, username: str) -> None:
    provider = provider_of(directory)
    user = provider.authenticate(username, PASSWORD)
    assert user
    assert user["username"] == username
    assert provider.find(username) == user
    assert reason(provider.authenticate(username, PASSWORD + "x")) == WRONG_PASSWORD


@pytest.mark.parametrize("login", ["plain", "PLAIN@example.org", "plain@example.com", "pLAIN"])
def test_every_name_of_a_user_logs_the_same_user_in(directory: Slapd, login: str) -> None:
    user = provider_of(directory).authenticate(login, PASSWORD)
    assert user
    assert (user["username"], user["email"]) == ("plain", "plain@example.org")


@pytest.mark.parametrize(
    ("login", "username"),
    [("Lots", "erste"), ("MANY", "erste"), ("doe, jane", "comma"), ('The "X"', "quotes"), ("日本 太郎 É", "unicode")],
)
def test_people_may_log_in_by_their_cn(directory: Slapd, login: str, username: str) -> None:
    user = provider_of(directory, LDAP_USER_FILTER="(cn={login})").authenticate(login, PASSWORD)
    assert user
    assert user["username"] == username


@pytest.mark.parametrize("login", ["another", "named", "zulu"])
def test_of_several_names_the_one_in_the_dn_is_the_username(directory: Slapd, login: str) -> None:
    user = provider_of(directory).authenticate(login, PASSWORD)
    assert user
    assert user["username"] == "named"


def test_a_name_that_no_token_can_have_is_the_directorys_fault(directory: Slapd) -> None:
    add_guest(directory, f"cn=endless,{GUESTS}", {"cn": "endless", "uid": "x" * 300})
    with pytest.raises(ProviderUnavailable, match="LDAP_USERNAME_ATTRIBUTE cannot be used: it is longer"):
        provider_of(directory, LDAP_USER_FILTER="(cn={login})").authenticate("endless", PASSWORD)


@pytest.mark.parametrize("username", ["another", "zulu", "zweite"])
def test_another_name_finds_nobody(directory: Slapd, username: str) -> None:
    assert provider_of(directory).find(username) is None


def test_bases_are_all_searched_and_none_twice(directory: Slapd) -> None:
    bases = ";".join([f"ou=people,{SUFFIX}", f"ou=inner,{GUESTS}", GUESTS, SUFFIX.upper()])
    provider = ldap_provider(directory.environ(LDAP_BASE_DN=bases))
    assert provider.authenticate("inner", PASSWORD)
    assert provider.authenticate(ZOE.username, ZOE.password)
    assert reason(provider.authenticate("nobody", PASSWORD)) == UNKNOWN_USER


def test_the_same_name_in_two_bases_proves_nobody(directory: Slapd) -> None:
    add_guest(directory, f"cn=look-alike,{GUESTS}", {"cn": "look-alike", "uid": "o'brien"})
    provider = provider_of(directory)
    for password in (PASSWORD, SAMPLE_USERS[1].password):
        assert reason(provider.authenticate("o'brien", password)) == AMBIGUOUS
    assert provider.find("o'brien") is None


@pytest.mark.parametrize(
    ("login", "username"),
    [("CORP\\plain", "plain"), ("corp\\plain@example.org", "plain"), ("DOMAIN\\x", "DOMAIN\\x")],
)
def test_our_own_domain_may_stand_before_a_name(directory: Slapd, login: str, username: str) -> None:
    password = {person.username: person.password for person in SAMPLE_USERS}.get(login, PASSWORD)
    user = provider_of(directory, LDAP_DOMAIN="Corp").authenticate(login, password)
    assert user
    assert user["username"] == username


@pytest.mark.parametrize("login", ["OTHER\\plain", "\\plain", "CORP\\", "CORP\\CORP\\plain", "CORP/plain"])
def test_another_domain_is_not_ours(directory: Slapd, login: str) -> None:
    assert reason(provider_of(directory, LDAP_DOMAIN="CORP").authenticate(login, PASSWORD)) == UNKNOWN_USER


def direct(directory: Slapd, **changed: str) -> DirectBindProvider:
    """Return a provider that has no account to search as."""
    template = f"uid={{login}},ou=people,{SUFFIX}"
    environ = {**directory.environ(), "LDAP_BIND_DN": "", "LDAP_BIND_PASSWORD": "", "LDAP_USER_DN_TEMPLATE": template}
    provider = open_ldap({**environ, **changed})
    assert isinstance(provider, DirectBindProvider)
    return provider


def test_who_binds_directly_is_who_they_are_with_their_roles(directory: Slapd) -> None:
    provider = direct(directory)
    for each in SAMPLE_USERS:
        user = provider.authenticate(each.username, each.password)
        assert user == {"username": each.username, "email": each.email, "roles": sorted(each.roles)}
        assert reason(provider.authenticate(each.username, each.password + "x")) == WRONG_PASSWORD


@pytest.mark.parametrize(
    "login",
    ["nobody", f"zoé,ou=people,{SUFFIX}", "zoé+cn=x", "*", f"x,{SUFFIX}", ZOE.email, "zoé\\", " ", "\\7a"],
)
def test_nobody_else_is_proven_by_a_direct_bind(directory: Slapd, login: str) -> None:
    assert reason(direct(directory).authenticate(login, ZOE.password)) in {WRONG_PASSWORD, UNKNOWN_USER}


def test_a_direct_bind_without_a_password_is_never_tried(directory: Slapd) -> None:
    mark = len(directory.log)
    assert reason(direct(directory).authenticate(ZOE.username, "")) == WRONG_PASSWORD
    assert "BIND" not in directory.log[mark:]


def test_a_direct_bind_keeps_to_the_user_filter(directory: Slapd) -> None:
    provider = direct(directory, LDAP_USER_FILTER="(&(uid={login})(mail=*@nowhere.example))")
    assert reason(provider.authenticate(ZOE.username, ZOE.password)) == UNKNOWN_USER


def test_a_name_that_two_have_is_one_by_its_dn(directory: Slapd) -> None:
    # The address of one is the username of the other: bound by DN it is clear who is meant.
    shared = SAME_EMAIL_USERS[0]
    user = direct(directory).authenticate(shared.username, shared.password)
    assert user
    assert user["email"] == shared.email


def test_without_an_account_nobody_is_looked_up(directory: Slapd) -> None:
    assert not hasattr(direct(directory), "find")


def test_users_are_listed_whole(directory: Slapd) -> None:
    listed = {user["username"]: user for user in provider_of(directory).list_users()}
    assert {person.username for person in SAMPLE_USERS} <= set(listed)
    assert {"comma", "inner", "named"} <= set(listed)
    assert listed["zoé"] == {"username": "zoé", "email": ZOE.email, "roles": ["admin", "user"]}
    assert person_dn("locked") not in listed


def test_more_users_than_a_page_has_are_listed_once_each(directory: Slapd) -> None:
    crowd = f"ou=crowd,{SUFFIX}"
    directory.add(crowd, ["organizationalUnit"], {"ou": "crowd"})
    names = {f"c{number}" for number in range(1203)}
    connection = directory.admin()
    for name in names:
        attributes = {"uid": name, "cn": name, "sn": name}
        assert connection.add(f"uid={name},{crowd}", ["inetOrgPerson"], attributes)[0]  # type: ignore[no-untyped-call]
    connection.unbind()
    provider = ldap_provider(directory.environ(LDAP_BASE_DN=crowd))
    listed = [user["username"] for user in provider.list_users()]
    assert (len(listed), set(listed)) == (1203, names)
