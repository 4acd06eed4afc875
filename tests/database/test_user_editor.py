"""Changes of users: each is whole, recorded, and ends what it should; or it is refused, and nothing has happened."""

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select

from database.errors import LastAdmin, NoSuchUser, UserChanged, UserExists
from database.session_table import SessionTable
from database.tables import audit_events
from database.user_editor import UserEditor
from database.user_row import UserRow
from tests.support.database_contents import contents, having
from tests.support.emptied_database import KINDS, emptied
from tests.support.session_rows import ids, of

OTHERS = ["database:root", "database:zoe", "ldap:Zoé"]


@pytest.fixture(params=KINDS)
def engine(request: pytest.FixtureRequest) -> Engine:
    """An engine of a database without users."""
    return emptied(request)


@pytest.fixture
def editor(engine: Engine) -> UserEditor:
    """The table in the hands of somebody, with Zoé in it, an admin, and the sessions of both."""
    editor = UserEditor(engine, "cli:somebody")
    editor.add("root", "root@example.org", "hash", ["admin", "user"])
    editor.add("Zoé", "Zoe@example.org", "hash", ["user"])
    for username, provider in [("Zoé", "database"), ("root", "database"), ("zoe", "database"), ("Zoé", "ldap")]:
        assert SessionTable(engine).open(of(username, provider), 0)
    return editor


def changed(**members: Any) -> Callable[[UserEditor], UserRow]:
    """Return what makes Zoé somebody with these members."""
    return lambda editor: editor.change("zoé", having(**members))


def own_password(editor: UserEditor) -> UserRow:
    """Change the password as its user does."""
    return editor.change_password(editor.users.require("zoé"), "another", None)


ALL: dict[str, Any] = {"username": "zz", "email": "z@x", "roles": ("admin", "user"), "active": False}
# What is done; the action and the details of its events; whether Zoé's sessions end.
CHANGES: dict[str, tuple[Callable[[UserEditor], UserRow], list[tuple[str, str | None]], bool]] = {
    "rename": (changed(username="Zoë"), [("user_renamed", "was Zoé")], True),
    "recase": (changed(username="ZOÉ"), [("user_renamed", "was Zoé")], True),
    "address": (changed(email="new@example.org"), [("email_changed", "was Zoe@example.org")], False),
    "no address": (changed(email=None), [("email_changed", "was Zoe@example.org")], False),
    "grant": (changed(roles=("user", "b", "a")), [("roles_changed", "+a +b")], False),
    "other roles": (changed(roles=("editor", "admin")), [("roles_changed", "+admin +editor -user")], False),
    "no roles": (changed(roles=()), [("roles_changed", "-user")], False),
    "disable": (lambda editor: editor.set_active("ZOÉ", active=False), [("user_disabled", None)], True),
    "all": (
        changed(**ALL),
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


def each(*places: int) -> pytest.MarkDecorator:
    """Run a test for every change, with what stands at these places of it."""
    names = [("act", "told", "ends")[place] for place in places]
    return pytest.mark.parametrize(names, [[row[place] for place in places] for row in CHANGES.values()], ids=CHANGES)


def events(engine: Engine) -> list[tuple[Any, ...]]:
    """Return every audit event, but for those of the beginning."""
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(select(audit_events).order_by(audit_events.c.id))][2:]


@each(0, 1)
def test_every_change_leaves_its_events(
    engine: Engine, editor: UserEditor, act: Callable[[UserEditor], UserRow], told: list[tuple[str, str]]
) -> None:
    row = act(editor)
    assert [event[3:] for event in events(engine)] == [(action, row.username.lower(), why) for action, why in told]
    for _, at, operator, *_ in events(engine):
        assert (operator, at.tzinfo) == ("cli:somebody", UTC)
        assert abs(datetime.now(UTC) - at) < timedelta(minutes=5)


@each(0)
def test_every_change_moves_the_time_and_the_version(editor: UserEditor, act: Callable[[UserEditor], UserRow]) -> None:
    before, other = editor.users.require("zoé"), editor.users.require("root")
    after = act(editor)
    assert after == editor.users.get(before.id)
    assert after.version != before.version
    assert after.updated_at > before.updated_at
    assert (after.created_at, after.last_login_at) == (before.created_at, None)
    assert editor.users.require("root") == other


@each(0, 2)
def test_a_users_sessions_end_when_they_should_and_nobody_elses(
    engine: Engine, editor: UserEditor, act: Callable[[UserEditor], UserRow], ends: bool
) -> None:
    act(editor)
    assert ids(engine) == sorted([*OTHERS, *([] if ends else ["database:Zoé"])])
    ended = [(row.ended, row.idp, row.username_folded) for row in SessionTable(engine).revocations_after(0)]
    assert ended == [("database:Zoé", None, None), (None, "database", "zoé")] * ends


def test_a_change_may_be_of_everything_at_once(editor: UserEditor) -> None:
    before = editor.users.require("zoé")
    after = changed(**ALL)(editor)
    assert after == replace(before, **ALL, updated_at=after.updated_at)
    assert editor.users.require("Z@X") == editor.users.find("ZZ") == after
    assert editor.users.find("zoé") is None


def test_who_is_deleted_is_gone_with_roles_and_sessions_and_the_name_is_free(
    engine: Engine, editor: UserEditor
) -> None:
    before = editor.users.require("zoé")
    assert editor.delete("zoe@example.org") == before
    assert editor.users.get(before.id) is None
    assert [event[2:] for event in events(engine)] == [("cli:somebody", "user_deleted", "zoé", None)]
    assert (ids(engine), len(contents(engine)["user_roles"])) == (OTHERS, 2)
    assert editor.add("zoé", "zoe@example.org", "hash").roles == ()


SAME: dict[str, Callable[[UserEditor], UserRow]] = {
    "nothing": changed(),
    "the same": changed(username="Zoé", email="Zoe@example.org", roles=("user",), active=True),
    "a role twice": changed(roles=("user", "user")),
    "enable": lambda editor: editor.set_active("zoé", active=True),
    "what is not to be changed here": changed(password_hash="another", last_login_at=datetime.now(UTC)),
}


@pytest.mark.parametrize("act", SAME.values(), ids=SAME)
def test_what_changes_nothing_leaves_nothing(
    engine: Engine, editor: UserEditor, act: Callable[[UserEditor], UserRow]
) -> None:
    before = contents(engine)
    assert act(editor) == editor.users.require("zoé")
    assert contents(engine) == before


REFUSED: dict[str, tuple[Callable[[UserEditor], object], type[Exception]]] = {
    "add": (lambda editor: editor.add("ZOÉ", None, "hash", ["new"]), UserExists),
    "rename": (changed(username="ROOT", roles=("new",)), UserExists),
    "address": (changed(email="Root@example.org", active=False), UserExists),
    "stale change": (lambda editor: editor.change("zoé", having(roles=()), "old"), UserChanged),
    "stale change of nothing": (lambda editor: editor.change("zoé", lambda row: row, "old"), UserChanged),
    "stale password": (lambda editor: editor.set_password("zoé", "another", "old"), UserChanged),
    "nobody's password": (lambda editor: editor.set_password("nobody", "another"), NoSuchUser),
    "nobody": (lambda editor: editor.set_active(4711, active=False), NoSuchUser),
    "nobody to delete": (lambda editor: editor.delete("nobody@example.org"), NoSuchUser),
    "last admin": (lambda editor: editor.set_active("root", active=False), LastAdmin),
}


@pytest.mark.parametrize(("act", "why"), REFUSED.values(), ids=REFUSED)
def test_a_refused_change_has_not_happened(
    engine: Engine,
    editor: UserEditor,
    act: Callable[[UserEditor], object],
    why: type[Exception],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    before = contents(engine)
    with pytest.raises(why):
        act(editor)
    assert contents(engine) == before
    assert caplog.messages == []


def test_a_fault_in_the_middle_of_a_change_leaves_nothing(engine: Engine, editor: UserEditor) -> None:
    before = contents(engine)
    with pytest.raises(Exception, match="name_not_empty"):
        changed(username="zz", roles=("fine", ""))(editor)
    assert contents(engine) == before


def test_a_change_is_told_in_the_log(editor: UserEditor, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    changed(username="zz\u202e", active=False)(editor)
    assert caplog.messages == [
        r"user_renamed: 'zz\u202e' by 'cli:somebody'",
        r"user_disabled: 'zz\u202e' by 'cli:somebody'",
    ]
