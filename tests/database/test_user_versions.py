"""Versions of users, by which nobody undoes what somebody else has just done; and logins, which are no change."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Engine

from database.errors import NoSuchUser, UserChanged
from database.session_table import SessionTable
from database.user_editor import UserEditor
from database.user_row import UserRow
from tests.support.database_contents import contents, having, run_concurrently
from tests.support.emptied_database import KINDS, emptied
from tests.support.session_rows import ids, of

NOW = datetime.now(UTC)
THREADS = 16


@pytest.fixture(params=KINDS)
def engine(request: pytest.FixtureRequest) -> Engine:
    """An engine of a database without users."""
    return emptied(request)


@pytest.fixture
def editor(engine: Engine) -> UserEditor:
    """A table with Zoé, who has two sessions."""
    editor = UserEditor(engine, "tests")
    editor.add("Zoé", "Zoe@example.org", "hash", ["user"])
    for username in ("Zoé", "zOÉ"):
        assert SessionTable(engine).open(of(username, "database"), 0)
    return editor


def test_every_change_makes_another_version_and_reading_makes_none(editor: UserEditor) -> None:
    versions = [editor.users.require("zoé").version]
    assert editor.users.require("Zoe@example.org").version == versions[0]
    changes: list[dict[str, Any]] = [
        {"roles": ()},
        {"roles": ("user",)},
        {"email": None},
        {"active": False},
        {"active": True},
    ]
    for members in changes:
        row = editor.change("zoé", having(**members), versions[-1])
        versions.append(row.version)
    versions.append(editor.set_password("zoé", "hash", versions[-1]).version)
    assert len({*versions}) == len(versions) == 7


def test_two_users_of_one_moment_have_two_versions(editor: UserEditor) -> None:
    row = editor.users.require("zoé")
    assert replace(row, id=row.id + 1).version != row.version


def test_of_many_who_change_one_version_at_once_one_does(engine: Engine, editor: UserEditor) -> None:
    seen = editor.users.require("zoé").version

    def change(number: int) -> Callable[[], UserRow]:
        if number % 2:
            return lambda: editor.set_password("zoé", f"hash {number}", seen)
        return lambda: editor.change("zoé", lambda row: replace(row, roles=(*row.roles, f"role{number}")), seen)

    answers = run_concurrently([change(number) for number in range(THREADS)])
    assert sorted(type(answer).__name__ for answer in answers) == ["UserChanged"] * (THREADS - 1) + ["UserRow"]
    assert editor.users.require("zoé") in answers
    assert len(contents(engine)["audit_events"]) == 2


def test_of_many_who_change_whatever_version_is_there_all_do(editor: UserEditor) -> None:
    def grant(number: int) -> Callable[[], UserRow]:
        return lambda: editor.change("zoé", lambda row: replace(row, roles=(*row.roles, f"role{number:02}")))

    run_concurrently([grant(number) for number in range(THREADS)])
    assert editor.users.require("zoé").roles == (*(f"role{number:02}" for number in range(THREADS)), "user")


def test_a_login_is_noted_and_is_no_change(engine: Engine, editor: UserEditor) -> None:
    before = editor.users.require("zoé")
    editor.users.record_login(before, NOW, "stronger")
    after = editor.users.require("zoé")
    assert after == replace(before, last_login_at=NOW, password_hash="stronger")
    assert after.version == before.version
    assert len(editor.users.history("zoé")) == 1
    assert ids(engine) == ["database:Zoé", "database:zOÉ"]


def test_a_login_with_what_is_not_the_password_any_more_is_not_noted(engine: Engine, editor: UserEditor) -> None:
    seen = editor.users.require("zoé")
    editor.set_password("zoé", "another")
    before = contents(engine)
    editor.users.record_login(seen, NOW, "stronger")
    assert contents(engine) == before


def test_of_many_who_log_in_at_once_one_replaces_the_hash(editor: UserEditor) -> None:
    seen = editor.users.require("zoé")
    moments = [NOW + timedelta(seconds=number) for number in range(8)]
    run_concurrently([partial(editor.users.record_login, seen, at, f"stronger {at}") for at in moments])
    row = editor.users.require("zoé")
    assert row.password_hash == f"stronger {row.last_login_at}"


@pytest.mark.parametrize(
    ("except_session_id", "left"),
    [("database:zOÉ", ["database:zOÉ"]), (None, []), ("of nobody", [])],
    ids=["own", "none", "odd"],
)
def test_who_changes_their_password_keeps_the_session_they_are_in(
    engine: Engine, editor: UserEditor, except_session_id: str | None, left: list[str]
) -> None:
    assert editor.change_password(editor.users.require("zoé"), "another", except_session_id).password_hash == "another"
    assert ids(engine) == left


def test_a_password_that_was_proven_is_changed_though_an_admin_has_changed_something_else(editor: UserEditor) -> None:
    seen = editor.users.require("zoé")
    editor.change("zoé", having(roles=("editor",), username="zz"))
    row = editor.change_password(seen, "another", None)
    assert (row.username, row.roles, row.password_hash) == ("zz", ("editor",), "another")


@pytest.mark.parametrize(
    ("first", "why"),
    [
        (lambda editor, row: editor.set_password(row.id, "of an admin"), UserChanged),
        (lambda editor, row: editor.users.record_login(row, NOW, "of a login"), UserChanged),
        (lambda editor, row: editor.delete(row.id), NoSuchUser),
    ],
    ids=["set", "replaced", "deleted"],
)
def test_a_password_that_was_proven_and_is_no_more_is_not_changed(
    engine: Engine, editor: UserEditor, first: Callable[[UserEditor, UserRow], object], why: type[Exception]
) -> None:
    seen = editor.users.require("zoé")
    first(editor, seen)
    before = contents(engine)
    with pytest.raises(why):
        editor.change_password(seen, "another", None)
    assert contents(engine) == before
