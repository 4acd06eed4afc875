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
from tests.servers.samba import DOMAIN, REALM, SERVICE_PASSWORD, SUFFIX, Samba, group_dn
from tests.support.active_directory import ALICE, DENIED_PASSWORD, JOINER, PAULA
from tests.support.directories import ldap_provider
from tests.support.users import SampleUser, shown

GROUPS = f"OU=groups,{SUFFIX}"


def reason(result: User | Denied) -> str | None:
    """Return why a login is denied, `None` if it succeeds."""
    return result.reason if isinstance(result, Denied) else None


@pytest.mark.parametrize("login", ["alice", "ALICE", ALICE.email, f"{DOMAIN}\\alice", "adex\\Alice", f"Alice@{REALM}"])
@pytest.mark.parametrize("scheme", ["ldap", "ldaps"])
def test_every_windows_name_logs_in(samba: Samba, login: str, scheme: str) -> None:
    environ = samba.environ(LDAP_DOMAIN=f"{DOMAIN}, {REALM}", LDAP_URL=f"{scheme}://{samba.address}")
    user = ldap_provider(environ).authenticate(login, ALICE.password)
    assert shown(user) == {"username": "alice", "email": ALICE.email, "roles": ["admins-ad"]}


@pytest.mark.parametrize("login", ["nobody", f"alice@other.{REALM}", "OTHER\\alice", "*", "al*", "svc$"])
def test_other_names_are_unknown_users(samba: Samba, login: str) -> None:
    result = ldap_provider(samba.environ(LDAP_DOMAIN=DOMAIN)).authenticate(login, ALICE.password)
    assert reason(result) == UNKNOWN_USER


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
def test_reason_comes_from_the_domain(samba: Samba, login: str, right: str, wrong: str) -> None:
    provider = ldap_provider(samba.environ())
    assert reason(provider.authenticate(login, DENIED_PASSWORD)) == right
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
def test_disabled_or_expired_user_is_not_found(samba: Samba, username: str, is_found: bool) -> None:
    assert bool(ldap_provider(samba.environ()).find(username)) == is_found


def test_unlocked_user_logs_in_again(samba: Samba) -> None:
    samba.add_person(SampleUser("again", f"again@{REALM}", DENIED_PASSWORD, ()))
    samba.lock("again")
    provider = ldap_provider(samba.environ())
    assert reason(provider.authenticate("again", DENIED_PASSWORD)) == LOCKED
    samba.unlock("again")
    assert provider.authenticate("again", DENIED_PASSWORD)


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
def test_nested_groups_give_roles_if_configured(samba: Samba, changed: dict[str, str], roles: list[str]) -> None:
    user = ldap_provider(samba.environ(**changed)).authenticate("alice", ALICE.password)
    assert user
    assert user["roles"] == roles


def test_primary_group_and_its_parents_give_roles(samba: Samba) -> None:
    primary = f"CN=Domain Users,CN=Users,{SUFFIX}"
    above = group_dn("above")
    samba.join(primary, above)
    environ = samba.environ(LDAP_ROLE_MAP=json.dumps({primary: ["domain-user"], above: ["above"]}))
    assert [
        shown(ldap_provider({**environ, "LDAP_NESTED_GROUPS": nested}).find("alice")) for nested in ("false", "true")
    ] == [
        {"username": "alice", "email": ALICE.email, "roles": roles}
        for roles in (["domain-user"], ["above", "domain-user"])
    ]


def test_changed_primary_group_gives_its_role(samba: Samba) -> None:
    # Paula's memberOf does not contain it.
    user = ldap_provider(samba.environ()).find(PAULA.username)
    assert user
    assert "payroll" in user["roles"]


def test_member_of_500_groups_has_all_their_roles(crowded_samba: Samba) -> None:
    mapped = {group_dn(f"club-{number}"): [f"role-{number}"] for number in range(500)}
    environ = crowded_samba.environ(LDAP_ROLE_MAP=json.dumps(mapped))
    for changed in ({}, {"LDAP_NESTED_GROUPS": "true"}, {"LDAP_GROUP_BASE_DN": GROUPS}):
        user = ldap_provider({**environ, **changed}).authenticate(JOINER.username, JOINER.password)
        assert user
        assert len(user["roles"]) == 500


def test_user_filter_can_exclude_users(samba: Samba) -> None:
    enabled = "(&(sAMAccountName={login})(!(userAccountControl:1.2.840.113556.1.4.803:=2)))"
    provider = ldap_provider(samba.environ(LDAP_USER_FILTER=enabled))
    assert provider.authenticate("alice", ALICE.password)
    assert reason(provider.authenticate("disabled", DENIED_PASSWORD)) == UNKNOWN_USER


def test_disabled_and_expired_users_are_not_listed(samba: Samba) -> None:
    listed = {user["username"] for user in ldap_provider(samba.environ()).list_users()}
    assert {"alice", "passwordexpired", "locked", "Administrator"} <= listed
    assert not {"disabled", "expired"} & listed


def direct(samba: Samba, template: str, **changed: str) -> DirectBindProvider:
    """Return a provider without a service account."""
    environ = {**samba.environ(LDAP_DOMAIN=DOMAIN), "LDAP_BIND_DN": "", "LDAP_BIND_PASSWORD": ""}
    provider = open_ldap({**environ, "LDAP_USER_DN_TEMPLATE": template, **changed})
    assert isinstance(provider, DirectBindProvider)
    return provider


UPN, NETBIOS = f"{{login}}@{REALM}", f"{DOMAIN}\\{{login}}"


@pytest.mark.parametrize("template", [UPN, NETBIOS, f"CN={{login}},OU=people,{SUFFIX}"])
def test_direct_bind_returns_the_user_with_roles(samba: Samba, template: str) -> None:
    provider = direct(samba, template)
    user = provider.authenticate("alice", ALICE.password)
    assert shown(user) == {"username": "alice", "email": ALICE.email, "roles": ["admins-ad"]}
    assert reason(provider.authenticate("alice", "wrong")) == WRONG_PASSWORD
    assert reason(provider.authenticate("disabled", DENIED_PASSWORD)) == DISABLED


@pytest.mark.parametrize(
    ("template", "login"),
    [(UPN, f"alice@{REALM}"), (UPN, f"Alice@{REALM.upper()}"), (UPN, "adex\\alice"), (NETBIOS, f"{DOMAIN}\\alice")],
)
def test_login_may_contain_the_domain_of_the_template(samba: Samba, template: str, login: str) -> None:
    assert direct(samba, template).authenticate(login, ALICE.password)


@pytest.mark.parametrize("login", ["alice@elsewhere.test", "OTHER\\alice", "alice/x", "alice,x", "nobody", "@", "\\"])
@pytest.mark.parametrize("template", [UPN, NETBIOS])
def test_direct_bind_denies_other_logins(samba: Samba, template: str, login: str) -> None:
    assert reason(direct(samba, template).authenticate(login, ALICE.password)) in {UNKNOWN_USER, WRONG_PASSWORD}


def test_direct_bind_denies_a_user_whose_login_finds_another_entry(samba: Samba) -> None:
    samba.add_person(
        SampleUser("victim", "victim@example.test", "the victim's password", ("payroll",)), description="thief"
    )
    samba.add_person(SampleUser("thief", "thief@example.test", "the thief's own password", ()))
    by_description = direct(samba, UPN, LDAP_USER_FILTER="(description={login})")
    assert reason(by_description.authenticate("thief", "the thief's own password")) == AMBIGUOUS
    assert direct(samba, UPN).authenticate("thief", "the thief's own password")


def test_direct_bind_denies_a_login_that_finds_a_contact(samba: Samba) -> None:
    samba.add(f"CN=pen friend,OU=people,{SUFFIX}", ["contact"], {"description": "alice's pen friend"})
    by_name = direct(samba, UPN, LDAP_USER_FILTER="(description={login}'s pen friend)", LDAP_USERNAME_ATTRIBUTE="cn")
    assert reason(by_name.authenticate("alice", ALICE.password)) == AMBIGUOUS


def test_unencrypted_bind_is_refused_by_the_directory(samba: Samba) -> None:
    with pytest.raises(ProviderUnavailable, match="strongerAuthRequired"):
        ldap_provider(samba.environ(LDAP_INSECURE_PLAINTEXT="true")).authenticate("alice", ALICE.password)


@pytest.mark.parametrize("name", [f"svc@{REALM}", f"SVC@{REALM.upper()}", f"{DOMAIN}\\svc"])
@pytest.mark.parametrize("scheme", ["ldap", "ldaps"])
def test_service_account_can_have_its_windows_name(samba: Samba, name: str, scheme: str) -> None:
    environ = samba.environ(LDAP_BIND_DN=name, LDAP_URL=f"{scheme}://{samba.address}", LDAP_DOMAIN=f"{DOMAIN},{REALM}")
    provider = ldap_provider(environ)
    assert provider.authenticate("alice", ALICE.password)
    # Wrong passwords of a user could lock it.
    for login in ("svc", f"svc@{REALM}", f"{DOMAIN}\\svc"):
        assert reason(provider.authenticate(login, SERVICE_PASSWORD)) == UNKNOWN_USER
    assert {check.step: check.outcome for check in provider.check() if check.outcome != "ok"} == {}


def near_misses(samba: Samba, group: str, **changed: str) -> str:
    """Return what an explanation shows about a group of which Alice is not known to be a member."""
    rules = json.dumps({group_dn(group): ["special"]})
    (rule,) = ldap_provider(samba.environ(LDAP_ROLE_MAP=rules, **changed)).explain("alice").rules
    assert not rule.matched
    return "; ".join(rule.near_misses)


def test_explanation_names_a_foreign_security_principal_in_the_group(samba: Samba) -> None:
    everybody = f"CN=S-1-5-11,CN=ForeignSecurityPrincipals,{SUFFIX}"
    samba.add_person(SampleUser("foreigner", "foreigner@example.test", DENIED_PASSWORD, ("foreign",)))
    assert near_misses(samba, "foreign") == ""
    samba.join(everybody, group_dn("foreign"))
    assert f"this group contains {everybody}" in near_misses(samba, "foreign")


def test_explanation_names_a_group_whose_members_the_global_catalog_lacks(samba: Samba) -> None:
    catalog = {"LDAP_URL": f"ldap://{samba.address}:3268"}
    text = "the global catalog has the members of universal groups only"
    assert text in near_misses(samba, "payroll", **catalog)
    universal = "-2147483640"
    samba.modify(group_dn("payroll"), {"groupType": universal})
    assert text not in near_misses(samba, "payroll", **catalog)
    samba.modify(group_dn("payroll"), {"groupType": "-2147483646"})
