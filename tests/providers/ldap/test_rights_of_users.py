"""Without a service account, the groups that one user may read do not decide which groups another user has."""

from pathlib import Path

import pytest

from providers.ldap import open_ldap
from tests.servers.directory389 import SUFFIX, Directory389, person_dn
from tests.support.users import SampleUser

GROUPS = f"ou=groups,{SUFFIX}"
TEAM, SUSPENDED = f"cn=team,{GROUPS}", f"cn=suspended,{GROUPS}"
BOB, IVY = (SampleUser(name, f"{name}@example.org", f"the password of {name}", ()) for name in ("bob", "ivy"))

READ_TEAM = f'(targetattr="*")(version 3.0; acl "team"; allow(read, search) userdn="ldap:///{SUFFIX}??sub?(uid=*)";)'
READ_SUSPENDED = f'(targetattr="*")(version 3.0; acl "ivy"; allow(read, search) userdn="ldap:///{person_dn("ivy")}";)'


@pytest.fixture(scope="module")
def server(directory389: Directory389) -> Directory389:
    """The shared directory, in which the team is suspended. Users may read the team, and only Ivy its suspension."""
    for person in (BOB, IVY):
        directory389.add_person(person)
    members = [person_dn("bob"), person_dn("ivy")]
    directory389.add(TEAM, ["groupOfNames"], {"cn": "team", "member": members, "aci": READ_TEAM})
    directory389.add(SUSPENDED, ["groupOfNames"], {"cn": "suspended", "member": TEAM, "aci": READ_SUSPENDED})
    return directory389


def test_user_who_may_not_read_a_group_does_not_hide_it_from_others(server: Directory389, tmp_path: Path) -> None:
    rules = tmp_path / "roles.toml"
    rules.write_text(f'[[rules]]\nroles = ["editor"]\nall = "{TEAM}"\nnot = "{SUSPENDED}"\n')
    environ = server.environ(
        LDAP_USER_DN_TEMPLATE=f"uid={{login}},ou=people,{SUFFIX}",
        LDAP_BIND_DN="",
        LDAP_BIND_PASSWORD="",
        LDAP_GROUP_BASE_DN=GROUPS,
        LDAP_NESTED_GROUPS="true",
        LDAP_ROLE_RULES_FILE=str(rules),
    )
    provider = open_ldap(environ)
    bob = provider.authenticate(BOB.username, BOB.password)
    assert bob
    assert bob["roles"] == ["editor"]
    ivy = provider.authenticate(IVY.username, IVY.password)
    assert ivy
    assert ivy["roles"] == []
