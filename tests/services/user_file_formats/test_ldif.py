"""Users as LDIF."""

from base64 import b64encode

import pytest

from services.user_import.formats import UserFields
from services.user_import.formats.findings import Findings
from tests.support.user_file_formats import (
    HASH,
    read_entries,
    read_errors,
    read_users,
    unreadable_reason,
    write_rejected,
)
from tests.support.users import SAMPLE_USERS, SampleUser

# From `slapcat` of OpenLDAP 2.5. Only the first user has its operational attributes.
SAMPLE = """dn: dc=example,dc=org
objectClass: dcObject
objectClass: organization
o: Example
dc: example

dn: cn=admin,dc=example,dc=org
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: admin
userPassword:: e0NSWVBUfSQ2JHNhbHRzYWx0JHFGbUZILmJRbW10WHp5Qlkwczl2N09pY2QyejR
 YU0llY0R6bEI1S2lBMi9qY3RLdTlZdGVyTHA4d3duU3EucWMuZW94cU9tU3VOcDJ4UzBrdEwzbmgv
structuralObjectClass: organizationalRole
entryUUID: 7a7bcbbc-7bc9-1041-97cb-9fce33804e4e
creatorsName: cn=admin,dc=example,dc=org
createTimestamp: 20261123203743Z
entryCSN: 20261123203743.476898Z#000000#000#000000
modifiersName: cn=admin,dc=example,dc=org
modifyTimestamp: 20261123203743Z

dn:: dWlkPXpvw6ksb3U9cGVvcGxlLGRjPWV4YW1wbGUsZGM9b3Jn
objectClass: inetOrgPerson
uid:: em/DqQ==
cn:: Wm/DqQ==
sn:: Wm/DqQ==
mail: zoe@example.org
mail: z@example.org
description: a long description that slapcat folds, as it goes on and on for m
 ore than one line
userPassword:: e1NTSEF9TURFeU16UTFOamM0T1RBeE1qTTBOVFkzT0RsaFltTms=

dn: cn=smith\\2C john,ou=people,dc=example,dc=org
objectClass: inetOrgPerson
cn: smith, john
sn: smith
mail: john.smith@example.org
userPassword:: cGxhaW4=
userPassword:: e1NTSEF9TURFeU16UTFOamM0T1RBeE1qTTBOVFkzT0RsaFltTms=
pwdAccountLockedTime: 20261101120000Z

dn: uid=o'brien,ou=people,dc=example,dc=org
objectClass: inetOrgPerson
uid: o'brien
cn: O'Brien
sn: O'Brien

dn: cn=editors,ou=people,dc=example,dc=org
objectClass: groupOfNames
cn: editors
member:: dWlkPXpvw6ksb3U9cGVvcGxlLGRjPWV4YW1wbGUsZGM9b3Jn

"""
CRYPT = "{CRYPT}$6$saltsalt$qFmFH.bQmmtXzyBY0s9v7Oicd2z4XSIecDzlB5KiA2/jctKu9YterLp8wwnSq.qc.eoxqOmSuNp2xS0ktL3nh/"
SSHA = "{SSHA}MDEyMzQ1Njc4OTAxMjM0NTY3ODlhYmNk"
DN = "dn: uid=x,dc=example,dc=org\n"


def base64(text: str) -> str:
    return b64encode(text.encode()).decode()


def record(user: SampleUser) -> str:
    """Return the entry of a user, with the values in base64."""
    dn = base64(f"uid={user.username}")
    return f"dn:: {dn}\nuid:: {base64(user.username)}\nmail:: {base64(user.email)}\nuserPassword:: {base64(HASH)}\n"


def test_output_of_slapcat_is_read() -> None:
    entries = read_entries("ldif", SAMPLE)
    assert [(entry.position, entry.fields) for entry in entries if entry.fields] == [
        (7, UserFields("admin", None, CRYPT, (), active=True)),
        (21, UserFields("zoé", "zoe@example.org", SSHA, (), active=True)),
        (32, UserFields("smith, john", "john.smith@example.org", SSHA, (), active=False)),
        (41, UserFields("o'brien", None, None, (), active=True)),
    ]


@pytest.mark.parametrize(
    ("line", "active"),
    [
        ("nsAccountLock: true", False),
        ("nsAccountLock: false", True),
        ("NSACCOUNTLOCK:: dHJ1ZQ==", False),
        ("nsRoleDN: cn=nsManagedDisabledRole,dc=example,dc=org", False),
        ("nsRoleDN: cn=marketing,dc=example,dc=org", True),
        ("loginDisabled: TRUE", False),
        ("loginExpirationTime: 20200101000000Z", False),
        ("loginExpirationTime: 20990101000000Z", True),
        ("loginExpirationTime: soon", False),
        ("ds-pwp-account-disabled: true", False),
        ("shadowExpire: 1", False),
        ("shadowExpire: -1", True),
        ("krbPrincipalExpiration: 20200101000000Z", False),
        ("krbPasswordExpiration: 20200101000000Z", False),
        ("pwdReset: TRUE", False),
        ("userAccountControl: 514", False),
        ("userAccountControl: 512", True),
        ("sambaAcctFlags: [DU         ]", False),
        ("lockoutTime: 0", True),
        ("pwdAccountLockedTime: 20261101120000Z", False),
        ("lockedByIntruder: TRUE", False),
    ],
)
def test_account_that_the_directory_disabled_is_not_imported_as_active(line: str, active: bool) -> None:
    (user,) = read_users("ldif", f"{DN}uid: x\n{line}\nuserPassword: {SSHA}\n")
    assert user.active == active


def test_entry_with_an_unreadable_account_attribute_is_rejected() -> None:
    content = f"{DN}uid: x\nnsAccountLock:: _\nuserPassword: {SSHA}\n"
    assert read_errors("ldif", content) == [(1, "`nsAccountLock` is not base64 of UTF-8 text")]


def test_groups_are_counted_or_stored_with_their_members() -> None:
    groups = (
        "dn: cn=admins,dc=x\ncn: admins\nmember: UID = x , dc=example,dc=org\nuniqueMember: cn=other\n\n"
        "dn: cn=staff,dc=x\ncn: staff\nmemberUid: X\n\ndn: cn=a,dc=x\ncn: a, b\nmember: cn=x\n\n"
    )
    content = f"{groups}{DN}uid: x\n"
    counted = Findings()
    assert [entry.error for entry in read_entries("ldif", content, counted)] == [None]
    assert counted.groups == 3
    stored: list[object] = []
    findings = Findings(lambda memberships, names: stored.extend([*map(tuple, memberships), *map(tuple, names)]))
    errors = [entry.error for entry in read_entries("ldif", content, findings)]
    findings.flush()
    assert stored == [
        ("uid=x,dc=example,dc=org", True, "admins"),
        ("cn=other", True, "admins"),
        ("x", False, "staff"),
        (14, "uid=x,dc=example,dc=org"),
    ]
    assert errors == ["the name of the group must not contain a comma or a semicolon: name each role by itself", None]


@pytest.mark.parametrize(
    ("findings", "error"),
    [(Findings(), None), (Findings(lambda *_: None), "`dn` is not base64 of UTF-8 text")],
    ids=["counted", "stored"],
)
def test_malformed_dn_rejects_the_user_only_if_groups_are_stored(findings: Findings, error: str | None) -> None:
    (entry,) = read_entries("ldif", b"dn:: !\nuid: x\n", findings)
    assert entry.error == error


def test_values_with_special_characters_are_read() -> None:
    found = read_users("ldif", "\n".join(map(record, SAMPLE_USERS)))
    assert found == [UserFields(user.username, user.email, HASH, (), active=True) for user in SAMPLE_USERS]


@pytest.mark.parametrize(
    "content",
    [
        f"version: 1\n{DN}uid: zoé\nuserPassword: hash\n",
        f"version: 1\n\n{DN}uid: zoé\nuserPassword: hash",
        f"\n\n# extended LDIF\n# no colon\n\n# zoé,\n  example.org\n{DN}uid: zoé\nuserPassword: hash\n\n\nsearch: 2\n",
        f"{DN}uid: zoé\nuserPassword: hash\n".replace("\n", "\r\n"),
        f"{DN}changetype: Add\nuid: zoé\nuserPassword: hash\n",
        f"{DN}UID;lang-en:zoé\nUSERPASSWORD;x-y:    hash\n",
        f"{DN}u\n id: z\n o\n é\nuserPas\n sword: ha\n sh\n",
        f"{DN}uid: zoé\nuid: z\ncn: Zoé\nuserPassword: plain\nuserPassword: hash\n".replace("plain", "hash"),
        f"{DN}uid: zoé\nuserPassword: hash\njpegPhoto:< file:///photo\nx: :\n",
    ],
)
def test_different_spellings_give_the_same_user(content: str) -> None:
    assert read_users("ldif", content) == [UserFields("zoé", None, "hash", (), active=True)]


@pytest.mark.parametrize("file_end", ["", "\n", "\n\n", "\n\n\n"])
def test_blank_line_after_the_last_entry_is_optional(file_end: str) -> None:
    content = f"{DN}uid: x\nuserPassword: hash\n\n\r\n{DN}uid: x\nuserPassword: hash"
    assert [entry.position for entry in read_entries("ldif", content + file_end)] == [1, 6]


@pytest.mark.parametrize(
    ("passwords", "chosen"),
    [
        (("plain", "{SSHA}x"), "{SSHA}x"),
        (("plain", "$6$x", "{SSHA}x"), "$6$x"),
        (("{CRYPT}x", "{SSHA}x"), "{CRYPT}x"),
        (("plain", "other"), "plain"),
    ],
)
def test_first_hash_of_several_passwords_is_used(passwords: tuple[str, ...], chosen: str) -> None:
    lines = "".join(f"userPassword: {password}\n" for password in passwords)
    assert read_users("ldif", f"{DN}uid: x\n{lines}")[0].password_hash == chosen


@pytest.mark.parametrize(
    "content",
    ["dn: ou=people\nou: people\n", "dn: ou=people\nchangetype: add\nou: people\n", "dn: cn=x\nmember: uid=x\n"],
)
def test_entry_that_is_not_a_user_is_skipped(content: str) -> None:
    assert [entry.position for entry in read_entries("ldif", f"{content}\n{DN}uid: x\n")] == [content.count("\n") + 2]


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (f"{DN}userPassword: x\n", "the entry has neither `uid` nor `cn`"),
        (f"{DN}changetype: delete\n", "the record is a change record, not an entry"),
        (f"{DN}changetype: modify\nreplace: uid\nuid: x\n-\n", "the record is a change record, not an entry"),
        (f"{DN}uid: x\nuserPassword:< file:///x\n", "`userPassword` is a URL, and values at URLs are not read"),
        (f"{DN}uid:: _w==\nuserPassword: x\n", "`uid` is not base64 of UTF-8 text"),
        (f"{DN}uid:: eA==!\nuserPassword: x\n", "`uid` is not base64 of UTF-8 text"),
        (f"{DN}uid:: /w==\nuserPassword: x\n", "`uid` is not base64 of UTF-8 text"),
        (f"{DN}uid: x\nuserPassword:: e1NTSEF9x\n", "`userPassword` is not base64 of UTF-8 text"),
        (f"{DN}uid: x\nuserPassword: {{SSHA}}x\nrest\n", "a line has no colon after an attribute name"),
        (
            f"{DN}uid: x\nuserPassword: x\n{DN}uid: y\nuserPassword: y\n",
            "the entry does not have exactly one `dn`: is the blank line between two entries missing?",
        ),
        (
            "uid: x\nuserPassword: x\n",
            "the entry does not have exactly one `dn`: is the blank line between two entries missing?",
        ),
    ],
)
def test_entry_after_an_invalid_entry_is_read(content: str, error: str) -> None:
    content += f"\n{DN}uid: next\nuserPassword: x\n"
    assert read_errors("ldif", content) == [(1, error)]
    assert len(read_entries("ldif", content)) == 2
    assert read_errors("ldif", write_rejected("ldif", content)) == [(1, error)]


def test_entry_over_the_limit_is_unreadable() -> None:
    content = f"{DN}uid: x\nuserPassword: x\njpegPhoto::"
    photograph = "\n " + "x" * 2**20
    assert len(read_users("ldif", (content + photograph * 10 + "\n\n") * 2)) == 2
    assert len(read_users("ldif", content + "x" * 2**22)) == 1
    assert unreadable_reason("ldif", content + photograph * 20) == (
        "the record before line 20 is longer than 16777216 characters"
    )


def test_rejected_entry_is_below_its_reason_with_all_its_lines() -> None:
    again = write_rejected("ldif", SAMPLE)
    assert "# the reason\n" + SAMPLE[SAMPLE.index("dn::") : SAMPLE.index("dn: cn=smith")] in again
    assert again.count("# the reason\ndn:") == 4


def test_entry_rejected_again_has_only_the_new_reason() -> None:
    once = write_rejected("ldif", f"# a comment\n  on two lines\n{DN}uid: x\r\n# another\nuserPassword: x\n")
    assert once == f"# the reason\n{DN}uid: x\nuserPassword: x\n\n"
    assert write_rejected("ldif", once, "another") == once.replace("the reason", "another")


def test_fixed_entries_are_read() -> None:
    fixed = write_rejected("ldif", SAMPLE).replace("sn: O'Brien\n", "userPassword: hash\n")
    assert [user.username for user in read_users("ldif", fixed)] == ["admin", "zoé", "smith, john", "o'brien"]
