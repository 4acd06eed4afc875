"""The audit events of users: kept after them, by name, newest first."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
import time_machine
from sqlalchemy import Engine

from database.audit import MAX_SHOWN_EVENTS, record_event
from database.user_editor import UserEditor
from tests.support.emptied_database import KINDS, emptied


@pytest.fixture(params=KINDS)
def engine(request: pytest.FixtureRequest) -> Engine:
    """An engine of a database without events."""
    return emptied(request)


def told(editor: UserEditor, username: str) -> list[tuple[str, str, str | None]]:
    """Return what was done, by whom."""
    return [(event.operator, event.action, event.details) for event in editor.users.history(username)]


def test_a_user_begins_with_an_event_that_has_their_roles(engine: Engine) -> None:
    editor = UserEditor(engine, "cli:root")
    editor.add("one", None, "hash")
    editor.add("two", None, "hash", ["b", "a", "b"])
    assert told(editor, "one") == [("cli:root", "user_added", "roles: none")]
    assert told(editor, "two") == [("cli:root", "user_added", "roles: a, b")]


def test_each_operator_is_told_with_what_they_did_newest_first_and_of_this_user_alone(engine: Engine) -> None:
    first, second = UserEditor(engine, "cli:zoe"), UserEditor(engine, "database:root")
    first.add("Zoé", None, "hash")
    second.set_active("zoé", active=False)
    second.add("somebody", None, "hash")
    first.set_active("zoé", active=True)
    expected = [
        ("cli:zoe", "user_enabled", None),
        ("database:root", "user_disabled", None),
        ("cli:zoe", "user_added", "roles: none"),
    ]
    for spelling in ("Zoé", "ZOÉ", "zoe\u0301"):
        assert told(first, spelling) == expected
    assert told(first, "nobody") == told(first, "%") == []


def test_events_outlive_users_and_names(engine: Engine) -> None:
    editor = UserEditor(engine, "tests")
    editor.add("one", None, "hash")
    editor.change("one", lambda row: replace(row, username="two"))
    editor.delete("two")
    assert [action for _, action, _ in told(editor, "two")] == ["user_deleted", "user_renamed"]
    assert [action for _, action, _ in told(editor, "one")] == ["user_added"]


def test_only_the_newest_are_shown(engine: Engine) -> None:
    with engine.begin() as connection:
        for number in range(MAX_SHOWN_EVENTS + 5):
            record_event(connection, "tests", f"act{number}", "zoé")
    shown = [action for _, action, _ in told(UserEditor(engine, "tests"), "zoé")]
    assert shown == [f"act{number}" for number in range(MAX_SHOWN_EVENTS + 4, 4, -1)]


def test_an_event_of_many_is_nobodys(engine: Engine) -> None:
    with engine.begin() as connection:
        record_event(connection, "tests", "users_imported", None, "7 users")
    assert told(UserEditor(engine, "tests"), "none") == []


def test_the_time_of_an_event_is_that_of_the_change(engine: Engine) -> None:
    editor = UserEditor(engine, "tests")
    moment = datetime(2031, 5, 6, 7, 8, 9, tzinfo=UTC)
    with time_machine.travel(moment, tick=False):
        editor.add("zoé", None, "hash")
    assert [event.at for event in editor.users.history("zoé")] == [moment]


def test_no_event_and_no_text_of_a_user_has_the_hash(engine: Engine, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    editor = UserEditor(engine, "tests")
    row = editor.add("zoé", None, "secret-hash-1")
    editor.set_password("zoé", "secret-hash-2")
    editor.change_password(editor.users.require("zoé"), "secret-hash-3", None)
    assert "secret-hash" not in f"{editor.users.history('zoé')} {row} {editor.delete('zoé')!r} {caplog.text}"
