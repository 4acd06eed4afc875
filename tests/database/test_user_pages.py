"""Pages of a few hundred users with unusual names: each filter and order is compared with Python's."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice, product

import psycopg
import pytest
from sqlalchemy import Engine, insert, select

from config.text import casefold_name
from database import user_pages, user_table
from database.schema import upgrade
from database.tables import roles, user_roles, users
from database.user_editor import UserEditor
from database.user_filter import SortKey, UserFilter
from database.user_roles import ensure_roles
from database.user_row import UserRow
from database.user_table import UserTable
from tests.support.emptied_database import DATABASE_KINDS, empty_engine
from tests.support.stores import engine_of

STEMS = ("Ab", "aé", "ÄÖ", "日本", "100%", "a_b", "a\\b", "a/b", "straße", "İ", "zz", "𝒵", "o'b", "[x]")
COMMON, RARE, LIMIT = "common", "rare", 5


def names() -> Iterator[str]:
    for number, stem in product(range(20), STEMS):
        yield f"{stem}{number * 7919 % 1000}"


def row_of(number: int, name: str) -> dict[str, object]:
    """Return the columns of a user: every third is disabled, and every other one has an email."""
    email = f"{name}@Example.org" if number % 2 else None
    folded = {"username_folded": casefold_name(name), "email_folded": email and casefold_name(email)}
    return {"username": name, "email": email, **folded, "password_hash": "hash", "active": bool(number % 3)}


def fill(engine: Engine) -> None:
    """Add 280 users, created at the same time. Most have one role, five have another, and six have a third."""
    now = datetime.now(UTC)
    times = {"created_at": now, "updated_at": now}
    with engine.begin() as connection:
        connection.execute(insert(users), [row_of(*numbered) | times for numbered in enumerate(names())])
        ensure_roles(connection, [COMMON, RARE, "six"])
        role_ids = {row.name: row.id for row in connection.execute(select(roles))}
        user_ids = connection.scalars(select(users.c.id).order_by(users.c.username_folded)).all()
        ids_by_role = {COMMON: [id_ for number, id_ in enumerate(user_ids) if number % 4], RARE: user_ids[::56]}
        for role, ids in {**ids_by_role, "six": user_ids[::47]}.items():
            connection.execute(insert(user_roles), [{"user_id": id_, "role_id": role_ids[role]} for id_ in ids])


@pytest.fixture(scope="module", params=DATABASE_KINDS)
def filled(request: pytest.FixtureRequest) -> Engine:
    """A database with the users. The tests only read it."""
    engine = empty_engine(request)
    fill(engine)
    return engine


@pytest.fixture
def pages(filled: Engine, monkeypatch: pytest.MonkeyPatch) -> UserTable:
    """The table, with a small limit for roles and few users per query."""
    monkeypatch.setattr(user_pages, "SMALL_ROLE_LIMIT", LIMIT)
    monkeypatch.setattr(user_table, "USERS_PER_QUERY", 50)
    return UserTable(filled)


def expected_users(rows: list[UserRow], user_filter: UserFilter) -> list[UserRow]:
    """Return the filtered and sorted users."""
    part = casefold_name(user_filter.search or "")
    matching = [
        row
        for row in rows
        if (user_filter.role is None or user_filter.role in row.roles)
        and user_filter.active in {None, row.active}
        and (part in casefold_name(row.username) or part in casefold_name(row.email or ""))
    ]
    by_name = user_filter.sort == "username"
    # SQLite sorts by code points, and so does PostgreSQL with the collation C of the tests.
    return sorted(
        matching, key=lambda row: (casefold_name(row.username) if by_name else "", row.id), reverse=user_filter.reverse
    )


def read_pages(pages: UserTable, user_filter: UserFilter, limit: int) -> list[UserRow]:
    """Read page after page until one is not full."""
    rows: list[UserRow] = []
    for _ in names():  # at most as many pages as users
        last = (rows[-1].username if user_filter.sort == "username" else rows[-1].id) if rows else None
        page = pages.page(user_filter, limit, last)
        rows += page
        if len(page) < limit:
            break
    return rows


def read_all(pages: UserTable, user_filter: UserFilter, after: str | int | None = None) -> list[UserRow]:
    """Return all users that `iterate` yields, and at most 1000."""
    return [*islice(pages.iterate(user_filter, after), 1000)]


@pytest.mark.parametrize("role", [None, COMMON, RARE, "six", "unassigned", "Common"])
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("sort", ["username", "created"])
def test_pages_of_each_filter_are_complete_and_in_order(
    pages: UserTable, sort: SortKey, reverse: bool, role: str | None
) -> None:
    rows = read_all(pages, UserFilter())
    assert len(rows) == pages.count() == len(STEMS) * 20
    for active, search in product((None, True, False), (None, "A", "example.ORG")):
        user_filter = UserFilter(role, active, search, sort, reverse)
        expected = expected_users(rows, user_filter)
        assert read_pages(pages, user_filter, 40) == read_all(pages, user_filter) == expected, user_filter
    assert role in {"unassigned", "Common"} or expected_users(rows, UserFilter(role))


@pytest.mark.parametrize(("role", "count"), [(RARE, LIMIT), ("six", LIMIT + 1)])
def test_role_with_the_limit_of_users_and_one_more_is_listed_completely(
    pages: UserTable, role: str, count: int
) -> None:
    assert len(read_all(pages, UserFilter(role))) == count


@pytest.mark.parametrize(
    "search",
    ["%", "_", "\\", "/", "a_b", "a\\b1", "100%", "ÄÖ", "äö", "日本", "STRASSE", "𝒵", "'", "[x]", "9@", "%%", "''"],
)
def test_search_is_literal_and_ignores_case(pages: UserTable, search: str) -> None:
    expected = expected_users(read_all(pages, UserFilter()), UserFilter(search=search))
    assert read_all(pages, UserFilter(search=search)) == expected
    assert bool(expected) is (search not in {"%%", "''"})


@pytest.mark.parametrize(("sort", "reverse"), [("username", False), ("username", True), ("created", True)])
def test_page_continues_after_a_username_in_any_case_or_between_two_users(
    pages: UserTable, sort: SortKey, reverse: bool
) -> None:
    user_filter = UserFilter(sort=sort, reverse=reverse)
    rows = expected_users(read_all(pages, UserFilter()), user_filter)
    after = rows[100].username.upper() if sort == "username" else rows[100].id
    assert pages.page(user_filter, 30, after) == rows[101:131]
    assert read_all(pages, user_filter, after) == rows[101:]
    if sort == "username":
        between = rows[100].username + ("\x01" if not reverse else "")
        assert pages.page(user_filter, 3, between)[0].username in {rows[100].username, rows[101].username}


def test_user_on_a_page_has_all_roles(pages: UserTable) -> None:
    for row in pages.page(UserFilter(role=RARE), 3):
        assert row == pages.get(row.id)


@pytest.fixture(params=DATABASE_KINDS)
def few(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> UserEditor:
    """The editor of a table with ten users, of which a query reads three."""
    monkeypatch.setattr(user_table, "USERS_PER_QUERY", 3)
    editor = UserEditor(empty_engine(request), "tests")
    for number in range(0, 100, 10):
        editor.add(f"user{number:02}", None, "hash", ["user"])
    return editor


@pytest.mark.parametrize("sort", ["username", "created"])
def test_iteration_reads_one_snapshot_during_concurrent_edits(few: UserEditor, sort: SortKey) -> None:
    user_filter = UserFilter(sort=sort)
    before = read_all(few.users, user_filter)
    reader = few.users.iterate(user_filter)
    seen = [next(reader)]
    few.add("user55", None, "hash")
    few.add("zz", None, "hash")
    few.delete("user60")
    few.change("user70", lambda row: replace(row, username="moved", roles=("editor",), active=False))
    seen += islice(reader, 1000)
    assert seen == before
    assert len(read_all(few.users, user_filter)) == 11


def test_pages_are_complete_in_a_database_with_a_language_collation(postgres: str) -> None:
    with psycopg.connect(f"{postgres}postgres", autocommit=True) as connection:
        connection.execute(
            "CREATE DATABASE sorted TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en-US-u-ka-shifted' LOCALE 'C'"
        )
    engine = engine_of({"DATABASE_URL": f"{postgres}sorted"})
    upgrade(engine)
    with engine.begin() as connection_:
        ensure_roles(connection_, [COMMON])
        connection_.execute(
            insert(users),
            [row_of(*numbered) for numbered in enumerate(names())],
        )
    pages = UserTable(engine)
    rows = read_all(pages, UserFilter())
    assert {row.username for row in rows} == {*names()}
    for reverse in (False, True):
        assert read_pages(pages, UserFilter(reverse=reverse), 7) == (rows[::-1] if reverse else rows)
    assert [casefold_name(row.username) for row in rows] != sorted(casefold_name(row.username) for row in rows)
