"""Leafing through a few hundred awkward users: every selection, in every order, is what Python selects."""

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
from tests.support.emptied_database import KINDS, emptied
from tests.support.stores import engine_of

STEMS = ("Ab", "aé", "ÄÖ", "日本", "100%", "a_b", "a\\b", "a/b", "straße", "İ", "zz", "𝒵", "o'b", "[x]")
COMMON, RARE, FEW = "common", "rare", 5


def names() -> Iterator[str]:
    for number, stem in product(range(20), STEMS):
        yield f"{stem}{number * 7919 % 1000}"


def row_of(number: int, name: str) -> dict[str, object]:
    """Return a user as the table has them: every third is disabled, and every other one has an address."""
    email = f"{name}@Example.org" if number % 2 else None
    folded = {"username_folded": casefold_name(name), "email_folded": email and casefold_name(email)}
    return {"username": name, "email": email, **folded, "password_hash": "hash", "active": bool(number % 3)}


def fill(engine: Engine) -> None:
    """Add 280 users, all of one moment, of whom most have a role, five another, and six a third."""
    moment = datetime.now(UTC)
    times = {"created_at": moment, "updated_at": moment}
    with engine.begin() as connection:
        connection.execute(insert(users), [row_of(*numbered) | times for numbered in enumerate(names())])
        ensure_roles(connection, [COMMON, RARE, "six"])
        role_ids = {row.name: row.id for row in connection.execute(select(roles))}
        user_ids = connection.scalars(select(users.c.id).order_by(users.c.username_folded)).all()
        holders = {COMMON: [id_ for number, id_ in enumerate(user_ids) if number % 4], RARE: user_ids[::56]}
        for role, ids in {**holders, "six": user_ids[::47]}.items():
            connection.execute(insert(user_roles), [{"user_id": id_, "role_id": role_ids[role]} for id_ in ids])


@pytest.fixture(scope="module", params=KINDS)
def filled(request: pytest.FixtureRequest) -> Engine:
    """A database with the users, who are only read."""
    engine = emptied(request)
    fill(engine)
    return engine


@pytest.fixture
def pages(filled: Engine, monkeypatch: pytest.MonkeyPatch) -> UserTable:
    """The table, in which a role is common that more than a few have, and of which few are read at a time."""
    monkeypatch.setattr(user_pages, "SMALL_ROLE_LIMIT", FEW)
    monkeypatch.setattr(user_table, "USERS_PER_QUERY", 50)
    return UserTable(filled)


def wanted(rows: list[UserRow], selection: UserFilter) -> list[UserRow]:
    """Select and sort in Python."""
    part = casefold_name(selection.search or "")
    chosen = [
        row
        for row in rows
        if (selection.role is None or selection.role in row.roles)
        and selection.active in {None, row.active}
        and (part in casefold_name(row.username) or part in casefold_name(row.email or ""))
    ]
    by_name = selection.sort == "username"
    # SQLite and PostgreSQL, whose order of letters is C's in the tests, both sort by code points.
    return sorted(
        chosen, key=lambda row: (casefold_name(row.username) if by_name else "", row.id), reverse=selection.reverse
    )


def leaf(pages: UserTable, selection: UserFilter, limit: int) -> list[UserRow]:
    """Go from page to page until one is not full."""
    rows: list[UserRow] = []
    for _ in names():  # no more pages than users
        last = (rows[-1].username if selection.sort == "username" else rows[-1].id) if rows else None
        page = pages.page(selection, limit, last)
        rows += page
        if len(page) < limit:
            break
    return rows


def each(pages: UserTable, selection: UserFilter, after: str | int | None = None) -> list[UserRow]:
    """Return what it yields, but not without end."""
    return [*islice(pages.iterate(selection, after), 1000)]


@pytest.mark.parametrize("role", [None, COMMON, RARE, "six", "nobody's", "Common"])
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("sort", ["username", "created"])
def test_every_selection_is_left_through_whole_and_in_order(
    pages: UserTable, sort: SortKey, reverse: bool, role: str | None
) -> None:
    rows = each(pages, UserFilter())
    assert len(rows) == pages.count() == len(STEMS) * 20
    for active, search in product((None, True, False), (None, "A", "example.ORG")):
        selection = UserFilter(role, active, search, sort, reverse)
        expected = wanted(rows, selection)
        assert leaf(pages, selection, 40) == each(pages, selection) == expected, selection
    assert role in {"nobody's", "Common"} or wanted(rows, UserFilter(role))


@pytest.mark.parametrize(("role", "holders"), [(RARE, FEW), ("six", FEW + 1)])
def test_a_role_is_rare_or_common_by_one_holder(pages: UserTable, role: str, holders: int) -> None:
    assert len(each(pages, UserFilter(role))) == holders


@pytest.mark.parametrize(
    "search",
    ["%", "_", "\\", "/", "a_b", "a\\b1", "100%", "ÄÖ", "äö", "日本", "STRASSE", "𝒵", "'", "[x]", "9@", "%%", "''"],
)
def test_a_search_means_what_it_says(pages: UserTable, search: str) -> None:
    expected = wanted(each(pages, UserFilter()), UserFilter(search=search))
    assert each(pages, UserFilter(search=search)) == expected
    assert bool(expected) is (search not in {"%%", "''"})


@pytest.mark.parametrize(("sort", "reverse"), [("username", False), ("username", True), ("created", True)])
def test_it_goes_on_after_whoever_was_last_though_they_are_gone_or_there_in_another_case(
    pages: UserTable, sort: SortKey, reverse: bool
) -> None:
    selection = UserFilter(sort=sort, reverse=reverse)
    rows = wanted(each(pages, UserFilter()), selection)
    after = rows[100].username.upper() if sort == "username" else rows[100].id
    assert pages.page(selection, 30, after) == rows[101:131]
    assert each(pages, selection, after) == rows[101:]
    if sort == "username":
        between = rows[100].username + ("\x01" if not reverse else "")
        assert pages.page(selection, 3, between)[0].username in {rows[100].username, rows[101].username}


def test_the_roles_of_users_are_whole_on_every_page(pages: UserTable) -> None:
    for row in pages.page(UserFilter(role=RARE), 3):
        assert row == pages.get(row.id)


@pytest.fixture(params=KINDS)
def few(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> UserEditor:
    """A table of ten, of which three are read at a time."""
    monkeypatch.setattr(user_table, "USERS_PER_QUERY", 3)
    editor = UserEditor(emptied(request), "tests")
    for number in range(0, 100, 10):
        editor.add(f"user{number:02}", None, "hash", ["user"])
    return editor


@pytest.mark.parametrize("sort", ["username", "created"])
def test_each_sees_one_moment_while_somebody_else_is_at_work(few: UserEditor, sort: SortKey) -> None:
    selection = UserFilter(sort=sort)
    before = each(few.users, selection)
    reader = few.users.iterate(selection)
    seen = [next(reader)]
    few.add("user55", None, "hash")
    few.add("zz", None, "hash")
    few.delete("user60")
    few.change("user70", lambda row: replace(row, username="moved", roles=("editor",), active=False))
    seen += islice(reader, 1000)
    assert seen == before
    assert len(each(few.users, selection)) == 11


def test_a_database_that_sorts_as_a_language_does_is_left_through_whole(postgres: str) -> None:
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
    rows = each(pages, UserFilter())
    assert {row.username for row in rows} == {*names()}
    for reverse in (False, True):
        assert leaf(pages, UserFilter(reverse=reverse), 7) == (rows[::-1] if reverse else rows)
    assert [casefold_name(row.username) for row in rows] != sorted(casefold_name(row.username) for row in rows)
