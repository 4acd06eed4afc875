"""`GET /api/users`: a client follows `next` from page to page."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from config.text import casefold_name
from tests.conftest import new_migrated_database
from tests.support.emptied_database import DATABASE_KINDS
from tests.support.sessions import bearer
from tests.support.stores import hashed, user_table
from tests.support.users import ZOE
from tests.support.users_api import MAX, Admin, admin_at

NAMES = ["a&b=c", "a b", "a+b", "a%2fb", "a#b", "日本 太郎", "ä?", "x;y", "o'brien", 'q"q', "back\\slash", "%", "_"]
NAMES += [
    "Straße",
    "a/b",
    "http://a",
    "ÄÖ",
    "Z",
    "aa",
    "null",
    "0",
    "zzz=%00",
    "\U0001f511",
    "e\u0301x",
    "E",
    "&after=",
]


@pytest.fixture(scope="module", params=DATABASE_KINDS)
def reader(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Admin:
    """Zoé, among the users of `add_users`, in a database that no test changes."""
    if request.param == "postgres":
        url = new_migrated_database(request.getfixturevalue("postgres"), "pages")
    else:
        url = f"sqlite:///{tmp_path_factory.mktemp('pages')}/users.db"
    reader = admin_at(user_table(url, [ZOE]))
    add_users(reader)
    return reader


@pytest.fixture
def admin(users_environ: dict[str, str]) -> Admin:
    """Zoé, among the users of `add_users`."""
    admin = admin_at(users_environ)
    admin.table.delete(MAX.username)
    add_users(admin)
    return admin


def add_users(admin: Admin) -> None:
    """Add users whose names need encoding. Every second has the role `Ed & Co`, every third is disabled."""
    for number, name in enumerate(NAMES):
        roles = ["user", "Ed & Co"] if number % 2 else ["user"]
        admin.table.add(name, f"{number}@Example.org", hashed("x"), roles, active=number % 3 > 0)


def pages_from(admin: Admin, path: str) -> list[dict[str, Any]]:
    """Return the page at this path and all pages after it."""
    response = admin.client.get(path, headers=bearer(admin.access))
    body: dict[str, Any] = response.get_json()
    assert (response.status_code, set(body)) == (200, {"status", "data", "next"}), body
    assert response.headers["Cache-Control"] == "no-store"
    return [body, *(pages_from(admin, body["next"]) if body["next"] else [])]


def names(admin: Admin, query: str) -> list[str]:
    """Return the usernames on all pages of a query."""
    return [user["username"] for page in pages_from(admin, f"/api/users?{query}") for user in page["data"]]


def by_name(*usernames: str) -> list[str]:
    return sorted(usernames, key=casefold_name)


@pytest.mark.parametrize("limit", [1, 9, 26, 27])
def test_following_next_lists_every_user_once_in_order(reader: Admin, limit: int) -> None:
    pages = pages_from(reader, f"/api/users?limit={limit}")
    assert [user["username"] for page in pages for user in page["data"]] == by_name(*NAMES, ZOE.username)
    assert {len(page["data"]) for page in pages[:-1]} <= {limit}
    assert 0 < len(pages[-1]["data"]) <= limit


def test_list_and_detail_return_the_same_user(reader: Admin) -> None:
    for user in pages_from(reader, "/api/users")[0]["data"]:
        assert reader.read(user["id"]).get_json()["data"] == user


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ("role=Ed+%26+Co", range(1, 26, 2)),
        ("active=false", range(0, 26, 3)),
        ("active=true&role=Ed+%26+Co&search=@EXAMPLE.org", [1, 5, 7, 11, 13, 17, 19, 23, 25]),
        ("search=1@example", [1, 11, 21]),
        ("search=a%26B", [0]),
        ("search=%25", [3, 11, 21]),
        ("search=_", [12]),
        ("search=%5C", [10]),
        ("search=STRASSE", [13]),
        ("role=ed+%26+co", []),
        ("role=nobody's", []),
        ("search=nobody's", []),
    ],
)
def test_next_keeps_the_filters(reader: Admin, query: str, numbers: list[int]) -> None:
    assert names(reader, f"{query}&limit=2") == by_name(*(NAMES[number] for number in numbers))


def test_next_has_only_the_given_parameters(reader: Admin) -> None:
    path = pages_from(reader, "/api/users?limit=2&search=a")[0]["next"]
    assert urlsplit(path).path == "/api/users"
    assert parse_qs(urlsplit(path).query) == {"limit": ["2"], "search": ["a"], "after": ["&after="]}


@pytest.mark.parametrize(("after", "first"), [("a%20c", "a#b"), ("A%20B", "a#b"), ("Z", "zoé"), ("%F0%9F%94%92", None)])
def test_page_begins_after_any_name_even_if_it_is_unknown(reader: Admin, after: str, first: str | None) -> None:
    assert next(iter(names(reader, f"after={after}&limit=200")), None) == first


def test_page_size_is_50_by_default_and_200_at_most(admin: Admin) -> None:
    for number in range(175):
        admin.table.add(f"more{number}", None, hashed("x"))
    assert [len(page["data"]) for page in pages_from(admin, "/api/users")] == [50, 50, 50, 50, 2]
    assert [len(page["data"]) for page in pages_from(admin, "/api/users?limit=200")] == [200, 2]


def test_added_and_deleted_users_do_not_shift_the_pages(admin: Admin) -> None:
    first = pages_from(admin, "/api/users?limit=5")[0]
    admin.table.delete(first["data"][4]["username"])
    admin.table.add("!", None, hashed("x"))
    rest = [user["username"] for page in pages_from(admin, first["next"]) for user in page["data"]]
    assert rest == by_name(*NAMES, ZOE.username)[5:]
