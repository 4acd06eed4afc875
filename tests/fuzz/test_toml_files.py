"""Damaged users files and files of role rules: each is valid, or its problems name a place and quote no value."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.errors import ConfigurationError
from config.text import normalize_name
from providers.ldap.role_rules_file import read_role_rules
from providers.static.users_file import UsersFile
from providers.stored_users import unusable_reason
from tests.fuzz.strategies import UTF8_TEXT, damaged
from tests.support.user_file_formats import HASH

USERS = f"""
[[users]]
username = "zoé"
email = "zoe@example.org"
password_hash = "{HASH}"
roles = ["admin", "user"]

[[users]]
username = "max"
password_hash = "{HASH}"
active = false
""".encode()
RULES = b"""
default = ["user"]
[groups]
staff = "CN=Staff, OU=Groups, DC=Example"
[[rules]]
roles = ["editor"]
any = ["cn=writers,dc=example", { all = ["staff"], not = "guests" }]
"""
SECRETS = (HASH.rpartition("$")[2], "zoe@example.org", "OU=Groups")
Reader = Callable[[Path], object]


def quoted(text: str) -> str:
    """Return the text as a TOML string: JSON, except for a character that TOML requires to be escaped."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


depths = st.integers(1, 3000)
nested = st.sampled_from(
    [(b"users = ", b"["), (b"rules = ", b"["), (b"users = ", b"{a = "), (b"rules = ", b"[{not = ")]
)
nested_documents = st.builds(
    lambda start, depth, end: start[0] + start[1] * depth + end, nested, depths, st.sampled_from([b"", b"]", b"x"])
)
tables = st.sampled_from(["", "[[users]]\n", "[groups]\n", "[[rules]]\n", '[[rules]]\nroles = ["x"]\nall = [{'])
unknown_keys = st.builds(lambda table, key: f"{table}{quoted(key)} = 1".encode(), tables, UTF8_TEXT)
closed_rules = depths.map(lambda depth: b"rules = [" + b"{not = " * depth + b'"x"' + b"}" * depth + b"]")


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("toml") / "file.toml"
    path.touch(0o600)
    return path


def problems(read: Reader, file: Path, content: bytes) -> list[str]:
    """Return the problems of a file, which has none if it is valid."""
    file.write_bytes(content)
    try:
        read(file)
    except ConfigurationError as error:
        return error.lines
    return []


@pytest.mark.parametrize("read", [UsersFile.read, read_role_rules], ids=["users", "rules"])
@given(content=damaged([USERS, RULES]) | nested_documents | closed_rules | unknown_keys)
def test_problem_of_a_damaged_file_is_one_line_without_a_value(read: Reader, file: Path, content: bytes) -> None:
    for line in problems(read, file, content):
        assert line.isprintable(), line
        assert not any(secret in line for secret in SECRETS), line


@given(content=damaged([USERS]))
def test_users_of_a_damaged_file_have_valid_names_and_hashes(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    try:
        users = UsersFile.read(file)
    except ConfigurationError:
        return
    for user in users.entries:
        assert all(normalize_name(name) == name for name in (user.username, *user.roles))
        assert unusable_reason(user.password_hash) is None
        assert users.find(user.username.upper()) is user


@given(usernames=st.lists(UTF8_TEXT, max_size=3))
def test_names_are_normalized_or_named_as_a_problem(file: Path, usernames: list[str]) -> None:
    tables = [f"[[users]]\nusername = {quoted(name)}\npassword_hash = {quoted(HASH)}\n" for name in usernames]
    content = "\n".join(tables) or "users = []"
    if not problems(UsersFile.read, file, content.encode()):
        assert [user.username for user in UsersFile.read(file).entries] == [normalize_name(name) for name in usernames]
