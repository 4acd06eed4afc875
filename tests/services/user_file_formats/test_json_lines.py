"""Users as JSON objects, each on a line."""

import json
from io import StringIO

import pytest
from hypothesis import given
from hypothesis.strategies import booleans, builds, lists, none, text

from services.user_import.formats import EXPORTS, UserFields
from tests.support.user_file_formats import HASH, USERS, faults, read, refuse, unreadable, users

ANY = text()
ZOE = '{"username": "zoé", "password_hash": "hash"}'


def exported(people: list[UserFields]) -> str:
    """Return the file that an export makes."""
    file = StringIO(newline="")
    write = EXPORTS["jsonl"](file)
    for person in people:
        write(person)
    return file.getvalue()


def test_what_is_exported_can_be_read() -> None:
    assert users("jsonl", exported(USERS)) == USERS


@given(lists(builds(UserFields, ANY, none() | ANY, ANY, lists(ANY).map(tuple), booleans())))
def test_no_text_is_lost_on_the_way(people: list[UserFields]) -> None:
    assert users("jsonl", exported(people)) == people


def test_two_members_are_enough() -> None:
    assert users("jsonl", ZOE) == [UserFields("zoé", None, "hash", (), active=True)]


def test_blank_lines_count_and_are_passed_over() -> None:
    entries = read("jsonl", f"\r\n{ZOE}\r\n  \n{ZOE}")
    assert [entry.place for entry in entries] == [2, 4]


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("username: zoé", "it is not JSON"),
        (ZOE + ZOE, "it is not JSON"),
        (ZOE[:-1], "it is not JSON"),
        ('{"username": NaN, "password_hash": "hash"}', "it is not JSON"),
        ('{"username": -Infinity, "password_hash": "hash"}', "it is not JSON"),
        ('{"username": ' + "9" * 5000 + "}", "it is not JSON"),
        ("[" * 100_000, "it is not JSON"),
        ('{"username":' * 10_000, "it is not JSON"),
        ('["zoé", "hash"]', "it is not an object"),
        ("null", "it is not an object"),
        (r'{"username": "\ud83d", "password_hash": "hash"}', "it has an escape that is not Unicode text"),
        (r'{"username": "a", "password_hash": "h", "roles": ["\uDE00"]}', "it has an escape that is not Unicode text"),
        ('{"password_hash": "hash"}', "it has no `username`"),
        ('{"username": "zoé"}', "it has no `password_hash`"),
        ('{"username": null, "password_hash": "hash"}', "`username` is not text"),
        ('{"username": "zoé", "password_hash": ["hash"]}', "`password_hash` is not text"),
        (ZOE[:-1] + ', "email": 1}', "`email` is not text or null"),
        (ZOE[:-1] + ', "roles": "admin"}', "`roles` is not a list of text"),
        (ZOE[:-1] + ', "roles": ["admin", null]}', "`roles` is not a list of text"),
        (ZOE[:-1] + ', "active": 1}', "`active` is not true or false"),
        (ZOE[:-1] + ', "active": "true"}', "`active` is not true or false"),
        (
            ZOE[:-1] + ', "is_admin": true}',
            "it has other members than username, email, password_hash, roles, active",
        ),
    ],
    ids=lambda value: value[:40],
)
def test_a_faulty_line_does_not_hide_the_next(line: str, fault: str) -> None:
    content = f"{line}\n{ZOE}\n"
    assert faults("jsonl", content) == [(1, fault)]
    assert len(read("jsonl", content)) == 2
    assert faults("jsonl", refuse("jsonl", content)) == [(1, fault)]


def test_a_pair_of_escapes_is_text() -> None:
    assert [user.username for user in users("jsonl", r'{"username": "\ud83d\ude00", "password_hash": "h"}')] == ["😀"]


def test_a_line_without_end_is_not_held() -> None:
    content = f'{ZOE}\n{{"username": "{"x" * 2**21}{HASH}"}}\n'
    assert unreadable("jsonl", content) == "line 2 is longer than 1048576 bytes"


def test_a_refused_object_gets_the_reason_as_a_member() -> None:
    again = refuse("jsonl", ZOE[:-1] + ', "roles": ["日本"], "refused": "an old reason", "phone": 1.5}\r\n')
    assert again.endswith("}\n")
    assert "日本" in again
    assert json.loads(again) == json.loads(ZOE) | {"roles": ["日本"], "phone": 1.5, "refused": "the reason"}


@pytest.mark.parametrize("line", ["username: zoé", ZOE[:-1], "[1]", '{"a": NaN}', "[" * 100_000])
def test_a_refused_line_that_is_no_object_stays_as_it_is(line: str) -> None:
    assert refuse("jsonl", f"{line}\r\n") == f"{line}\n"


def test_what_is_just_not_too_deep_to_read_is_not_too_deep_to_write() -> None:
    lines = "".join(f'{{"\\u00e9": {"[" * depth}{"]" * depth}}}\n' for depth in range(800, 1000))
    again = refuse("jsonl", lines)
    assert 0 < again.count("the reason") < 200
    assert again.count("\n") == 200


def test_half_of_a_pair_is_written_as_the_escape_it_was() -> None:
    assert r"\ud83d" in refuse("jsonl", r'{"username": "\ud83d", "password_hash": "hash"}')


def test_mended_lines_are_read() -> None:
    again = refuse("jsonl", f'{ZOE}\n{{"username": "x", "password_hash": "hash", "active": 1}}\n{ZOE[:-1]}\n')
    mended = again.replace('"active": 1', '"active": false').rstrip() + "}"
    assert [(user.username, user.active) for user in users("jsonl", mended)] == [
        ("zoé", True),
        ("x", False),
        ("zoé", True),
    ]
