"""Damaged import files, in every format: users, rejected entries, or one error; and what is written can be read."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.user_import.formats import FORMATS, Entry, UnreadableFile
from tests.fuzz.strategies import JSON_VALUES, damaged, fewer_examples
from tests.support.commands import run_command
from tests.support.stores import user_table
from tests.support.user_file_formats import HASH, read_entries, write_rejected

USAGE_ERROR = 2
"""The exit code if the file cannot be imported at all. Rejected entries are 1."""

SEEDS = {
    "csv": "username,email,password_hash,roles,active,expires_at,status,phone\r\n"
    f'zoé,zoe@example.org,"{HASH}","a,""b""",yes,2099-01-01,active,1\r\n\'=x,,"{HASH}",,0,,,\r\n',
    "jsonl": f'{{"username": "zoé", "email": null, "password_hash": "{HASH}", "roles": ["a"], "active": true}}\n{{}}\n',
    "htpasswd": f"# comment\nzoé:{HASH}\nmax:$apr1$xiQO/Kqz$Oel5kkkbTNYtdoy2rkZDv.\n",
    "django": f'[{{"model": "auth.group", "pk": 1, "fields": {{"name": "a"}}}}, {{"model": "auth.user", "fields": '
    f'{{"username": "zoé", "email": "", "password": "{HASH}", "groups": [1, ["b"]], "is_active": false}}}}]',
    "ldif": f"version: 1\n\n# comment\n continued\ndn:: dWlkPXpvw6k=\nuid:: em/DqQ==\nmail: zoe@\n example.org\n"
    f"userPassword: {HASH}\n\ndn: cn=a\ncn: a\nmember: uid=x\nmemberUid: x\n\n"
    "dn: uid=x\nchangetype: add\nuid;lang-en: x\nshadowExpire: 1\nuserPassword:< file:///x\n",
}
SIGNIFICANT = b"\n\r\t ,:;'\"\\#=<{}[]0-u\xef\xbb\xbf\x00\xff"
every_format = pytest.mark.parametrize("name", FORMATS)


def contents(name: str) -> st.SearchStrategy[bytes]:
    """Return a strategy of damaged files of a format."""
    whole = [SEEDS[name].encode()]
    return damaged(whole) | damaged(whole, SIGNIFICANT) | st.binary(max_size=100) | nested(name)


def nested(name: str) -> st.SearchStrategy[bytes]:
    """Return a strategy of entries with a value in many lists or objects."""
    start = {"django": b'[{"model": "auth.user", "fields": {"username": ', "jsonl": b'{"username": '}.get(name, b"")
    end = {"django": b"}}]", "jsonl": b"}"}.get(name, b"")
    return st.builds(
        lambda depth, mark: start + mark * depth + end, st.integers(1, 3000), st.sampled_from([b"[", b'{"a":'])
    )


def read(name: str, content: bytes) -> list[Entry] | None:
    """Return the entries of a file, `None` if it is unreadable."""
    try:
        return read_entries(name, content)
    except UnreadableFile as error:
        assert str(error).isprintable()
        assert HASH not in str(error)
        return None


@every_format
@given(data=st.data())
def test_damaged_file_has_users_or_errors(name: str, data: st.DataObject) -> None:
    content = data.draw(contents(name))
    for entry in read(name, content) or ():
        assert (entry.fields is None) != (entry.error is None)
        assert entry.error is None or (entry.error.isprintable() and HASH not in entry.error)
        assert HASH not in repr(entry)


@every_format
@given(data=st.data())
def test_rejected_entries_can_be_read_again(name: str, data: st.DataObject) -> None:
    content = data.draw(contents(name))
    entries = read(name, content)
    if entries:
        again = read(name, write_rejected(name, content).encode()) or []
        assert [entry.fields for entry in again] == [entry.fields for entry in entries]


@given(value=JSON_VALUES, member=st.sampled_from(["username", "email", "password_hash", "roles", "active", "more"]))
def test_member_of_any_type_is_a_user_or_an_error(value: object, member: str) -> None:
    valid = {"username": "zoé", "email": None, "password_hash": HASH, "roles": ["a"], "active": True}
    check_entry("jsonl", json.dumps({**valid, member: value}))


@given(value=JSON_VALUES, member=st.sampled_from(["username", "email", "password", "groups", "is_active", "more"]))
def test_field_of_any_type_is_a_user_or_an_error(value: object, member: str) -> None:
    valid = {"username": "zoé", "password": HASH, "groups": [["a"]], "is_active": True}
    check_entry("django", json.dumps([{"model": "auth.user", "fields": {**valid, member: value}}]))


def check_entry(name: str, content: str) -> None:
    """Check a file of one entry: a user has texts that UTF-8 can encode, and a rejected entry can be written again."""
    for entry in read(name, content.encode()) or ():
        if entry.fields:
            username, email, password_hash, roles, active = entry.fields
            "".join([username, email or "", password_hash or "", *roles]).encode()
            assert isinstance(active, bool)
    if read(name, content.encode()) is not None:
        write_rejected(name, content)


@pytest.fixture(scope="module")
def environ(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return user_table(f"sqlite:///{tmp_path_factory.mktemp('import')}/users.db", [])


@every_format
@fewer_examples(4)
@given(data=st.data())
def test_command_reports_a_damaged_file_without_a_traceback(
    name: str, data: st.DataObject, environ: dict[str, str]
) -> None:
    content = data.draw(contents(name))
    with TemporaryDirectory() as folder:
        file = Path(folder, "file")
        file.write_bytes(content)
        options = data.draw(st.sampled_from([["--dry-run"], ["--keep-going"], ["--dry-run", "--json"]]))
        ended = run_command("users", "import", str(file), "--format", name, *options, environ=environ)
    assert ended.exit_code in {0, 1, 2}
    assert isinstance(ended.exception, SystemExit | None), ended.exception
    assert ended.exit_code < USAGE_ERROR or len(ended.stderr.splitlines()) == 1, ended.stderr
    assert HASH not in ended.output
