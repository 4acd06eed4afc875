"""The audit events of users, and the history of one user."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
import time_machine
from sqlalchemy import Engine, text

from audit.events import Event
from database.audit import logged_after_commit, record_event
from database.errors import DatabaseUnavailable
from database.user_editor import UserEditor
from tests.support.emptied_database import DATABASE_KINDS, empty_engine
from tests.support.statement_hooks import call_before_statement


@pytest.fixture(params=DATABASE_KINDS)
def engine(request: pytest.FixtureRequest) -> Engine:
    """An engine of a database without events."""
    return empty_engine(request)


def history(editor: UserEditor, username: str) -> list[tuple[str, str, str | None]]:
    """Return the operator, the action and the details of each event."""
    return [(event.operator, event.action, event.details) for event in editor.users.history(username)]


def test_adding_a_user_writes_an_event_with_the_roles(engine: Engine) -> None:
    editor = UserEditor(engine, "cli:root")
    editor.add("one", None, "hash")
    editor.add("two", None, "hash", ["b", "a", "b"])
    assert history(editor, "one") == [("cli:root", "user_added", "roles: none")]
    assert history(editor, "two") == [("cli:root", "user_added", "roles: a, b")]


def test_history_of_a_user_lists_operators_and_actions_newest_first(engine: Engine) -> None:
    first, second = UserEditor(engine, "cli:zoe"), UserEditor(engine, "database:root")
    first.add("Zoé", None, "hash")
    second.set_active("zoé", active=False)
    second.add("another", None, "hash")
    first.set_active("zoé", active=True)
    expected = [
        ("cli:zoe", "user_enabled", None),
        ("database:root", "user_disabled", None),
        ("cli:zoe", "user_added", "roles: none"),
    ]
    for spelling in ("Zoé", "ZOÉ", "zoe\u0301"):
        assert history(first, spelling) == expected
    assert history(first, "unknown") == history(first, "%") == []


def test_events_outlive_their_user_and_a_rename(engine: Engine) -> None:
    editor = UserEditor(engine, "tests")
    editor.add("one", None, "hash")
    editor.change("one", lambda row: replace(row, username="two"))
    editor.delete("two")
    assert [action for _, action, _ in history(editor, "two")] == ["user_deleted", "user_renamed", "user_added"]
    assert [action for _, action, _ in history(editor, "one")] == ["user_added"]


def test_renamed_and_deleted_user_has_no_events_of_other_users_of_the_id(engine: Engine) -> None:
    editor = UserEditor(engine, "tests")
    for name in ("a", "b", "c"):  # on SQLite they have the same id
        editor.add(name, None, "hash", [name])
        editor.change(name, lambda row: replace(row, username=f"{row.username}2"))
        editor.delete(f"{name}2")
    assert [details for _, _, details in history(editor, "b2")] == [None, "was b", "roles: b"]
    assert [event.current_username for event in editor.users.history("b2")] == [None, None, None]


def test_events_of_a_deleted_and_imported_user_begin_after_those_of_the_former_user_of_the_id(engine: Engine) -> None:
    editor = UserEditor(engine, "tests")
    with logged_after_commit(engine.begin()) as connection:
        for name, action in (("a", Event.USER_DELETED), ("b", Event.USER_DISABLED), ("c", Event.USER_DELETED)):
            record_event(connection, "tests", action, name, user_id=7)
    assert [action for _, action, _ in history(editor, "c")] == ["user_deleted", "user_disabled"]


def test_user_has_no_events_of_a_deleted_user_of_the_same_name(engine: Engine) -> None:
    editor = UserEditor(engine, "tests")
    deleted = editor.add("zoé", None, "hash", ["admin"])
    editor.delete(deleted.id, force=True)
    new = editor.add("zoé", None, "hash")  # on SQLite it has the same id
    assert [event.details for event in editor.users.history_of(new.id)] == ["roles: none"]
    shown = [(event.action, event.current_username) for event in editor.users.history("zoé")]
    assert shown == [("user_added", "zoé"), ("user_deleted", None), ("user_added", None)]


def test_user_keeps_the_events_from_before_a_rename(engine: Engine) -> None:
    editor = UserEditor(engine, "tests")
    renamed = editor.add("zoé", None, "hash", ["user"])
    editor.change("zoé", lambda row: replace(row, username="zoë"))
    other = editor.add("zoé", None, "hash")
    actions = [(event.action, event.username_folded) for event in editor.users.history_of(renamed.id)]
    assert actions == [("user_renamed", "zoë"), ("user_added", "zoé")]
    assert [event.details for event in editor.users.history_of(other.id)] == ["roles: none"]
    assert [event.action for event in editor.users.history("zoë")] == ["user_renamed", "user_added"]
    of_name = [(event.details, event.current_username) for event in editor.users.history("zoé")]
    assert of_name == [("roles: none", "zoé"), ("roles: user", "zoë")]


def test_history_can_be_limited_to_the_newest_events(engine: Engine) -> None:
    with logged_after_commit(engine.begin()) as connection:
        for number in range(25):
            record_event(connection, "tests", Event.ROLES_CHANGED, "zoé", f"+{number}")
    table = UserEditor(engine, "tests").users
    assert [event.details for event in table.history("zoé", 3)] == ["+24", "+23", "+22"]
    assert len(table.history("zoé")) == 25


def test_event_of_many_users_is_not_in_the_history_of_one(engine: Engine) -> None:
    with logged_after_commit(engine.begin()) as connection:
        record_event(connection, "tests", Event.USERS_IMPORTED, None, "7 users")
    assert history(UserEditor(engine, "tests"), "none") == []


def test_event_has_the_time_of_the_edit(engine: Engine) -> None:
    editor = UserEditor(engine, "tests")
    time = datetime(2031, 5, 6, 7, 8, 9, tzinfo=UTC)
    with time_machine.travel(time, tick=False):
        editor.add("zoé", None, "hash")
    assert [event.at for event in editor.users.history("zoé")] == [time]


def test_hash_is_in_no_event_log_line_or_representation(engine: Engine, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    editor = UserEditor(engine, "tests")
    row = editor.add("zoé", None, "secret-hash-1")
    editor.set_password("zoé", "secret-hash-2")
    editor.change_password(editor.users.require("zoé"), "secret-hash-3")
    assert "secret-hash" not in f"{editor.users.history('zoé')} {row} {editor.delete('zoé')!r} {caplog.text}"


@pytest.mark.parametrize("engine", ["postgres"], indirect=True)
def test_lost_connection_is_an_outage_of_the_database(engine: Engine) -> None:
    editor = UserEditor(engine, "tests")
    editor.add("zoé", None, "hash")
    terminate = text(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )

    def end_other_connections() -> None:
        with engine.connect() as connection:
            connection.execute(terminate)

    lost = call_before_statement("UPDATE latchkey_users", end_other_connections)
    with lost, pytest.raises(DatabaseUnavailable):
        editor.set_active("zoé", active=False)
