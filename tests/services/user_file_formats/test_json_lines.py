"""Users as JSON Lines."""

import json
from io import StringIO

import pytest
from hypothesis import given
from hypothesis.strategies import booleans, builds, lists, none, text

from services.user_import.formats import EXPORT_FORMATS, UserFields
from tests.support.user_file_formats import (
    HASH,
    USERS,
    read_entries,
    read_errors,
    read_users,
    unreadable_reason,
    write_rejected,
)

ANY = text()
ZOE = '{"username": "zoé", "password_hash": "hash"}'


def exported(users: list[UserFields]) -> str:
    """Return the content of an exported file."""
    file = StringIO(newline="")
    write = EXPORT_FORMATS["jsonl"](file)
    for user in users:
        write(user)
    return file.getvalue()


def test_exported_users_are_read() -> None:
    assert read_users("jsonl", exported(USERS)) == USERS


@given(lists(builds(UserFields, ANY, none() | ANY, ANY, lists(ANY).map(tuple), booleans()), min_size=1))
def test_export_keeps_any_text(users: list[UserFields]) -> None:
    assert read_users("jsonl", exported(users)) == users


def test_two_members_are_required() -> None:
    assert read_users("jsonl", ZOE) == [UserFields("zoé", None, "hash", (), active=True)]


def test_blank_lines_are_counted_and_skipped() -> None:
    entries = read_entries("jsonl", f"\r\n{ZOE}\r\n  \n{ZOE}")
    assert [entry.position for entry in entries] == [2, 4]


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("username: zoé", "the line is not JSON"),
        (ZOE + ZOE, "the line is not JSON"),
        (ZOE[:-1], "the line is not JSON"),
        ('{"username": NaN, "password_hash": "hash"}', "the line is not JSON"),
        ('{"username": -Infinity, "password_hash": "hash"}', "the line is not JSON"),
        ('{"username": ' + "9" * 5000 + "}", "the line is not JSON"),
        ("[" * 100_000, "the line is not JSON"),
        ('{"username":' * 10_000, "the line is not JSON"),
        ('["zoé", "hash"]', "the line is not a JSON object"),
        ("null", "the line is not a JSON object"),
        (r'{"username": "\ud83d", "password_hash": "hash"}', "the object has an escape of an unpaired surrogate"),
        (
            r'{"username": "a", "password_hash": "h", "roles": ["\uDE00"]}',
            "the object has an escape of an unpaired surrogate",
        ),
        ('{"password_hash": "hash"}', "`username` is missing"),
        ('{"username": null, "password_hash": "hash"}', "`username` is not a string"),
        ('{"username": "zoé", "password_hash": ["hash"]}', "`password_hash` is not a string or null"),
        (ZOE[:-1] + ', "email": 1}', "`email` is not a string or null"),
        (ZOE[:-1] + ', "roles": "admin"}', "`roles` is not a list of strings"),
        (ZOE[:-1] + ', "roles": ["admin", null]}', "`roles` is not a list of strings"),
        (ZOE[:-1] + ', "active": 1}', "`active` is not true or false"),
        (ZOE[:-1] + ', "active": "true"}', "`active` is not true or false"),
        (ZOE[:-1] + ', "locked": "perhaps"}', "`locked` is neither true nor false"),
        (ZOE[:-1] + ', "status": {}}', "`status` is not a single value"),
    ],
    ids=lambda value: value[:40],
)
def test_line_after_an_invalid_line_is_read(line: str, error: str) -> None:
    content = f"{line}\n{ZOE}\n"
    assert read_errors("jsonl", content) == [(1, error)]
    assert len(read_entries("jsonl", content)) == 2
    assert read_errors("jsonl", write_rejected("jsonl", content)) == [(1, error)]


def test_escaped_surrogate_pair_is_read() -> None:
    assert [user.username for user in read_users("jsonl", r'{"username": "\ud83d\ude00", "password_hash": "h"}')] == [
        "😀"
    ]


def test_line_over_the_limit_is_unreadable() -> None:
    content = f'{ZOE}\n{{"username": "{"x" * 2**21}{HASH}"}}\n'
    assert unreadable_reason("jsonl", content) == "line 2 is longer than 1048576 bytes"


def test_rejected_object_has_the_reason_as_a_member() -> None:
    again = write_rejected("jsonl", ZOE[:-1] + ', "roles": ["日本"], "rejected": "an old reason", "phone": 1.5}\r\n')
    assert again.endswith("}\n")
    assert "日本" in again
    assert json.loads(again) == json.loads(ZOE) | {"roles": ["日本"], "phone": 1.5, "rejected": "the reason"}


@pytest.mark.parametrize("line", ["username: zoé", ZOE[:-1], "[1]", '{"a": NaN}', "[" * 100_000])
def test_rejected_line_that_is_not_an_object_is_unchanged(line: str) -> None:
    assert write_rejected("jsonl", f"{line}\r\n{{}}") == f'{line}\n{{"rejected": "the reason"}}\n'


def test_deeply_nested_object_that_is_read_is_written_again() -> None:
    # Python 3.11 writes about 990 levels, and 3.13 thousands.
    depths = [*range(800, 1000), 100_000]
    lines = "".join(f'{{"\\u00e9": {"[" * depth}{"]" * depth}}}\n' for depth in depths)
    again = write_rejected("jsonl", lines)
    assert 0 < again.count("the reason") < len(depths)
    assert again.count("\n") == len(depths)


def test_unpaired_surrogate_is_written_as_an_escape() -> None:
    assert r"\ud83d" in write_rejected("jsonl", r'{"username": "\ud83d", "password_hash": "hash"}')


def test_fixed_lines_are_read() -> None:
    again = write_rejected("jsonl", f'{ZOE}\n{{"username": "x", "password_hash": "hash", "active": 1}}\n{ZOE[:-1]}\n')
    fixed = again.replace('"active": 1', '"active": false').rstrip() + "}"
    assert [(user.username, user.active) for user in read_users("jsonl", fixed)] == [
        ("zoé", True),
        ("x", False),
        ("zoé", True),
    ]
