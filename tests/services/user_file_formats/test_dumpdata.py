"""Users as Django's `dumpdata` writes them."""

import json
from io import BytesIO, StringIO
from typing import Any

import pytest

from services.user_import.formats import FORMATS, UserFields
from tests.support.user_file_formats import HASH, faults, read, refuse, unreadable, users

# Made by Django 5.2: `dumpdata auth.group auth.user`.
SAMPLE = r"""[{"model": "auth.group", "pk": 1, "fields": {"name": "editors", "permissions": []}}, {"model": "auth.group", "pk": 2, "fields": {"name": "zoë's friends", "permissions": []}}, {"model": "auth.user", "pk": 1, "fields": {"password": "pbkdf2_sha256$1000000$7em8w43hM6GVB3auRKNBrZ$ct0Y9rQfVwJUi70+yjOCzbe/YiRuC9j3bMkDLP+kvaA=", "last_login": null, "is_superuser": true, "username": "zoé", "first_name": "", "last_name": "", "email": "zoe@example.org", "is_staff": true, "is_active": true, "date_joined": "2026-11-23T20:37:42.612Z", "groups": [1, 2], "user_permissions": []}}, {"model": "auth.user", "pk": 2, "fields": {"password": "scrypt$16384$fP83Y6w1CaXTs6PgKruqut$8$5$jtjTUbSXdACaKmbdgF2fW6UE5/UjDpxKd3tcQ76ENQw4kBBFQai4wUrsxIzC+X+RHf0rjGY/PTna9kHWLZzLeA==", "last_login": null, "is_superuser": false, "username": "o'brien", "first_name": "", "last_name": "", "email": "", "is_staff": false, "is_active": true, "date_joined": "2026-11-23T20:37:42.835Z", "groups": [1], "user_permissions": []}}, {"model": "auth.user", "pk": 3, "fields": {"password": "pbkdf2_sha1$1000000$Flnht5uvylA3Wj0UsngB0y$5YnYSxlRRK6Lq1xlKcGWpZ4Foho=", "last_login": null, "is_superuser": false, "username": "he said \"hi\"\\", "first_name": "", "last_name": "", "email": "x@example.org", "is_staff": false, "is_active": false, "date_joined": "2026-11-23T20:37:43.125Z", "groups": [], "user_permissions": []}}, {"model": "auth.user", "pk": 4, "fields": {"password": "!TejpEN0kwiWL6D0kSEZRDnqC7WcYsHZrQAUsRx5C", "last_login": null, "is_superuser": false, "username": "日本 太郎", "first_name": "", "last_name": "", "email": "taro@example.org", "is_staff": false, "is_active": true, "date_joined": "2026-11-23T20:37:43.126Z", "groups": [], "user_permissions": []}}]
"""  # noqa: E501 - it is all on one line
# The same users by `dumpdata auth.user --natural-foreign --indent 2`: the first of them.
NATURAL = """[
{
  "model": "auth.user",
  "pk": 1,
  "fields": {
    "password": "pbkdf2_sha256$1000000$7em8w43hM6GVB3auRKNBrZ$ct0Y9rQfVwJUi70+yjOCzbe/YiRuC9j3bMkDLP+kvaA=",
    "last_login": null,
    "is_superuser": true,
    "username": "zoé",
    "first_name": "",
    "last_name": "",
    "email": "zoe@example.org",
    "is_staff": true,
    "is_active": true,
    "date_joined": "2026-11-23T20:37:42.612Z",
    "groups": [
      [
        "editors"
      ],
      [
        "zoë's friends"
      ]
    ],
    "user_permissions": []
  }
}
]
"""
ZOE = UserFields(
    "zoé",
    "zoe@example.org",
    "pbkdf2_sha256$1000000$7em8w43hM6GVB3auRKNBrZ$ct0Y9rQfVwJUi70+yjOCzbe/YiRuC9j3bMkDLP+kvaA=",
    ("editors", "zoë's friends"),
    active=True,
)


def user(**fields: Any) -> dict[str, Any]:
    """Return a user as Django has them; None takes a field away."""
    members = {"username": "zoé", "password": HASH, "email": "", "is_active": True, "groups": []} | fields
    return {
        "model": "auth.user",
        "pk": 1,
        "fields": {name: value for name, value in members.items() if value is not None},
    }


def test_the_real_thing_is_read() -> None:
    found = users("django", SAMPLE)
    assert found[0] == ZOE
    assert [(user.username, user.email, user.roles, user.active) for user in found[1:]] == [
        ("o'brien", None, ("editors",), True),
        ('he said "hi"\\', "x@example.org", (), False),
        ("日本 太郎", "taro@example.org", (), True),
    ]


def test_groups_may_have_names_and_lines_an_indent() -> None:
    assert users("django", NATURAL) == [ZOE]


def test_a_place_is_a_number_among_all_objects() -> None:
    assert [entry.place for entry in read("django", SAMPLE)] == [3, 4, 5, 6]


def test_models_of_their_own_are_users_by_name() -> None:
    things = [
        user() | {"model": "accounts.user"},
        {"model": "accounts.user_group", "pk": 1, "fields": {"name": "x", "score": float("nan")}},
        {"model": "auth.permission", "pk": [1], "fields": {"name": "x"}},
        {"model": "auth.group", "pk": [1], "fields": {"name": "x"}},
        {"model": "auth.group", "pk": "x", "fields": {"name": "x"}},
    ]
    assert len(users("django", json.dumps(things))) == 1


def test_a_model_without_a_username_logs_in_with_the_address() -> None:
    things = [user(username=None, email="zoe@example.org", is_active=None, groups=None)]
    assert users("django", json.dumps(things)) == [
        UserFields("zoe@example.org", "zoe@example.org", HASH, (), active=True)
    ]


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"username": None}, "it has no `username`"),
        ({"username": 1}, "`username` is not text"),
        ({"email": ["x"]}, "`email` is not text or null"),
        ({"password": None}, "it has no `password`"),
        ({"password": 1}, "`password` is not text"),
        ({"is_active": "yes"}, "`is_active` is not true or false"),
        ({"groups": "editors"}, "`groups` is not a list"),
        ({"groups": ["editors"]}, "`groups` is not a list of numbers or of names"),
        ({"groups": [["editors", "x"]]}, "`groups` is not a list of numbers or of names"),
        (
            {"groups": [1]},
            "its `groups` are numbers that no group before it has: dump auth.group first, or use --natural-foreign",
        ),
        ({"username": "\ud83d"}, "it has an escape that is not Unicode text"),
    ],
)
def test_a_faulty_user_does_not_hide_the_next(fields: dict[str, Any], fault: str) -> None:
    content = json.dumps([user(**fields), user(), {"model": "auth.group", "pk": 1, "fields": {"name": "too late"}}])
    assert faults("django", content) == [(1, fault)]
    assert len(read("django", content)) == 2
    assert faults("django", refuse("django", content)) == [(1, fault)]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "it is not a JSON array of objects"),
        (json.dumps(user()), "it is not a JSON array of objects"),
        ("[1]", "it is not a JSON array of objects"),
        (json.dumps([user(), "x"]), "after object 1, it is not a JSON array of objects"),
        (json.dumps([user()])[:-1], "after object 1, it is not a JSON array of objects"),
        (json.dumps([user()])[:-1] + ",]", "after object 1, it is not a JSON array of objects"),
        (json.dumps([user()]) * 2, "after object 1, it is not a JSON array of objects"),
        (
            json.dumps([user(), user()])[:-2],
            "after object 1, it is not JSON with objects of at most 1048576 characters",
        ),
        ('[{"model":' + "[" * 10_000, "it is not JSON with objects of at most 1048576 characters"),
        (f'[{{"model": "{HASH * 30_000}"}}]', "it is not JSON with objects of at most 1048576 characters"),
        (f'[{{"username": "zoé", "password": "{HASH}"}}]', "object 1 is not from `dumpdata`"),
        ('[{"model": "auth.user", "fields": []}]', "object 1 is not from `dumpdata`"),
    ],
    ids=lambda value: value[:40],
)
def test_a_file_that_is_something_else_is_refused_whole(content: str, reason: str) -> None:
    told = unreadable("django", content)
    assert told.startswith(reason)
    assert HASH not in told


def test_what_is_not_utf_8_is_told_by_the_object_before_it() -> None:
    content = json.dumps([user()] * 1000).encode()[:-1] + b", \xff]"
    assert unreadable("django", content).endswith("it is not UTF-8")
    assert unreadable("django", "[]é".encode()[:-1]) == "it is not UTF-8"


@pytest.mark.parametrize("indent", [None, 2])
def test_objects_are_read_wherever_a_block_ends(indent: int | None) -> None:
    names = [f"{'é' * (number % 97)}{number}" for number in range(2000)]
    content = json.dumps([user(username=name) for name in names], indent=indent, ensure_ascii=False)
    assert [user.username for user in users("django", content)] == names


def test_no_user_is_fine() -> None:
    assert read("django", " [ ]\n") == []
    assert refuse("django", "[]") == "[]\n"


def test_a_refused_user_keeps_their_fields_and_the_names_of_their_groups() -> None:
    content = json.dumps([{"model": "auth.group", "pk": 7, "fields": {"name": "editors"}}, user(groups=[7, 8], x="日")])
    again = refuse("django", content)
    assert json.loads(again) == [user(groups=[["editors"], 8], x="日") | {"refused": "the reason"}]
    assert "日" in again
    assert refuse("django", again, "another") == again.replace("the reason", "another")


def test_mended_users_are_read() -> None:
    content = json.dumps([user(is_active="no"), user(groups=[7]), user()])
    mended = refuse("django", content).replace('"no"', "false").replace("[7]", '[["editors"]]')
    assert [(user.roles, user.active) for user in users("django", mended)] == [
        ((), False),
        (("editors",), True),
        ((), True),
    ]


def test_what_is_refused_is_written_user_by_user() -> None:
    file = StringIO()
    with FORMATS["django"].refused(file) as write:
        for entry in FORMATS["django"].read(BytesIO(SAMPLE.encode())):
            write(entry, "the reason")
            assert file.getvalue().endswith("}")
    assert len(users("django", file.getvalue())) == 4
