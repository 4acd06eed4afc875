"""The record id and the credential stamp of an entry, with the attributes of several directories."""

import pytest

from providers.ldap.client.responses import Entry
from providers.ldap.records import CHANGE_ATTRIBUTES, ID_ATTRIBUTES, credential_stamp, record_id


def entry(**attributes: bytes) -> Entry:
    """Return an entry with these attributes."""
    return Entry("uid=zoe,dc=example,dc=org", {name.lower(): [value] for name, value in attributes.items()})


@pytest.mark.parametrize("name", ID_ATTRIBUTES)
def test_record_id_comes_from_the_identifier_of_each_directory(name: str) -> None:
    one, two = entry(**{name: b"\xff\x00" * 8}), entry(**{name: b"\xfe\x00" * 8})
    assert record_id(one)
    assert record_id(one) == record_id(entry(**{name: b"\xff\x00" * 8}, uid=b"renamed"))
    assert record_id(one) != record_id(two)


def test_entry_without_an_identifier_has_no_record_id() -> None:
    assert record_id(entry(uid=b"zoe")) is None


def test_attribute_that_appears_later_does_not_change_the_record_id_of_389_directory_server() -> None:
    assert record_id(entry(nsUniqueId=b"1-2-3-4")) == record_id(entry(nsUniqueId=b"1-2-3-4", entryUUID=b"5"))


HASHES = (b"{SSHA}one", b"{SSHA}two")


@pytest.mark.parametrize("name", CHANGE_ATTRIBUTES)
def test_stamp_changes_with_each_attribute_that_a_new_password_changes(name: str) -> None:
    absent, one, two = (credential_stamp(entry(**values)) for values in ({}, *({name: value} for value in HASHES)))
    assert len({absent, one, two}) == 3


@pytest.mark.parametrize(
    "changed",
    ["pwdFailureTime", "pwdAccountLockedTime", "lastLogon", "badPwdCount", "modifyTimestamp", "authTimestamp"],
)
def test_stamp_ignores_attributes_that_a_login_changes(changed: str) -> None:
    assert credential_stamp(entry(**{changed: b"1"})) == credential_stamp(entry(**{changed: b"2"}))


@pytest.mark.parametrize("scheme", [b"", b"{CLEARTEXT}", b"{cleartext}", b"{CLEAR}"])
def test_stamp_contains_no_password_that_is_stored_as_plain_text(scheme: bytes) -> None:
    assert credential_stamp(entry(userPassword=scheme + b"hunter2")) == credential_stamp(entry())


def test_order_of_values_does_not_change_the_stamp() -> None:
    one, two = ({"userpassword": values} for values in ([*HASHES], [*reversed(HASHES)]))
    assert credential_stamp(Entry("cn=x", one)) == credential_stamp(Entry("cn=x", two))
