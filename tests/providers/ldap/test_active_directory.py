"""The LDAP provider against a real Active Directory domain controller."""

import json

import pytest

from providers.interface import (
    ACCOUNT_EXPIRED,
    AMBIGUOUS,
    DISABLED,
    LOCKED,
    LOGON_HOURS,
    MUST_CHANGE,
    PASSWORD_EXPIRED,
    UNKNOWN_USER,
    WORKSTATION,
    WRONG_PASSWORD,
    Denied,
    ProviderUnavailable,
    User,
)
from providers.ldap import DirectBindProvider, open_ldap
from tests.servers.samba import DOMAIN, REALM, SUFFIX, Samba, group_dn
from tests.support.active_directory import ALICE, JOINER, PAULA, REFUSED_PASSWORD
from tests.support.directories import ldap_provider
from tests.support.users import SampleUser

GROUPS = f"OU=groups,{SUFFIX}"


def reason(answer: User | Denied) -> str | None:
    """Return why nobody is proven, `None` if somebody is."""
    return answer.reason if isinstance(answer, Denied) else None


@pytest.mark.parametrize("login", ["alice", "ALICE", ALICE.email, f"{DOMAIN}\\alice", "adex\\Alice", f"Alice@{REALM}"])
@pytest.mark.parametrize("scheme", ["ldap", "ldaps"])
def test_every_name_of_windows_logs_in(samba: Samba, login: str, scheme: str) -> None:
    environ = samba.environ(LDAP_DOMAIN=f"{DOMAIN}, {REALM}", LDAP_URL=f"{scheme}://{samba.address}")
    user = ldap_provider(environ).authenticate(login, ALICE.password)
    assert user == {"username": "alice", "email": ALICE.email, "roles": ["admins-ad"]}


@pytest.mark.parametrize("login", ["nobody", f"alice@other.{REALM}", "OTHER\\alice", "*", "al*", "svc$"])
def test_nobody_else_is_let_in(samba: Samba, login: str) -> None:
    answer = ldap_provider(samba.environ(LDAP_DOMAIN=DOMAIN)).authenticate(login, ALICE.password)
    assert reason(answer) == UNKNOWN_USER


@pytest.mark.parametrize(
    ("login", "right", "wrong"),
    [
        ("disabled", DISABLED, WRONG_PASSWORD),
        ("mustchange", MUST_CHANGE, WRONG_PASSWORD),
        ("expired", ACCOUNT_EXPIRED, WRONG_PASSWORD),
        ("hours", LOGON_HOURS, WRONG_PASSWORD),
        ("workstation", WORKSTATION, WRONG_PASSWORD),
        ("passwordexpired", PASSWORD_EXPIRED, WRONG_PASSWORD),
        ("locked", LOCKED, LOCKED),
    ],
)
def test_the_reason_is_the_domains(samba: Samba, login: str, right: str, wrong: str) -> None:
    provider = ldap_provider(samba.environ())
    assert reason(provider.authenticate(login, REFUSED_PASSWORD)) == right
    assert reason(provider.authenticate(login, "wrong")) == wrong


@pytest.mark.parametrize(
    ("username", "is_found"),
    [
        ("alice", True),
        ("disabled", False),
        ("expired", False),
        ("locked", True),
        ("passwordexpired", True),
        ("nobody", False),
    ],
)
def test_who_is_disabled_is_not_found(samba: Samba, username: str, is_found: bool) -> None:
    assert bool(ldap_provider(samba.environ()).find(username)) == is_found


def test_who_is_unlocked_is_let_in(samba: Samba) -> None:
    samba.add_person(SampleUser("again", f"again@{REALM}", REFUSED_PASSWORD, ()))
    samba.lock("again")
    provider = ldap_provider(samba.environ())
    assert reason(provider.authenticate("again", REFUSED_PASSWORD)) == LOCKED
    samba.unlock("again")
    assert provider.authenticate("again", REFUSED_PASSWORD)


@pytest.mark.parametrize(
    ("changed", "roles"),
    [
        ({}, ["admins-ad"]),
        ({"LDAP_NESTED_GROUPS": "true"}, ["admins-ad", "staff"]),
        ({"LDAP_GROUP_BASE_DN": GROUPS}, ["admins-ad"]),
        ({"LDAP_GROUP_BASE_DN": GROUPS, "LDAP_NESTED_GROUPS": "true"}, ["admins-ad", "staff"]),
        (
            {
                "LDAP_GROUP_BASE_DN": GROUPS,
                "LDAP_GROUP_FILTER": "(member:1.2.840.113556.1.4.1941:={dn})",
            },
            ["admins-ad", "staff"],
        ),
    ],
    ids=str,
)
def test_groups_of_groups_count_if_that_is_wanted(samba: Samba, changed: dict[str, str], roles: list[str]) -> None:
    user = ldap_provider(samba.environ(**changed)).authenticate("alice", ALICE.password)
    assert user
    assert user["roles"] == roles


def test_the_primary_group_is_a_group(samba: Samba) -> None:
    everybody = f"CN=Domain Users,CN=Users,{SUFFIX}"
    above = group_dn("above")
    samba.join(everybody, above)
    environ = samba.environ(LDAP_ROLE_MAP=json.dumps({everybody: ["everybody"], above: ["above"]}))
    assert [ldap_provider({**environ, "LDAP_NESTED_GROUPS": nested}).find("alice") for nested in ("false", "true")] == [
        {"username": "alice", "email": ALICE.email, "roles": roles} for roles in (["everybody"], ["above", "everybody"])
    ]


def test_a_primary_group_of_ones_own_counts(samba: Samba) -> None:
    # memberOf does not say that Paula is in it.
    user = ldap_provider(samba.environ()).find(PAULA.username)
    assert user
    assert "payroll" in user["roles"]


def test_who_is_in_500_groups_has_all_their_roles(crowded_samba: Samba) -> None:
    mapped = {group_dn(f"club-{number}"): [f"role-{number}"] for number in range(500)}
    environ = crowded_samba.environ(LDAP_ROLE_MAP=json.dumps(mapped))
    for changed in ({}, {"LDAP_NESTED_GROUPS": "true"}, {"LDAP_GROUP_BASE_DN": GROUPS}):
        user = ldap_provider({**environ, **changed}).authenticate(JOINER.username, JOINER.password)
        assert user
        assert len(user["roles"]) == 500


def test_the_user_filter_may_leave_people_out(samba: Samba) -> None:
    enabled = "(&(sAMAccountName={login})(!(userAccountControl:1.2.840.113556.1.4.803:=2)))"
    provider = ldap_provider(samba.environ(LDAP_USER_FILTER=enabled))
    assert provider.authenticate("alice", ALICE.password)
    assert reason(provider.authenticate("disabled", REFUSED_PASSWORD)) == UNKNOWN_USER


def test_users_are_listed_without_those_who_are_disabled(samba: Samba) -> None:
    listed = {user["username"] for user in ldap_provider(samba.environ()).list_users()}
    assert {"alice", "passwordexpired", "locked", "Administrator"} <= listed
    assert not {"disabled", "expired"} & listed


def direct(samba: Samba, template: str, **changed: str) -> DirectBindProvider:
    """Return a provider that has no account to search as."""
    environ = {**samba.environ(LDAP_DOMAIN=DOMAIN), "LDAP_BIND_DN": "", "LDAP_BIND_PASSWORD": ""}
    provider = open_ldap({**environ, "LDAP_USER_DN_TEMPLATE": template, **changed})
    assert isinstance(provider, DirectBindProvider)
    return provider


UPN, NETBIOS = f"{{login}}@{REALM}", f"{DOMAIN}\\{{login}}"


@pytest.mark.parametrize("template", [UPN, NETBIOS, f"CN={{login}},OU=people,{SUFFIX}"])
def test_people_may_bind_directly(samba: Samba, template: str) -> None:
    provider = direct(samba, template)
    user = provider.authenticate("alice", ALICE.password)
    assert user == {"username": "alice", "email": ALICE.email, "roles": ["admins-ad"]}
    assert reason(provider.authenticate("alice", "wrong")) == WRONG_PASSWORD
    assert reason(provider.authenticate("disabled", REFUSED_PASSWORD)) == DISABLED


@pytest.mark.parametrize(
    ("template", "login"),
    [(UPN, f"alice@{REALM}"), (UPN, f"Alice@{REALM.upper()}"), (UPN, "adex\\alice"), (NETBIOS, f"{DOMAIN}\\alice")],
)
def test_what_the_template_adds_may_be_typed_too(samba: Samba, template: str, login: str) -> None:
    assert direct(samba, template).authenticate(login, ALICE.password)


@pytest.mark.parametrize("login", ["alice@elsewhere.test", "OTHER\\alice", "alice/x", "alice,x", "nobody", "@", "\\"])
@pytest.mark.parametrize("template", [UPN, NETBIOS])
def test_nobody_else_is_proven_by_a_direct_bind(samba: Samba, template: str, login: str) -> None:
    assert reason(direct(samba, template).authenticate(login, ALICE.password)) in {UNKNOWN_USER, WRONG_PASSWORD}


def test_who_binds_is_not_taken_for_whom_the_filter_finds(samba: Samba) -> None:
    samba.add_person(
        SampleUser("victim", "victim@example.test", "the victim's password", ("payroll",)), description="thief"
    )
    samba.add_person(SampleUser("thief", "thief@example.test", "the thief's own password", ()))
    by_description = direct(samba, UPN, LDAP_USER_FILTER="(description={login})")
    assert reason(by_description.authenticate("thief", "the thief's own password")) == AMBIGUOUS
    assert direct(samba, UPN).authenticate("thief", "the thief's own password")


def test_a_contact_is_nobody_who_could_have_bound(samba: Samba) -> None:
    samba.add(f"CN=pen friend,OU=people,{SUFFIX}", ["contact"], {"description": "alice's pen friend"})
    by_name = direct(samba, UPN, LDAP_USER_FILTER="(description={login}'s pen friend)", LDAP_USERNAME_ATTRIBUTE="cn")
    assert reason(by_name.authenticate("alice", ALICE.password)) == AMBIGUOUS


def test_a_password_is_not_sent_where_tls_is_missing(samba: Samba) -> None:
    with pytest.raises(ProviderUnavailable, match="strongerAuthRequired"):
        ldap_provider(samba.environ(LDAP_INSECURE_PLAINTEXT="true")).authenticate("alice", ALICE.password)
