"""A group of the role rules is the group that the directory finds by this DN, in every directory and every spelling."""

import json
from pathlib import Path
from typing import NamedTuple

import pytest
from ldap3 import BASE
from ldap3.utils.dn import escape_rdn

from providers.interface import Check
from tests.servers import directory389 as directory389_server
from tests.servers import samba as samba_server
from tests.servers import slapd as slapd_server
from tests.servers.directory389 import Directory389
from tests.servers.samba import Samba
from tests.servers.slapd import Slapd
from tests.support.directories import ldap_provider
from tests.support.users import SampleUser

PAT = SampleUser("pat", "pat@example.org", "the Passw0rd of pat", ())
MEMBERS = "(member={dn})"
NAMES = ["Hi", "two words", "zoé", "straße", "ｆix", "σας", "a, b", "q=r"]


class GroupsOf(NamedTuple):
    """A directory with the user Pat, who is a member of the groups NAMES and no other."""

    server: Slapd | Samba | Directory389
    base: str
    """The DN of the folder of the groups."""

    def dn(self, rdn: str) -> str:
        """Return the DN of a group."""
        return f"{rdn},{self.base}"

    def toml(self, rdn: str) -> str:
        """Return the DN of a group as a TOML string."""
        return json.dumps(self.dn(rdn), ensure_ascii=False)

    def finds(self, rdn: str, name: str) -> bool:
        """Return whether a base search of the directory for this DN finds the group `name`."""
        connection = self.server.admin()
        _, _, found, _ = connection.search(self.dn(rdn), "(objectClass=*)", BASE, attributes=["cn"])
        connection.unbind()
        return [entry["raw_attributes"]["cn"] for entry in found] == [[name.encode()]]

    def environ(self, rules: Path, condition: str) -> dict[str, str]:
        """Return the settings with a rule that gives the role `editor` if the condition is met."""
        rules.write_text(f'[[rules]]\nroles = ["editor"]\n{condition}\n', "utf-8")
        return self.server.environ(
            LDAP_ROLE_MAP="", LDAP_ROLE_RULES_FILE=str(rules), LDAP_GROUP_BASE_DN=self.base, LDAP_GROUP_FILTER=MEMBERS
        )

    def is_editor(self, environ: dict[str, str]) -> bool:
        """Return whether Pat has the role, after a test that a login and a refresh agree."""
        provider = ldap_provider(environ)
        user = provider.authenticate(PAT.username, PAT.password)
        assert user
        assert provider.find(PAT.username) == user
        return user["roles"] == ["editor"]


def with_groups(server: Slapd | Samba | Directory389, member: str, suffix: str, object_class: str) -> GroupsOf:
    """Return the directory with Pat, whose DN is `member`, as a member of all groups."""
    server.add_person(PAT)
    base = f"OU=spellings,{suffix}"
    server.add(base, ["organizationalUnit"], {})
    for number, name in enumerate(NAMES):
        names = {"sAMAccountName": f"spelling-{number}"} if object_class == "group" else {}
        server.add(f"cn={escape_rdn(name)},{base}", [object_class], {"cn": name, "member": member, **names})
    return GroupsOf(server, base)


@pytest.fixture(scope="module")
def openldap(slapd: Slapd) -> GroupsOf:
    return with_groups(slapd, slapd_server.person_dn(PAT.username), slapd_server.SUFFIX, "groupOfNames")


@pytest.fixture(scope="module")
def windows(samba: Samba) -> GroupsOf:
    return with_groups(samba, samba_server.person_dn(PAT.username), samba_server.SUFFIX, "group")


@pytest.fixture(scope="module")
def fedora(directory389: Directory389) -> GroupsOf:
    member = directory389_server.person_dn(PAT.username)
    return with_groups(directory389, member, directory389_server.SUFFIX, "groupOfNames")


@pytest.fixture(params=["openldap", "windows", "fedora"])
def groups(request: pytest.FixtureRequest) -> GroupsOf:
    """Each of the directories."""
    found: GroupsOf = request.getfixturevalue(request.param)
    return found


def hexadecimal(text: str) -> str:
    """Return the text as an attribute value in the hexadecimal form of RFC 4514 §2.4."""
    return f"#{bytes((4, len(text.encode()))).hex()}{text.encode().hex()}"


SAME = [
    ("Hi", "cn=Hi"),
    ("Hi", "CN=hI"),
    ("Hi", " cn = Hi "),
    ("Hi", "2.5.4.3=Hi"),
    ("Hi", "OID.2.5.4.3=Hi"),
    ("Hi", "commonName=hi"),
    ("Hi", 'cn="Hi"'),
    ("Hi", r"cn=\48i"),
    ("Hi", f"cn={hexadecimal('Hi')}"),
    ("zoé", r"cn=zo\c3\a9"),
    ("a, b", r"cn=a\, b"),
    ("a, b", 'commonName="A, b"'),
    ("q=r", "cn=q=r"),
    ("q=r", r"cn=q\=r"),
]
"""Pairs of a group and another spelling of it for every server, by RFC 4514."""

SIMILAR = [
    ("Hi", "cn=ＨＩ"),
    ("two words", "cn=two  words"),
    ("two words", "cn=two\u3000words"),
    ("zoé", "cn=zoe\u0301"),
    ("zoé", "2.5.4.3=ZOÉ"),
    ("zoé", "cn=zoe"),
    ("straße", "cn=strasse"),
    ("ｆix", "cn=fix"),
    ("σας", "cn=ΣΑΣ"),
]
"""Pairs of a group and a name that is the same for some servers."""


def rules_check(environ: dict[str, str]) -> Check:
    """Return the doctor's check of the rules."""
    return next(check for check in ldap_provider(environ).check() if check.step == "rules")


@pytest.mark.parametrize("rdn", [rdn for _, rdn in SAME], ids=ascii)
def test_group_gives_its_role_in_every_spelling_of_its_dn(groups: GroupsOf, tmp_path: Path, rdn: str) -> None:
    environ = groups.environ(tmp_path / "roles.toml", f"any = {groups.toml(rdn)}")
    assert groups.is_editor(environ)
    assert rules_check(environ).outcome == "ok"


@pytest.mark.parametrize(("name", "rdn"), SIMILAR, ids=ascii)
def test_directory_decides_whether_a_similar_dn_is_the_group(
    groups: GroupsOf, tmp_path: Path, name: str, rdn: str
) -> None:
    environ = groups.environ(tmp_path / "roles.toml", f"any = {groups.toml(rdn)}")
    same = groups.finds(rdn.replace("2.5.4.3", "cn"), name)
    assert groups.is_editor(environ) == same
    assert rules_check(environ).outcome == ("ok" if same else "warning")
    (result,) = ldap_provider(environ).explain(PAT.username).rules
    assert result.matched == same
    assert any("which is another group for this directory" in text for text in result.near_misses) != same


@pytest.mark.parametrize("rdn", [rdn for _, rdn in [*SAME, *SIMILAR]], ids=ascii)
def test_member_of_an_excluded_group_gets_no_role_in_any_spelling(groups: GroupsOf, tmp_path: Path, rdn: str) -> None:
    hi = groups.toml("cn=Hi")
    rules = tmp_path / "roles.toml"
    for condition in (f"all = {hi}\nnot = {groups.toml(rdn)}", f"any = [{{ not = {groups.toml(rdn)} }}]"):
        assert not groups.is_editor(groups.environ(rules, condition))
    environ = groups.environ(rules, f"all = {hi}\nnot = [{{ not = {hi} }}]")
    assert groups.is_editor(environ)


@pytest.mark.parametrize("rdn", [rdn for _, rdn in SAME], ids=ascii)
def test_exclusion_in_every_spelling_passes_the_check(groups: GroupsOf, tmp_path: Path, rdn: str) -> None:
    environ = groups.environ(tmp_path / "roles.toml", f"not = {groups.toml(rdn)}")
    assert rules_check(environ).outcome == "ok"


def test_wrong_composition_is_reported_with_the_dn_to_write(windows: GroupsOf, tmp_path: Path) -> None:
    decomposed = windows.dn("CN=zoe\u0301")
    check = rules_check(windows.environ(tmp_path / "roles.toml", f"any = {windows.toml('CN=zoé')}"))
    assert check.found.endswith(f"{decomposed} has the DN {windows.dn('CN=zoé')} in the directory")
    assert "Write the DNs as the directory shows them" in (check.remedy or "")
    assert rules_check(windows.environ(tmp_path / "roles.toml", f"not = {windows.toml('CN=zoé')}")).outcome == "ok"


def test_exclusion_by_a_similar_name_is_explained(windows: GroupsOf, tmp_path: Path) -> None:
    excluded = windows.dn("CN=strasse")
    condition = f"all = {windows.toml('CN=Hi')}\nnot = {windows.toml('CN=strasse')}"
    (result,) = ldap_provider(windows.environ(tmp_path / "roles.toml", condition)).explain(PAT.username).rules
    assert not result.matched
    assert result.near_misses == (
        f"the excluded group {excluded} is similar to {windows.dn('CN=straße')}, of which the user is a member",
    )
