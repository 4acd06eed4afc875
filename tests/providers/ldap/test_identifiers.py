"""Usernames that are GUIDs or SIDs: each becomes canonical text, and another format is refused."""

import re

import pytest

from providers.ldap.client.responses import Entry
from providers.ldap.usernames import MissingUsername, UsernameAttribute
from tests.servers.samba import Samba
from tests.support.active_directory import ALICE
from tests.support.directories import ldap_provider

UUID_TEXT = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"


@pytest.mark.parametrize(
    ("attribute", "text"),
    [("objectGUID", UUID_TEXT), ("objectSid", r"S-1-5-21(-\d+){4}"), ("OBJECTGUID", UUID_TEXT)],
)
def test_binary_identifier_becomes_canonical_text(samba: Samba, attribute: str, text: str) -> None:
    provider = ldap_provider(samba.environ(LDAP_USERNAME_ATTRIBUTE=attribute))
    user = provider.authenticate("alice", ALICE.password)
    assert user
    username = user["username"]
    assert re.fullmatch(text, username)
    for spelling in (username, username.upper(), username.lower()):
        assert provider.find(spelling) == user
        assert provider.has_username(spelling)
    for other in ("alice", username[:-1], f"{username}0", "S-1-5-21-9999999999-1"):
        assert provider.find(other) is None
        assert not provider.has_username(other)


def test_guid_has_the_spelling_of_active_directory() -> None:
    guid = bytes.fromhex("33221100554477668899aabbccddeeff")
    entry = Entry("cn=x", {"objectguid": [guid]})
    assert UsernameAttribute("objectGUID").username(entry) == "00112233-4455-6677-8899-aabbccddeeff"


@pytest.mark.parametrize("octets", [b"", b"\x01\x01", b"\x00" * 12, b"\x02\x01" + b"\x00" * 10, b"\xff" * 16])
def test_identifier_of_another_format_is_refused(octets: bytes) -> None:
    with pytest.raises(MissingUsername):
        UsernameAttribute("objectSid").username(Entry("cn=x", {"objectsid": [octets]}))


def test_texts_that_are_not_utf_8_stay_different() -> None:
    one, two = (Entry("cn=x", {"memberof": [octets]}) for octets in (b"cn=\xff", b"cn=\xfe"))
    assert one.texts("memberOf") != two.texts("memberOf")
