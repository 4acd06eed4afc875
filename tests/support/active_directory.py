"""Who is in the tests' Active Directory: the awkward people, members of members, and those whom it refuses."""

from dataclasses import replace

from tests.servers.samba import SUFFIX, Samba, account_name, add, group_dn, person_dn
from tests.support.users import SAME_EMAIL_USERS, SAMPLE_USERS, SampleUser

ALICE = SampleUser("alice", "alice@example.test", "the password of alice", ("admins-ad",))
"""In admins-ad, which is in staff."""
PAULA = SampleUser("paula", "paula@example.test", "the password of paula", ("payroll",))
"""Her primary group is payroll, so that neither her memberOf nor its members tell."""
LOCKABLE = SampleUser("lockable", "lockable@example.test", "the password of lockable", ("strict",))
"""Locked after three wrong passwords."""

REFUSED: dict[str, dict[str, object]] = {
    "hours": {"logonHours": bytes(21)},
    "workstation": {"userWorkstations": "NOWHERE"},
    "passwordexpired": {},
    "disabled": {"userAccountControl": 514},
    "expired": {"accountExpires": 125911584000000000},
    "mustchange": {"pwdLastSet": 0},
    "locked": {},
}
"""By username, why: data 530, 531, 532, 533, 701, 773, 775 of a bind with the right password."""
REFUSED_PASSWORD = "the password of somebody refused"

MANY = 2000
"""Members of the group `crowd`."""
JOINER = SampleUser("joiner", "joiner@example.test", "the password of joiner", ())
"""In 500 groups, called `club-0` and so on, and in `crowd`."""


def as_here(person: SampleUser) -> SampleUser:
    """Return the person by the name that they have in an Active Directory."""
    return replace(person, username=account_name(person.username))


def populate(server: Samba) -> None:
    """Add everybody but the crowd."""
    for person in (*SAMPLE_USERS, *SAME_EMAIL_USERS, ALICE, LOCKABLE):
        server.add_person(person)
    server.join(group_dn("admins-ad"), group_dn("staff"))
    server.add_person(PAULA)
    (token,) = server.read(group_dn("payroll"), "primaryGroupToken")
    server.modify(person_dn(PAULA.username), {"primaryGroupID": token.decode()})
    for username, attributes in REFUSED.items():
        server.add_person(SampleUser(username, f"{username}@example.test", REFUSED_PASSWORD, ()), **attributes)
    server.make_old("passwordexpired")
    server.lock("locked")


def add_crowd(server: Samba) -> None:
    """Add the crowd and the joiner, in six seconds."""
    server.add_person(JOINER)
    joiner = person_dn(JOINER.username)
    crowd = [f"CN=contact-{number},OU=people,{SUFFIX}" for number in range(MANY - 1)]
    connection = server.admin()
    for contact in crowd:
        add(connection, contact, ["contact"], {})
    add(connection, group_dn("crowd"), ["group"], {"sAMAccountName": "crowd", "member": [*crowd, joiner]})
    for number in range(500):
        name = f"club-{number}"
        add(connection, group_dn(name), ["group"], {"sAMAccountName": name, "member": joiner})
    connection.unbind()
