"""Users as written by Django's `dumpdata`."""

import json
from io import BytesIO, StringIO
from typing import Any

import pytest

from services.user_import.formats import FORMATS, UserFields
from services.user_import.formats.findings import Findings
from tests.support.user_file_formats import (
    HASH,
    read_entries,
    read_errors,
    read_users,
    unreadable_reason,
    write_rejected,
)

# From Django 5.2: `dumpdata auth.group auth.user`.
SAMPLE = r"""[{"model": "auth.group", "pk": 1, "fields": {"name": "editors", "permissions": []}}, {"model": "auth.group", "pk": 2, "fields": {"name": "zoë's friends", "permissions": []}}, {"model": "auth.user", "pk": 1, "fields": {"password": "pbkdf2_sha256$1000000$7em8w43hM6GVB3auRKNBrZ$ct0Y9rQfVwJUi70+yjOCzbe/YiRuC9j3bMkDLP+kvaA=", "last_login": null, "is_superuser": true, "username": "zoé", "first_name": "", "last_name": "", "email": "zoe@example.org", "is_staff": true, "is_active": true, "date_joined": "2026-11-23T20:37:42.612Z", "groups": [1, 2], "user_permissions": []}}, {"model": "auth.user", "pk": 2, "fields": {"password": "scrypt$16384$fP83Y6w1CaXTs6PgKruqut$8$5$jtjTUbSXdACaKmbdgF2fW6UE5/UjDpxKd3tcQ76ENQw4kBBFQai4wUrsxIzC+X+RHf0rjGY/PTna9kHWLZzLeA==", "last_login": null, "is_superuser": false, "username": "o'brien", "first_name": "", "last_name": "", "email": "", "is_staff": false, "is_active": true, "date_joined": "2026-11-23T20:37:42.835Z", "groups": [1], "user_permissions": []}}, {"model": "auth.user", "pk": 3, "fields": {"password": "pbkdf2_sha1$1000000$Flnht5uvylA3Wj0UsngB0y$5YnYSxlRRK6Lq1xlKcGWpZ4Foho=", "last_login": null, "is_superuser": false, "username": "he said \"hi\"\\", "first_name": "", "last_name": "", "email": "x@example.org", "is_staff": false, "is_active": false, "date_joined": "2026-11-23T20:37:43.125Z", "groups": [], "user_permissions": []}}, {"model": "auth.user", "pk": 4, "fields": {"password": "!TejpEN0kwiWL6D0kSEZRDnqC7WcYsHZrQAUsRx5C", "last_login": null, "is_superuser": false, "username": "日本 太郎", "first_name": "", "last_name": "", "email": "taro@example.org", "is_staff": false, "is_active": true, "date_joined": "2026-11-23T20:37:43.126Z", "groups": [], "user_permissions": []}}]
"""  # noqa: E501 - Django writes one line
# The first of these users, from `dumpdata auth.user --natural-foreign --indent 2`.
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
    """Return an object of the model `auth.user`. A field that is None is omitted."""
    members = {"username": "zoé", "password": HASH, "email": "", "is_active": True, "groups": []} | fields
    return {
        "model": "auth.user",
        "pk": 1,
        "fields": {name: value for name, value in members.items() if value is not None},
    }


def test_output_of_django_is_read() -> None:
    found = read_users("django", SAMPLE)
    assert found[0] == ZOE
    assert [(user.username, user.email, user.roles, user.active) for user in found[1:]] == [
        ("o'brien", None, ("editors",), True),
        ('he said "hi"\\', "x@example.org", (), False),
        ("日本 太郎", "taro@example.org", (), True),
    ]


def test_output_with_natural_keys_and_indent_is_read() -> None:
    assert read_users("django", NATURAL) == [ZOE]


def test_position_is_the_number_among_all_objects() -> None:
    assert [entry.position for entry in read_entries("django", SAMPLE)] == [3, 4, 5, 6]


def test_custom_model_named_user_is_read() -> None:
    objects = [
        user() | {"model": "accounts.user"},
        {"model": "accounts.user_group", "pk": 1, "fields": {"name": "x", "score": float("nan")}},
        {"model": "auth.permission", "pk": [1], "fields": {"name": "x"}},
        {"model": "auth.group", "pk": [1], "fields": {"name": "x"}},
        {"model": "auth.group", "pk": "x", "fields": {"name": "x"}},
    ]
    assert len(read_users("django", json.dumps(objects))) == 1


def test_email_address_replaces_a_missing_username() -> None:
    objects = [user(username=None, email="zoe@example.org", is_active=None, groups=None)]
    assert read_users("django", json.dumps(objects)) == [
        UserFields("zoe@example.org", "zoe@example.org", HASH, (), active=True)
    ]


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"username": None}, "`username` is missing"),
        ({"username": 1}, "`username` is not a string"),
        ({"email": ["x"]}, "`email` is not a string or null"),
        ({"password": None}, "`password` is missing"),
        ({"password": 1}, "`password` is not a string"),
        ({"is_active": "yes"}, "`is_active` is not true or false"),
        ({"groups": "editors"}, "`groups` is not a list"),
        ({"groups": ["editors"]}, "`groups` is not a list of numbers or of names"),
        ({"groups": [["editors", "x"]]}, "`groups` is not a list of numbers or of names"),
        (
            {"groups": [1]},
            (
                "`groups` has the number of a group that is not dumped before the user: dump auth.group first, "
                "or use --natural-foreign"
            ),
        ),
        ({"username": "\ud83d"}, "the object has an escape of an unpaired surrogate"),
    ],
)
def test_user_after_an_invalid_user_is_read(fields: dict[str, Any], error: str) -> None:
    content = json.dumps([user(**fields), user(), {"model": "auth.group", "pk": 1, "fields": {"name": "too late"}}])
    assert read_errors("django", content) == [(1, error)]
    assert len(read_entries("django", content)) == 2
    assert read_errors("django", write_rejected("django", content)) == [(1, error)]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "the file is not a JSON array of objects"),
        (json.dumps(user()), "the file is not a JSON array of objects"),
        ("[1]", "the file is not a JSON array of objects"),
        (json.dumps([user(), "x"]), "the text after object 1 is not a JSON array of objects"),
        (json.dumps([user()])[:-1], "the text after object 1 is not a JSON array of objects"),
        (json.dumps([user()])[:-1] + ",]", "the text after object 1 is not a JSON array of objects"),
        (json.dumps([user()]) * 2, "the text after object 1 is not a JSON array of objects"),
        (
            json.dumps([user(), user()])[:-2],
            "the text after object 1 is not JSON with objects of at most 1048576 characters",
        ),
        ('[{"model":' + "[" * 10_000, "the file is not JSON with objects of at most 1048576 characters"),
        (f'[{{"model": "{HASH * 30_000}"}}]', "the file is not JSON with objects of at most 1048576 characters"),
        (f'[{{"username": "zoé", "password": "{HASH}"}}]', "object 1 is not from `dumpdata`"),
        ('[{"model": "auth.user", "fields": []}]', "object 1 is not from `dumpdata`"),
    ],
    ids=lambda value: value[:40],
)
def test_file_of_another_format_is_unreadable(content: str, reason: str) -> None:
    message = unreadable_reason("django", content)
    assert message.startswith(reason)
    assert HASH not in message


def test_error_names_the_object_before_text_that_is_not_utf_8() -> None:
    content = json.dumps([user()] * 1000).encode()[:-1] + b", \xff]"
    assert unreadable_reason("django", content).endswith(" is not UTF-8")
    assert unreadable_reason("django", "[]é".encode()[:-1]) == "the file is not UTF-8"


@pytest.mark.parametrize("indent", [None, 2])
def test_objects_across_blocks_are_read(indent: int | None) -> None:
    names = [f"{'é' * (number % 97)}{number}" for number in range(2000)]
    content = json.dumps([user(username=name) for name in names], indent=indent, ensure_ascii=False)
    assert [user.username for user in read_users("django", content)] == names


def test_file_without_users_is_read() -> None:
    assert read_entries("django", " [ ]\n") == []
    assert write_rejected("django", "[]") == "[]\n"


def test_rejected_user_keeps_its_fields_and_names_its_groups() -> None:
    content = json.dumps([{"model": "auth.group", "pk": 7, "fields": {"name": "editors"}}, user(groups=[7, 8], x="日")])
    again = write_rejected("django", content)
    assert json.loads(again) == [user(groups=[["editors"], 8], x="日") | {"rejected": "the reason"}]
    assert "日" in again
    assert write_rejected("django", again, "another") == again.replace("the reason", "another")


def test_fixed_users_are_read() -> None:
    content = json.dumps([user(is_active="no"), user(groups=[7]), user()])
    fixed = write_rejected("django", content).replace('"no"', "false").replace("[7]", '[["editors"]]')
    assert [(user.roles, user.active) for user in read_users("django", fixed)] == [
        ((), False),
        (("editors",), True),
        ((), True),
    ]


def test_rejected_users_are_written_one_at_a_time() -> None:
    file = StringIO()
    with FORMATS["django"].rejected_writer(file) as write:
        for entry in FORMATS["django"].read(BytesIO(SAMPLE.encode()), Findings()):
            write(entry, "the reason")
            assert file.getvalue().endswith("}")
    assert len(read_users("django", file.getvalue())) == 4
