"""What the tests of every format do: read a text, and write its entries again as refused."""

from io import BytesIO, StringIO

import pytest

from services.user_import.formats import FORMATS, Entry, UnreadableFile, UserFields
from tests.support.users import SAMPLE_USERS

HASH = "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$8fGHMqxNYBnzgTLhTpCQ3y"
USERS = [
    UserFields(person.username, person.email, HASH, person.roles, active)
    for person, active in zip(SAMPLE_USERS, [True, False] * len(SAMPLE_USERS), strict=False)
]


def read(name: str, content: str | bytes) -> list[Entry]:
    """Return what a file of this format has."""
    octets = content.encode() if isinstance(content, str) else content
    return list(FORMATS[name].read(BytesIO(octets)))


def users(name: str, content: str | bytes) -> list[UserFields]:
    """Return the users of a file in which nothing is wrong."""
    entries = read(name, content)
    assert [entry.fault for entry in entries if entry.fault] == []
    return [entry.fields for entry in entries if entry.fields]


def faults(name: str, content: str | bytes) -> list[tuple[int, str]]:
    """Return where the faulty entries of a file are, and why."""
    return [(entry.place, entry.fault) for entry in read(name, content) if entry.fault]


def unreadable(name: str, content: str | bytes) -> str:
    """Return why the file cannot be read."""
    with pytest.raises(UnreadableFile) as caught:
        read(name, content)
    return str(caught.value)


def refuse(name: str, content: str | bytes, reason: str = "the reason") -> str:
    """Return the file into which all entries go as refused."""
    file = StringIO(newline="")
    with FORMATS[name].refused(file) as write:
        for entry in read(name, content):
            write(entry, reason)
    file.getvalue().encode()
    return file.getvalue()
