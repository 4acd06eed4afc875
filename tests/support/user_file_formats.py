"""Helpers for the tests of every file format: read a text, and write its entries again as rejected."""

from io import BytesIO, StringIO

import pytest

from services.user_import.formats import FORMATS, Entry, UnreadableFile, UserFields
from services.user_import.formats.findings import Findings
from tests.support.users import SAMPLE_USERS

HASH = "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$8fGHMqxNYBnzgTLhTpCQ3y"
USERS = [
    UserFields(user.username, user.email, HASH, user.roles, active)
    for user, active in zip(SAMPLE_USERS, [True, False] * len(SAMPLE_USERS), strict=False)
]


def read_entries(name: str, content: str | bytes, findings: Findings | None = None) -> list[Entry]:
    """Return the entries of a file of this format. `findings` receives what else it contains."""
    data = content.encode() if isinstance(content, str) else content
    return list(FORMATS[name].read(BytesIO(data), findings or Findings()))


def read_users(name: str, content: str | bytes) -> list[UserFields]:
    """Return the users of a file, all of which must be valid."""
    entries = read_entries(name, content)
    assert [entry.error for entry in entries if entry.error] == []
    return [entry.fields for entry in entries if entry.fields]


def read_errors(name: str, content: str | bytes) -> list[tuple[int, str]]:
    """Return the position and the error of each invalid entry of a file."""
    return [(entry.position, entry.error) for entry in read_entries(name, content) if entry.error]


def unreadable_reason(name: str, content: str | bytes) -> str:
    """Return why the file cannot be read."""
    with pytest.raises(UnreadableFile) as caught:
        read_entries(name, content)
    return str(caught.value)


def write_rejected(name: str, content: str | bytes, reason: str = "the reason") -> str:
    """Return the file of rejected entries that has all entries of this content."""
    file = StringIO(newline="")
    with FORMATS[name].rejected_writer(file) as write:
        for entry in read_entries(name, content):
            write(entry, reason)
    file.getvalue().encode()
    return file.getvalue()
