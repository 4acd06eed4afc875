"""The users and groups of the tests' Active Directory: sample users, nested groups, and users with denied logins."""

from tests.servers.ldap_changes import add_entry
from tests.servers.samba import SUFFIX, Samba, group_dn, person_dn
from tests.support.users import SAME_EMAIL_USERS, SAMPLE_USERS, SampleUser

ALICE = SampleUser("alice", "alice@example.test", "the password of alice", ("admins-ad",))
"""A member of admins-ad, which is a member of staff."""
PAULA = SampleUser("paula", "paula@example.test", "the password of paula", ("payroll",))
"""Her primary group is payroll, which therefore is not in her memberOf."""
LOCKABLE = SampleUser("lockable", "lockable@example.test", "the password of lockable", ("strict",))
"""Three wrong passwords lock this user."""

DENIED: dict[str, dict[str, object]] = {
    "hours": {"logonHours": bytes(21)},
    "workstation": {"userWorkstations": "NOWHERE"},
    "passwordexpired": {},
    "disabled": {"userAccountControl": 514},
    "expired": {"accountExpires": 125911584000000000},
    "mustchange": {"pwdLastSet": 0},
    "locked": {},
}
"""The attributes of users whose logins are denied: Windows errors 530, 531, 532, 533, 701, 773 and 775, in order."""
DENIED_PASSWORD = "the password of denied users"

CROWD_SIZE = 2000
"""The number of members of the group `crowd`."""
JOINER = SampleUser("joiner", "joiner@example.test", "the password of joiner", ())
"""A member of 500 groups, `club-0` to `club-499`, and of `crowd`."""


def populate(server: Samba) -> None:
    """Add all users and groups except the crowd."""
    for person in (*SAMPLE_USERS, *SAME_EMAIL_USERS, ALICE, LOCKABLE):
        server.add_person(person)
    server.join(group_dn("admins-ad"), group_dn("staff"))
    server.add_person(PAULA)
    (token,) = server.read(group_dn("payroll"), "primaryGroupToken")
    server.modify(person_dn(PAULA.username), {"primaryGroupID": token.decode()})
    for username, attributes in DENIED.items():
        server.add_person(SampleUser(username, f"{username}@example.test", DENIED_PASSWORD, ()), **attributes)
    server.expire_password("passwordexpired")
    server.lock("locked")


def add_crowd(server: Samba) -> None:
    """Add JOINER and their groups. It takes six seconds."""
    server.add_person(JOINER)
    joiner = person_dn(JOINER.username)
    crowd = [f"CN=contact-{number},OU=people,{SUFFIX}" for number in range(CROWD_SIZE - 1)]
    connection = server.admin()
    for contact in crowd:
        add_entry(connection, contact, ["contact"], {})
    add_entry(connection, group_dn("crowd"), ["group"], {"sAMAccountName": "crowd", "member": [*crowd, joiner]})
    for number in range(500):
        name = f"club-{number}"
        add_entry(connection, group_dn(name), ["group"], {"sAMAccountName": name, "member": joiner})
    connection.unbind()
