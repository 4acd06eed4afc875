"""Edits of users: audit events, versions, ended sessions, and rejected edits."""

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select, update

from database.errors import LastAdmin, NoSuchUser, UserChanged, UserExists
from database.session_table import SessionTable
from database.tables import audit_events, users
from database.user_editor import UserEditor
from database.user_row import UserRow
from tests.support.database_contents import contents, replacing
from tests.support.emptied_database import DATABASE_KINDS, empty_engine
from tests.support.session_rows import session_ids, session_of

OTHERS = ["database:root", "database:zoe", "ldap:Zoé"]


@pytest.fixture(params=DATABASE_KINDS)
def engine(request: pytest.FixtureRequest) -> Engine:
    """An engine of a database without users."""
    return empty_engine(request)


@pytest.fixture
def editor(engine: Engine) -> UserEditor:
    """An editor of a table with Zoé, an administrator, and sessions of both."""
    editor = UserEditor(engine, "cli:operator")
    editor.add("root", "root@example.org", "hash", ["admin", "user"])
    editor.add("Zoé", "Zoe@example.org", "hash", ["user"])
    for username, provider in [("Zoé", "database"), ("root", "database"), ("zoe", "database"), ("Zoé", "ldap")]:
        assert SessionTable(engine).open(session_of(username, provider), 0)
    return editor


Edit = Callable[[UserEditor], UserRow]


def edit_zoe(**fields: Any) -> Edit:
    """Return an edit that gives Zoé these fields."""
    return lambda editor: editor.change("zoé", replacing(**fields))


def own_password(editor: UserEditor) -> UserRow:
    """Change the password in the way of its user."""
    editor.change_password(editor.users.require("zoé"), "another")
    return editor.users.require("zoé")


ALL_FIELDS: dict[str, Any] = {"username": "zz", "email": "z@x", "roles": ("admin", "user"), "active": False}
# The edit; the action and the details of its events; whether Zoé's sessions end.
EDITS: dict[str, tuple[Edit, list[tuple[str, str | None]], bool]] = {
    "rename": (edit_zoe(username="Zoë"), [("user_renamed", "was Zoé")], True),
    "other case": (edit_zoe(username="ZOÉ"), [("user_renamed", "was Zoé")], True),
    "email": (edit_zoe(email="new@example.org"), [("email_changed", "was Zoe@example.org")], False),
    "no email": (edit_zoe(email=None), [("email_changed", "was Zoe@example.org")], False),
    "more roles": (edit_zoe(roles=("user", "b", "a")), [("roles_changed", "+a +b")], False),
    "other roles": (edit_zoe(roles=("editor", "admin")), [("roles_changed", "+admin +editor -user")], True),
    "no roles": (edit_zoe(roles=()), [("roles_changed", "-user")], True),
    "disable": (lambda editor: editor.set_active("ZOÉ", active=False), [("user_disabled", None)], True),
    "all": (
        edit_zoe(**ALL_FIELDS),
        [
            ("user_renamed", "was Zoé"),
            ("email_changed", "was Zoe@example.org"),
            ("roles_changed", "+admin"),
            ("user_disabled", None),
        ],
        True,
    ),
    "password": (lambda editor: editor.set_password("zoe@EXAMPLE.org", "another"), [("password_set", None)], True),
    "own password": (own_password, [("password_changed", None)], True),
}


def each_edit(*names: str) -> pytest.MarkDecorator:
    """Run a test for each edit. The names are those of the columns that it needs."""
    columns = [("edit", "expected_events", "ends_sessions").index(name) for name in names]
    return pytest.mark.parametrize(names, [[row[column] for column in columns] for row in EDITS.values()], ids=EDITS)


def events(engine: Engine) -> list[tuple[Any, ...]]:
    """Return the audit events after those of the two added users."""
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(select(audit_events).order_by(audit_events.c.id))][2:]


@each_edit("edit", "expected_events")
def test_each_edit_writes_its_audit_events(
    engine: Engine, editor: UserEditor, edit: Edit, expected_events: list[tuple[str, str]]
) -> None:
    row = edit(editor)
    assert [event[3:6] for event in events(engine)] == [
        (action, row.username.lower(), details) for action, details in expected_events
    ]
    for _, at, operator, *_ in events(engine):
        assert (operator, at.tzinfo) == ("cli:operator", UTC)
        assert abs(datetime.now(UTC) - at) < timedelta(minutes=5)


@each_edit("edit")
def test_each_edit_changes_updated_at_and_version(editor: UserEditor, edit: Edit) -> None:
    before, other = editor.users.require("zoé"), editor.users.require("root")
    after = edit(editor)
    assert after == editor.users.get(before.id)
    assert after.version != before.version
    assert after.updated_at > before.updated_at
    assert (after.created_at, after.last_login_at) == (before.created_at, None)
    assert editor.users.require("root") == other


@each_edit("edit", "ends_sessions")
def test_edit_ends_only_the_sessions_of_its_user(
    engine: Engine, editor: UserEditor, edit: Edit, ends_sessions: bool
) -> None:
    edit(editor)
    assert session_ids(engine) == sorted([*OTHERS, *([] if ends_sessions else ["database:Zoé"])])
    ended = [(row.ended, row.idp, row.username_folded) for row in SessionTable(engine).revocations_after(0)]
    assert ended == [("database:Zoé", None, None), (None, "database", "zoé")] * ends_sessions


def test_disabling_a_user_whom_sql_has_disabled_ends_their_sessions(engine: Engine, editor: UserEditor) -> None:
    with engine.begin() as connection:
        connection.execute(update(users).where(users.c.username == "Zoé").values(active=False))
    editor.set_active("zoé", active=False)
    assert (session_ids(engine), events(engine)) == (OTHERS, [])


def test_one_edit_can_change_all_fields(editor: UserEditor) -> None:
    before = editor.users.require("zoé")
    after = edit_zoe(**ALL_FIELDS)(editor)
    assert after == replace(before, **ALL_FIELDS, updated_at=after.updated_at)
    assert editor.users.require("Z@X") == editor.users.find("ZZ") == after
    assert editor.users.find("zoé") is None


def test_deleting_a_user_deletes_roles_and_sessions_and_frees_the_name(engine: Engine, editor: UserEditor) -> None:
    before = editor.users.require("zoé")
    assert editor.delete("zoe@example.org") == before
    assert editor.users.get(before.id) is None
    assert [event[2:6] for event in events(engine)] == [("cli:operator", "user_deleted", "zoé", None)]
    assert (session_ids(engine), len(contents(engine)["latchkey_user_roles"])) == (OTHERS, 2)
    assert editor.add("zoé", "zoe@example.org", "hash").roles == ()


NO_CHANGE: dict[str, Edit] = {
    "nothing": edit_zoe(),
    "the same": edit_zoe(username="Zoé", email="Zoe@example.org", roles=("user",), active=True),
    "a role twice": edit_zoe(roles=("user", "user")),
    "enable": lambda editor: editor.set_active("zoé", active=True),
    "fields that it does not change": edit_zoe(password_hash="another", last_login_at=datetime.now(UTC)),
}


@pytest.mark.parametrize("edit", NO_CHANGE.values(), ids=NO_CHANGE)
def test_edit_without_a_change_writes_nothing(engine: Engine, editor: UserEditor, edit: Edit) -> None:
    before = contents(engine)
    assert edit(editor) == editor.users.require("zoé")
    assert contents(engine) == before


def test_edit_without_a_change_keeps_the_version_of_a_disabled_user(editor: UserEditor) -> None:
    disabled = editor.set_active("zoé", active=False)
    assert edit_zoe()(editor) == disabled


REJECTED: dict[str, tuple[Callable[[UserEditor], object], type[Exception]]] = {
    "add": (lambda editor: editor.add("ZOÉ", None, "hash", ["new"]), UserExists),
    "rename": (edit_zoe(username="ROOT", roles=("new",)), UserExists),
    "email": (edit_zoe(email="Root@example.org", active=False), UserExists),
    "stale change": (lambda editor: editor.change("zoé", replacing(roles=()), "old"), UserChanged),
    "stale change of nothing": (lambda editor: editor.change("zoé", lambda row: row, "old"), UserChanged),
    "stale password": (lambda editor: editor.set_password("zoé", "another", "old"), UserChanged),
    "password of an unknown user": (lambda editor: editor.set_password("unknown", "another"), NoSuchUser),
    "unknown id": (lambda editor: editor.set_active(4711, active=False), NoSuchUser),
    "deletion of an unknown user": (lambda editor: editor.delete("unknown@example.org"), NoSuchUser),
    "last admin": (lambda editor: editor.set_active("root", active=False), LastAdmin),
}


@pytest.mark.parametrize(("edit", "error"), REJECTED.values(), ids=REJECTED)
def test_rejected_edit_changes_nothing(
    engine: Engine,
    editor: UserEditor,
    edit: Callable[[UserEditor], object],
    error: type[Exception],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    before = contents(engine)
    with pytest.raises(error):
        edit(editor)
    assert contents(engine) == before
    assert caplog.messages == []


def test_error_during_an_edit_rolls_it_back(engine: Engine, editor: UserEditor) -> None:
    before = contents(engine)
    with pytest.raises(Exception, match="name_not_empty"):
        edit_zoe(username="zz", roles=("fine", ""))(editor)
    assert contents(engine) == before


def test_edit_is_logged(editor: UserEditor, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    user_id = edit_zoe(username="z\u3000z", active=False)(editor).id
    assert caplog.messages == [
        rf'user_renamed user_id={user_id} provider=database operator=cli:operator account="z\u3000z" details="was Zoé"',
        rf'user_disabled user_id={user_id} provider=database operator=cli:operator account="z\u3000z"',
    ]
