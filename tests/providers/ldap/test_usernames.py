"""Who a login is: no entry becomes the user of another entry by its username, its email or an unusual spelling."""

import json
from collections.abc import Iterator
from pathlib import Path
from unicodedata import normalize
from uuid import UUID

import pytest
from ldap3 import MODIFY_ADD

from app import create_app
from providers.interface import AMBIGUOUS, UNKNOWN_USER, WRONG_PASSWORD, Denied, ProviderUnavailable, User
from providers.ldap import SearchProvider, open_ldap
from tests.servers.samba import REALM, Samba
from tests.servers.slapd import ADMIN, ADMIN_PASSWORD, SERVICE, SUFFIX, Slapd, slapd
from tests.support.directories import ldap_provider
from tests.support.stores import SECRET_KEY, users_file
from tests.support.users import SampleUser, shown

PEOPLE, GUESTS, GROUPS = (f"ou={unit},{SUFFIX}" for unit in ("people", "guests", "groups"))
PASSWORD = "the password of the employee"
GUEST_PASSWORD = "the password of the guest"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Slapd]:
    """A directory of employees and guests, whose group filter uses `memberUid`."""
    with slapd(tmp_path) as running:
        running.add(GUESTS, ["organizationalUnit"], {"ou": "guests"})
        running.add(f"cn=admins,{GROUPS}", ["posixGroup"], {"gidNumber": "1", "memberUid": "zoe"})
        add(running, f"uid=zoe,{PEOPLE}", PASSWORD, mail="zoe@example.org")
        yield running


def add(server: Slapd, dn: str, password: str, **attributes: object) -> None:
    """Add a person. The first attribute of the DN gets its value from the DN."""
    name, _, value = dn.partition(",")[0].partition("=")
    values = {"cn": "x", "sn": "x", name: value, "userPassword": password, **attributes}
    server.add(dn, ["inetOrgPerson", "extensibleObject"], values)


def environ_of(server: Slapd, **changed: str) -> dict[str, str]:
    """Return the configuration of a provider of employees and guests."""
    groups = {"LDAP_GROUP_BASE_DN": GROUPS, "LDAP_GROUP_FILTER": "(memberUid={uid})"}
    roles = json.dumps({f"cn=admins,{GROUPS}": ["admin"]})
    return server.environ(**{"LDAP_BASE_DN": f"{PEOPLE};{GUESTS}", "LDAP_ROLE_MAP": roles, **groups, **changed})


def provider_of(server: Slapd, **changed: str) -> SearchProvider:
    """Return a provider of employees and guests."""
    return ldap_provider(environ_of(server, **changed))


def outcome(answer: User | Denied) -> str:
    """Return the username, or the denial reason."""
    return answer.reason if isinstance(answer, Denied) else answer["username"]


SPELLINGS = ["zoe", "ZOE", "ｚｏｅ", " zoe "]


@pytest.mark.parametrize("username", SPELLINGS)
def test_a_guest_does_not_become_the_user_of_the_same_username(server: Slapd, username: str) -> None:
    add(server, f"cn=guest,{GUESTS}", GUEST_PASSWORD, uid=username, mail="guest@example.org")
    provider = provider_of(server)
    assert outcome(provider.authenticate("guest@example.org", GUEST_PASSWORD)) == AMBIGUOUS
    assert outcome(provider.authenticate("guest@example.org", "wrong")) == WRONG_PASSWORD
    assert outcome(provider.authenticate("zoe@example.org", PASSWORD)) == AMBIGUOUS
    assert provider.find("zoe") is None
    explained = provider.explain("guest@example.org")
    assert (explained.user, explained.reason) == (None, AMBIGUOUS)
    assert {*(explained.record or "").split(" and ")} == {f"uid=zoe,{PEOPLE}", f"cn=guest,{GUESTS}"}


def test_a_composed_and_a_decomposed_username_are_the_same(server: Slapd) -> None:
    add(server, f"cn=one,{PEOPLE}", PASSWORD, uid=normalize("NFC", "josé"), mail="nfc@example.org")
    add(server, f"cn=two,{GUESTS}", PASSWORD, uid=normalize("NFD", "josé"), mail="nfd@example.org")
    assert outcome(provider_of(server).authenticate("nfd@example.org", PASSWORD)) == AMBIGUOUS


@pytest.mark.parametrize(("one", "two"), [("zoe x", "zoe  x"), ("zoe-x", "zoe\u00ad-x"), ("ﬁn", "fin"), ("ß", "ss")])
def test_two_usernames_that_the_directory_compares_as_equal_are_the_same(server: Slapd, one: str, two: str) -> None:
    server.add(f"cn=equal,{GROUPS}", ["posixGroup", "extensibleObject"], {"gidNumber": "2", "uid": one})
    for number, username in enumerate((one, two)):
        add(server, f"cn=user{number},{PEOPLE}", PASSWORD, uid=username, mail=f"user{number}@example.org")
    roles = json.dumps({f"cn=equal,{GROUPS}": ["equal"]})
    provider = ldap_provider({**environ_of(server, LDAP_GROUP_FILTER="(uid={uid})"), "LDAP_ROLE_MAP": roles})
    answers = [provider.authenticate(f"user{number}@example.org", PASSWORD) for number in range(2)]
    are_equal = server.compare(f"cn=equal,{GROUPS}", "uid", two)
    assert [answer and answer["roles"] for answer in answers if answer] == ([] if are_equal else [["equal"], []])


def test_the_service_account_is_not_a_user(slapd: Slapd) -> None:
    mark = len(slapd.log)
    provider = ldap_provider(
        slapd.environ(LDAP_BASE_DN=SUFFIX, LDAP_USER_FILTER="(cn={login})", LDAP_USERNAME_ATTRIBUTE="cn")
    )
    assert outcome(provider.authenticate("svc", "wrong")) == UNKNOWN_USER
    assert slapd.log[mark:].count(f'BIND dn="{SERVICE}" method') == 1
    assert provider.explain("svc").reason == UNKNOWN_USER
    assert provider.has_username("svc")


def test_a_guest_does_not_become_a_user_whom_the_filter_excludes(server: Slapd) -> None:
    server.modify(f"uid=zoe,{PEOPLE}", {"employeeType": "retired"})
    add(server, f"cn=guest,{GUESTS}", GUEST_PASSWORD, uid="zoe", mail="guest@example.org", employeeType="guest")
    user_filter = "(&(|(uid={login})(mail={login}))(!(employeeType=retired)))"
    provider = provider_of(server, LDAP_USER_FILTER=user_filter)
    assert outcome(provider.authenticate("guest@example.org", GUEST_PASSWORD)) == AMBIGUOUS
    assert outcome(provider.authenticate("zoe", GUEST_PASSWORD)) == AMBIGUOUS
    assert provider.find("zoe") is None


def test_direct_bind_works_for_a_user_who_may_not_search(server: Slapd) -> None:
    add(server, f"cn=guest,{GUESTS}", GUEST_PASSWORD, uid="guest")
    template = {"LDAP_BIND_DN": "", "LDAP_BIND_PASSWORD": "", "LDAP_USER_DN_TEMPLATE": f"cn={{login}},{GUESTS}"}
    provider = open_ldap(environ_of(server, LDAP_GROUP_BASE_DN="", LDAP_USER_FILTER="(cn={login})", **template))
    assert outcome(provider.authenticate("guest", GUEST_PASSWORD)) == "guest"


def test_a_user_who_binds_directly_does_not_become_another_user_of_the_same_username(samba: Samba) -> None:
    for username in ("first-guest", "second-guest"):
        guest = SampleUser(username, f"{username}@example.test", GUEST_PASSWORD, ())
        samba.add_person(guest, displayName="Guest", description=f"only {username}")
    template = {"LDAP_BIND_DN": "", "LDAP_BIND_PASSWORD": "", "LDAP_USER_DN_TEMPLATE": f"{{login}}@{REALM}"}

    def log_in(username: str, attribute: str) -> str:
        provider = open_ldap(samba.environ(**template, LDAP_USERNAME_ATTRIBUTE=attribute))
        return outcome(provider.authenticate(username, GUEST_PASSWORD))

    assert log_in("first-guest", "displayName") == AMBIGUOUS
    assert log_in("first-guest", "description") == "only first-guest"


@pytest.mark.parametrize("stolen", ["zoe", "Zoe", "zoe@example.org"])
def test_an_email_does_not_lock_out_the_user_of_this_username(server: Slapd, stolen: str) -> None:
    add(server, f"uid=zoe@example.org,{PEOPLE}", PASSWORD, mail="other@example.org")
    for number in range(25):
        add(server, f"uid=thief{number},{PEOPLE}", GUEST_PASSWORD, mail=stolen)
    provider = provider_of(server)
    assert outcome(provider.authenticate(stolen, PASSWORD)) == stolen.lower()
    assert outcome(provider.authenticate(stolen, GUEST_PASSWORD)) == WRONG_PASSWORD
    assert outcome(provider.authenticate("thief1", GUEST_PASSWORD)) == "thief1"
    explained = provider.explain(stolen)
    assert explained.user
    assert explained.user["username"] == stolen.lower()


def test_an_email_does_not_lock_out_a_user_of_a_later_provider(server: Slapd, tmp_path: Path) -> None:
    add(server, f"uid=thief,{PEOPLE}", GUEST_PASSWORD, mail=["thief@example.org", "Operator"])
    static = users_file(tmp_path / "users.toml", [SampleUser("operator", "operator@example.org", PASSWORD)])
    chain = {"AUTH_PROVIDER": "ldap,static", "SECRET_KEY": SECRET_KEY}
    client = create_app({**environ_of(server), **static, **chain}).test_client()
    response = client.post("/api/auth", json={"email": "operator", "password": PASSWORD})
    assert response.status_code == 200
    response = client.post("/api/auth", json={"email": "operator", "password": GUEST_PASSWORD})
    assert response.status_code == 400


@pytest.mark.parametrize(
    ("settings", "status"),
    [
        ({"AUTH_PROVIDER": "ldap,static"}, 400),
        ({"AUTH_PROVIDER": "ldap,static", "LDAP_USER_FILTER": "(uid={login})"}, 200),
        ({"AUTH_PROVIDER": "static,ldap"}, 200),
    ],
    ids=["the default", "a filter without mail", "the other provider first"],
)
def test_documented_settings_prevent_that_users_block_the_email_of_another_provider(
    server: Slapd, tmp_path: Path, settings: dict[str, str], status: int
) -> None:
    add(server, f"uid=thief,{PEOPLE}", GUEST_PASSWORD, mail="operator@example.org")
    static = users_file(tmp_path / "users.toml", [SampleUser("operator", "operator@example.org", PASSWORD)])
    client = create_app({**environ_of(server), **static, **settings, "SECRET_KEY": SECRET_KEY}).test_client()
    for login, expected in {"operator@example.org": status, "operator": 200}.items():
        assert client.post("/api/auth", json={"email": login, "password": PASSWORD}).status_code == expected


def test_many_emails_do_not_hide_the_entry_that_a_login_means(server: Slapd) -> None:
    for number in range(12):  # more than a search returns
        add(server, f"uid=false{number},{PEOPLE}", GUEST_PASSWORD, mail="Zoe the first")
    provider = provider_of(server, LDAP_USER_FILTER="(|(cn={login})(mail={login}))")
    assert outcome(provider.authenticate("zoe the first", PASSWORD)) == UNKNOWN_USER
    add(server, f"uid=real,{PEOPLE}", PASSWORD, cn="Zoe the first")
    assert outcome(provider.authenticate("zoe the first", PASSWORD)) == "real"
    add(server, f"uid=other,{PEOPLE}", PASSWORD, cn="Zoe the first")
    assert outcome(provider.authenticate("zoe the first", PASSWORD)) == AMBIGUOUS


def test_an_email_of_two_entries_is_ambiguous(server: Slapd) -> None:
    add(server, f"uid=thief,{PEOPLE}", GUEST_PASSWORD, mail="zoe@example.org")
    for password in (PASSWORD, GUEST_PASSWORD):
        assert outcome(provider_of(server).authenticate("zoe@example.org", password)) == AMBIGUOUS


def test_an_entry_without_a_username_does_not_lock_out_a_user_by_its_email(server: Slapd) -> None:
    add(server, f"cn=thief,{PEOPLE}", GUEST_PASSWORD, mail="zoe")
    assert outcome(provider_of(server).authenticate("zoe", PASSWORD)) == "zoe"


def test_further_values_of_the_username_attribute_give_no_roles_of_another_user(server: Slapd) -> None:
    add(server, f"uid=guest,{GUESTS}", GUEST_PASSWORD)
    connection = server.admin()
    connection.modify(f"uid=guest,{GUESTS}", {"uid": [(MODIFY_ADD, ["zoe", "aaa"])]})  # type: ignore[no-untyped-call]
    connection.unbind()
    provider = provider_of(server)
    expected: dict[str, object] = {"username": "guest", "email": None, "roles": []}
    assert shown(provider.authenticate("guest", GUEST_PASSWORD) or None) == expected
    assert shown(provider.authenticate("aaa", GUEST_PASSWORD) or None) == expected
    for login in ("zoe", "zoe@example.org"):
        user = provider.authenticate(login, PASSWORD)
        assert user
        assert user["roles"] == ["admin"]
    assert provider.find("zoe")


@pytest.mark.parametrize("username", SPELLINGS)
def test_users_of_one_username_are_not_listed(server: Slapd, username: str) -> None:
    add(server, f"cn=guest,{GUESTS}", GUEST_PASSWORD, uid=username)
    add(server, f"uid=other,{GUESTS}", GUEST_PASSWORD)
    assert [user["username"] for user in provider_of(server).list_users()] == ["other"]


@pytest.mark.parametrize("name", ["userid", "UserID", "UID"])
def test_other_name_of_the_username_attribute_has_the_same_meaning(server: Slapd, name: str) -> None:
    provider = provider_of(
        server,
        LDAP_USERNAME_ATTRIBUTE=name,
        LDAP_EMAIL_ATTRIBUTE="rfc822Mailbox",
        LDAP_GROUP_FILTER="(memberUid={userid})",
    )
    user = provider.authenticate("zoe", PASSWORD)
    assert user
    assert (user["username"], user["email"], user["roles"]) == ("zoe", "zoe@example.org", ["admin"])
    assert provider.find("zoe") == user


def test_ambiguous_username_of_a_session_is_logged(server: Slapd, caplog: pytest.LogCaptureFixture) -> None:
    provider = provider_of(server)
    add(server, f"cn=other,{PEOPLE}", PASSWORD, uid="zoe")
    assert provider.find("zoe") is None
    assert "the username 'zoe' is ambiguous" in caplog.text


def test_service_account_cannot_log_in_if_its_dn_is_written_in_full_width(server: Slapd) -> None:
    add(server, ADMIN, ADMIN_PASSWORD, uid="root")
    service = {"LDAP_BIND_DN": ADMIN.replace("a", "\uff41", 1), "LDAP_BIND_PASSWORD": ADMIN_PASSWORD}
    provider = provider_of(server, LDAP_BASE_DN=SUFFIX, **service)
    assert outcome(provider.authenticate("root", ADMIN_PASSWORD)) == UNKNOWN_USER
    assert provider.authenticate("zoe", PASSWORD)


def test_operational_attribute_can_be_the_username(server: Slapd) -> None:
    provider = provider_of(server, LDAP_USERNAME_ATTRIBUTE="entryUUID")
    user = provider.authenticate("zoe@example.org", PASSWORD)
    assert user
    assert str(UUID(user["username"])) == user["username"]
    assert provider.find(user["username"].upper()) == user
    assert [listed["username"] for listed in provider.list_users()] == [user["username"]]


def test_a_username_that_is_not_text_is_not_replaced(server: Slapd) -> None:
    # userPKCS12 has the syntax of octet strings.
    add(server, f"uid=odd,{PEOPLE}", PASSWORD, userPKCS12=b"\xff\xfe")
    provider = provider_of(server, LDAP_USERNAME_ATTRIBUTE="userPKCS12")
    with pytest.raises(ProviderUnavailable, match="LDAP_USERNAME_ATTRIBUTE of an entry is not UTF-8"):
        provider.authenticate("odd", PASSWORD)
    assert [*provider.list_users()] == []


def test_email_that_is_not_text_is_omitted(server: Slapd) -> None:
    add(server, f"uid=odd,{PEOPLE}", PASSWORD, userPKCS12=b"\xff\xfe")
    user = provider_of(server, LDAP_EMAIL_ATTRIBUTE="userPKCS12").authenticate("odd", PASSWORD)
    assert user
    assert user["email"] is None


def test_group_filter_accepts_an_attribute_that_is_not_text(server: Slapd) -> None:
    server.modify(f"uid=zoe,{PEOPLE}", {"userPKCS12": b"\xff"})
    provider = provider_of(server, LDAP_GROUP_FILTER="(|(memberUid={uid})(cn={userPKCS12}))")
    user = provider.authenticate("zoe", PASSWORD)
    assert user
    assert user["roles"] == ["admin"]
