"""Logins: which entry a login means, below several base DNs and with special characters in DNs."""

import pytest

from providers.interface import AMBIGUOUS, UNKNOWN_USER, WRONG_PASSWORD, Denied, ProviderUnavailable, User
from providers.ldap import DirectBindProvider, SearchProvider, open_ldap
from tests.servers.slapd import PAGING_SERVICE, SUFFIX, Slapd, person_dn
from tests.support.directories import ldap_provider
from tests.support.users import SAME_EMAIL_USERS, SAMPLE_USERS, ZOE, shown

PASSWORD = "the password of all guests"
GUESTS = f"ou=guests,{SUFFIX}"


@pytest.fixture(scope="module")
def directory(slapd: Slapd) -> Slapd:
    """The shared directory, with guests whose names have special characters, below their own base DN."""
    slapd.add(GUESTS, ["organizationalUnit"], {"ou": "guests"})
    slapd.add(f"ou=inner,{GUESTS}", ["organizationalUnit"], {"ou": "inner"})
    for rdn, attributes in GUEST_ATTRIBUTES.items():
        add_guest(slapd, f"{rdn},{GUESTS}", attributes)
    add_guest(slapd, f"cn=inner,ou=inner,{GUESTS}", {"cn": "inner", "uid": "inner"})
    return slapd


GUEST_ATTRIBUTES: dict[str, dict[str, object]] = {
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
    """Add a user without groups."""
    slapd.add(dn, ["inetOrgPerson"], {"sn": "x", "userPassword": PASSWORD, **attributes})


def provider_of(directory: Slapd, **changed: str) -> SearchProvider:
    """Return a provider of the sample users and the guests."""
    environ = directory.environ(LDAP_BASE_DN=f"ou=people,{SUFFIX} ; {GUESTS}", **changed)
    return ldap_provider(environ)


def reason(result: User | Denied) -> str | None:
    """Return why a login is denied, `None` if it succeeds."""
    return result.reason if isinstance(result, Denied) else None


USERNAMES = [
    *(str(attributes["uid"]) for attributes in GUEST_ATTRIBUTES.values() if isinstance(attributes["uid"], str)),
    "named",
    "erste",
    "inner",
]


@pytest.mark.parametrize("username", USERNAMES)
def test_user_with_special_characters_in_the_dn_logs_in(directory: Slapd, username: str) -> None:
    provider = provider_of(directory)
    user = provider.authenticate(username, PASSWORD)
    assert user
    assert user["username"] == username
    assert provider.find(username) == user
    assert reason(provider.authenticate(username, PASSWORD + "x")) == WRONG_PASSWORD


@pytest.mark.parametrize("login", ["plain", "PLAIN@example.org", "plain@example.com", "pLAIN"])
def test_every_name_of_a_user_logs_in_as_the_same_user(directory: Slapd, login: str) -> None:
    user = provider_of(directory).authenticate(login, PASSWORD)
    assert user
    assert (user["username"], user["email"]) == ("plain", "plain@example.org")


@pytest.mark.parametrize(
    ("login", "username"),
    [("Lots", "erste"), ("MANY", "erste"), ("doe, jane", "comma"), ('The "X"', "quotes"), ("日本 太郎 É", "unicode")],
)
def test_user_filter_can_select_another_login_attribute(directory: Slapd, login: str, username: str) -> None:
    user = provider_of(directory, LDAP_USER_FILTER="(cn={login})").authenticate(login, PASSWORD)
    assert user
    assert user["username"] == username


@pytest.mark.parametrize("login", ["another", "named", "zulu"])
def test_username_is_the_value_in_the_dn_if_there_are_several(directory: Slapd, login: str) -> None:
    user = provider_of(directory).authenticate(login, PASSWORD)
    assert user
    assert user["username"] == "named"


def test_invalid_username_attribute_fails_the_login(directory: Slapd) -> None:
    add_guest(directory, f"cn=endless,{GUESTS}", {"cn": "endless", "uid": "x" * 300})
    with pytest.raises(ProviderUnavailable, match="LDAP_USERNAME_ATTRIBUTE of an entry must be at most"):
        provider_of(directory, LDAP_USER_FILTER="(cn={login})").authenticate("endless", PASSWORD)


@pytest.mark.parametrize("username", ["another", "zulu", "zweite"])
def test_value_that_is_not_the_username_is_not_found(directory: Slapd, username: str) -> None:
    assert provider_of(directory).find(username) is None


def test_overlapping_bases_find_each_user_once(directory: Slapd) -> None:
    bases = ";".join([f"ou=people,{SUFFIX}", f"ou=inner,{GUESTS}", GUESTS, SUFFIX.upper()])
    provider = ldap_provider(directory.environ(LDAP_BASE_DN=bases))
    assert provider.authenticate("inner", PASSWORD)
    assert provider.authenticate(ZOE.username, ZOE.password)
    assert reason(provider.authenticate("nobody", PASSWORD)) == UNKNOWN_USER


def test_same_username_below_two_bases_is_ambiguous(directory: Slapd) -> None:
    add_guest(directory, f"cn=look-alike,{GUESTS}", {"cn": "look-alike", "uid": "o'brien"})
    provider = provider_of(directory)
    for password in (PASSWORD, SAMPLE_USERS[1].password):
        assert reason(provider.authenticate("o'brien", password)) == AMBIGUOUS
    assert provider.find("o'brien") is None


@pytest.mark.parametrize(
    ("login", "username"),
    [("CORP\\plain", "plain"), ("corp\\plain@example.org", "plain"), ("DOMAIN\\x", "DOMAIN\\x")],
)
def test_configured_domain_before_the_name_is_accepted(directory: Slapd, login: str, username: str) -> None:
    password = {person.username: person.password for person in SAMPLE_USERS}.get(login, PASSWORD)
    user = provider_of(directory, LDAP_DOMAIN="Corp").authenticate(login, password)
    assert user
    assert user["username"] == username


@pytest.mark.parametrize("login", ["OTHER\\plain", "\\plain", "CORP\\", "CORP\\CORP\\plain", "CORP/plain"])
def test_other_domain_before_the_name_is_an_unknown_user(directory: Slapd, login: str) -> None:
    assert reason(provider_of(directory, LDAP_DOMAIN="CORP").authenticate(login, PASSWORD)) == UNKNOWN_USER


def direct(directory: Slapd, **changed: str) -> DirectBindProvider:
    """Return a provider without a service account."""
    template = f"uid={{login}},ou=people,{SUFFIX}"
    environ = {**directory.environ(), "LDAP_BIND_DN": "", "LDAP_BIND_PASSWORD": "", "LDAP_USER_DN_TEMPLATE": template}
    provider = open_ldap({**environ, **changed})
    assert isinstance(provider, DirectBindProvider)
    return provider


def test_direct_bind_returns_the_user_with_roles(directory: Slapd) -> None:
    provider = direct(directory)
    for each in SAMPLE_USERS:
        user = provider.authenticate(each.username, each.password)
        assert shown(user) == {"username": each.username, "email": each.email, "roles": sorted(each.roles)}
        assert reason(provider.authenticate(each.username, each.password + "x")) == WRONG_PASSWORD


@pytest.mark.parametrize(
    "login",
    ["nobody", f"zoé,ou=people,{SUFFIX}", "zoé+cn=x", "*", f"x,{SUFFIX}", ZOE.email, "zoé\\", " ", "\\7a"],
)
def test_direct_bind_denies_other_logins(directory: Slapd, login: str) -> None:
    assert reason(direct(directory).authenticate(login, ZOE.password)) in {WRONG_PASSWORD, UNKNOWN_USER}


def test_direct_bind_with_an_empty_password_is_never_sent(directory: Slapd) -> None:
    mark = len(directory.log)
    assert reason(direct(directory).authenticate(ZOE.username, "")) == WRONG_PASSWORD
    assert "BIND dn=" not in directory.log[mark:]


def test_direct_bind_applies_the_user_filter(directory: Slapd) -> None:
    provider = direct(directory, LDAP_USER_FILTER="(&(uid={login})(mail=*@nowhere.example))")
    assert reason(provider.authenticate(ZOE.username, ZOE.password)) == UNKNOWN_USER


def test_direct_bind_by_dn_is_not_ambiguous(directory: Slapd) -> None:
    # The email of one user is the username of the other. The DN distinguishes them.
    shared = SAME_EMAIL_USERS[0]
    user = direct(directory).authenticate(shared.username, shared.password)
    assert user
    assert user["email"] == shared.email


def test_direct_bind_provider_cannot_find_users(directory: Slapd) -> None:
    assert not hasattr(direct(directory), "find")


def test_all_users_are_listed_with_their_attributes(directory: Slapd) -> None:
    listed = {user["username"]: user for user in provider_of(directory).list_users()}
    # Another test adds a second entry with the username o'brien.
    assert {person.username for person in SAMPLE_USERS} - {"o'brien"} <= set(listed)
    assert {"comma", "inner", "named"} <= set(listed)
    assert shown(listed["zoé"]) == {"username": "zoé", "email": ZOE.email, "roles": ["admin", "user"]}
    assert person_dn("locked") not in listed


def test_users_of_several_pages_are_listed_once_each(directory: Slapd) -> None:
    crowd = f"ou=crowd,{SUFFIX}"
    directory.add(crowd, ["organizationalUnit"], {"ou": "crowd"})
    names = {f"c{number}" for number in range(1203)}
    connection = directory.admin()
    for name in names:
        attributes = {"uid": name, "cn": name, "sn": name}
        assert connection.add(f"uid={name},{crowd}", ["inetOrgPerson"], attributes)[0]  # type: ignore[no-untyped-call]
    connection.unbind()
    provider = ldap_provider(directory.environ(LDAP_BASE_DN=crowd, LDAP_BIND_DN=PAGING_SERVICE))
    listed = [user["username"] for user in provider.list_users()]
    assert (len(listed), set(listed)) == (1203, names)
