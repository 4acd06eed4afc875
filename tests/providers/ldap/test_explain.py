"""`explain` of the LDAP provider: the user or the reason, the groups, and the result of each role rule."""

import json
from pathlib import Path

import pytest

from providers.interface import (
    ACCOUNT_EXPIRED,
    AMBIGUOUS,
    DISABLED,
    LOCKED,
    MUST_CHANGE,
    PASSWORD_EXPIRED,
    UNKNOWN_USER,
)
from providers.ldap import open_ldap
from tests.servers.samba import Samba
from tests.servers.samba import group_dn as windows_group
from tests.servers.slapd import RESET, SUFFIX, Slapd, person_dn
from tests.support.active_directory import ALICE
from tests.support.directories import ldap_provider
from tests.support.users import ZOE, SampleUser, shown

GROUPS = f"ou=groups,{SUFFIX}"


@pytest.fixture(scope="module")
def directory(slapd: Slapd) -> Slapd:
    """The shared directory, with the user Eve in groups of several kinds."""
    slapd.add_person(SampleUser("eve", "eve@example.org", "the password of eve", ()))
    slapd.add(f"cn=inner,{GROUPS}", ["groupOfNames"], {"member": person_dn("eve")})
    slapd.add(f"cn=outermost,{GROUPS}", ["groupOfNames"], {"member": f"cn=inner,{GROUPS}"})
    slapd.add(f"cn=exactly,{GROUPS}", ["posixGroup"], {"gidNumber": "8", "memberUid": "eve"})
    slapd.add(f"cn=by-uid,{GROUPS}", ["posixGroup"], {"gidNumber": "7", "memberUid": "EVE"})
    return slapd


ROLES_BY_GROUP = {
    "inner": "direct",
    "outermost": "nested",
    "by-uid": "posix",
    "missing": "missing",
    "exactly": "exactly",
    "admin": "admin",
}


def test_near_misses_of_rules_are_explained(directory: Slapd) -> None:
    mapped = {f"cn={group},{GROUPS}": [role] for group, role in ROLES_BY_GROUP.items()}
    mapped[f"cn=inner,ou=old,{SUFFIX}"] = ["old"]
    explanation = ldap_provider(directory.environ(LDAP_ROLE_MAP=json.dumps(mapped))).explain("EVE@example.org")
    assert shown(explanation.user) == {"username": "eve", "email": "eve@example.org", "roles": ["direct"]}
    assert explanation.record == person_dn("eve")
    assert {result.roles[0]: (result.matched, result.near_misses) for result in explanation.rules} == {
        "direct": (True, ()),
        "nested": (
            False,
            (f"cn=outermost,{GROUPS}: the user is a member via cn=inner,{GROUPS}, but LDAP_NESTED_GROUPS is not true",),
        ),
        "posix": (False, (f"cn=by-uid,{GROUPS}: the member EVE differs from the username in case only",)),
        "missing": (False, (f"cn=missing,{GROUPS}: this group does not exist",)),
        "admin": (False, ()),
        "exactly": (False, ()),
        "old": (
            False,
            (f"cn=inner,ou=old,{SUFFIX}: this group does not exist, but the user is a member of cn=inner,{GROUPS}",),
        ),
    }


def test_rules_of_a_file_are_explained_in_its_words(directory: Slapd, tmp_path: Path) -> None:
    path = tmp_path / "roles.toml"
    path.write_text(
        f'default = ["user"]\n[groups]\ninner = "cn=inner,{GROUPS}"\n'
        '[[rules]]\nroles = ["x", "y"]\nall = "inner"\nnot = ["cn=x"]\n'
        f'[[rules]]\nroles = ["z"]\nall = ["inner", "cn=admin,{GROUPS}"]\n'
    )
    explanation = ldap_provider(directory.environ(LDAP_ROLE_MAP="", LDAP_ROLE_RULES_FILE=str(path))).explain("eve")
    assert [(result.rule, result.roles, result.matched) for result in explanation.rules] == [
        ("all users", ("user",), True),
        ("inner and not (cn=x)", ("x", "y"), True),
        (f"inner and cn=admin,{GROUPS}", ("z",), False),
    ]
    assert explanation.rules[-1].near_misses == ()


def test_edited_rules_take_effect_immediately_and_invalid_rules_never(directory: Slapd, tmp_path: Path) -> None:
    path = tmp_path / "roles.toml"
    path.write_text('default = ["before"]')
    provider = ldap_provider(directory.environ(LDAP_ROLE_MAP="", LDAP_ROLE_RULES_FILE=str(path)))
    for text, roles in (('default = ["after"]', ["after"]), ("default = [", ["after"]), ("default = []", [])):
        path.write_text(text)
        user = provider.find("eve")
        assert user
        assert user["roles"] == roles


def test_unknown_and_ambiguous_logins_are_explained(directory: Slapd) -> None:
    provider = ldap_provider(directory.environ())
    assert (provider.explain("no one").user, provider.explain("no one").reason) == (None, UNKNOWN_USER)
    directory.add_person(SampleUser("one-of-two", "pair@example.org", "x", ()))
    directory.add_person(SampleUser("other-of-two", "pair@example.org", "x", ()))
    both = provider.explain("pair@example.org")
    assert (both.user, both.reason) == (None, AMBIGUOUS)
    assert both.record == f"{person_dn('one-of-two')} and {person_dn('other-of-two')}"


def test_required_password_change_is_explained(directory: Slapd) -> None:
    directory.add_person(SampleUser("starter", "starter@example.org", "x", ()))
    directory.modify(person_dn("starter"), {"pwdPolicySubentry": RESET, "pwdReset": "TRUE"}, relax=True)
    assert ldap_provider(directory.environ()).explain("starter").reason == MUST_CHANGE


@pytest.mark.parametrize(
    ("login", "reason"),
    [
        ("disabled", DISABLED),
        ("expired", ACCOUNT_EXPIRED),
        ("locked", LOCKED),
        ("mustchange", MUST_CHANGE),
        ("passwordexpired", PASSWORD_EXPIRED),
        ("alice", None),
    ],
)
def test_denial_reason_of_active_directory_is_explained(samba: Samba, login: str, reason: str | None) -> None:
    assert ldap_provider(samba.environ()).explain(login).reason == reason


def test_nested_groups_of_active_directory_are_explained(samba: Samba) -> None:
    explanation = ldap_provider(samba.environ(LDAP_NESTED_GROUPS="true")).explain(ALICE.username)
    via_groups = {membership.group: membership.via_group for membership in explanation.groups}
    assert via_groups[windows_group("staff")] == windows_group("admins-ad")


def test_all_roles_of_the_rules_are_listed(directory: Slapd) -> None:
    assert open_ldap(directory.environ()).list_roles() == {"admin", "user", "editor"}
    user = ldap_provider(directory.environ()).explain(ZOE.username).user
    assert user
    assert user["roles"] == ["admin", "user"]
