"""Versions of users, which prevent lost updates; and logins, which do not change them."""

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
from tests.support.database_contents import contents, replacing, run_concurrently
from tests.support.emptied_database import DATABASE_KINDS, empty_engine
from tests.support.session_rows import session_ids, session_of

NOW = datetime.now(UTC)
THREADS = 16


@pytest.fixture(params=DATABASE_KINDS)
def engine(request: pytest.FixtureRequest) -> Engine:
    """An engine of a database without users."""
    return empty_engine(request)


@pytest.fixture
def editor(engine: Engine) -> UserEditor:
    """An editor of a table with Zoé, who has two sessions."""
    editor = UserEditor(engine, "tests")
    editor.add("Zoé", "Zoe@example.org", "hash", ["user"])
    for username in ("Zoé", "zOÉ"):
        assert SessionTable(engine).open(session_of(username, "database"), 0)
    return editor


def test_each_edit_changes_the_version_and_reading_does_not(editor: UserEditor) -> None:
    versions = [editor.users.require("zoé").version]
    assert editor.users.require("Zoe@example.org").version == versions[0]
    changes: list[dict[str, Any]] = [
        {"roles": ()},
        {"roles": ("user",)},
        {"email": None},
        {"active": False},
        {"active": True},
    ]
    for fields in changes:
        row = editor.change("zoé", replacing(**fields), versions[-1])
        versions.append(row.version)
    versions.append(editor.set_password("zoé", "hash", versions[-1]).version)
    assert len({*versions}) == len(versions) == 7


def test_users_with_equal_fields_have_different_versions(editor: UserEditor) -> None:
    row = editor.users.require("zoé")
    assert replace(row, id=row.id + 1).version != row.version


def test_one_of_concurrent_edits_of_the_same_version_succeeds(engine: Engine, editor: UserEditor) -> None:
    seen = editor.users.require("zoé").version

    def change(number: int) -> Callable[[], UserRow]:
        if number % 2:
            return lambda: editor.set_password("zoé", f"hash {number}", seen)
        return lambda: editor.change("zoé", lambda row: replace(row, roles=(*row.roles, f"role{number}")), seen)

    results = run_concurrently([change(number) for number in range(THREADS)])
    assert sorted(type(result).__name__ for result in results) == ["UserChanged"] * (THREADS - 1) + ["UserRow"]
    assert editor.users.require("zoé") in results
    assert len(contents(engine)["latchkey_audit_events"]) == 2


def test_concurrent_edits_of_any_version_all_succeed(editor: UserEditor) -> None:
    def grant(number: int) -> Callable[[], UserRow]:
        return lambda: editor.change("zoé", lambda row: replace(row, roles=(*row.roles, f"role{number:02}")))

    run_concurrently([grant(number) for number in range(THREADS)])
    assert editor.users.require("zoé").roles == (*(f"role{number:02}" for number in range(THREADS)), "user")


def test_login_is_recorded_and_does_not_change_the_version(engine: Engine, editor: UserEditor) -> None:
    before = editor.users.require("zoé")
    editor.users.record_login(before, NOW, "upgraded")
    after = editor.users.require("zoé")
    assert after == replace(before, last_login_at=NOW, password_hash="upgraded")
    assert after.version == before.version
    assert len(editor.users.history("zoé")) == 1
    assert session_ids(engine) == ["database:Zoé", "database:zOÉ"]


def test_login_with_a_replaced_password_is_not_recorded(engine: Engine, editor: UserEditor) -> None:
    seen = editor.users.require("zoé")
    editor.set_password("zoé", "another")
    before = contents(engine)
    editor.users.record_login(seen, NOW, "upgraded")
    assert contents(engine) == before


def test_one_of_concurrent_logins_replaces_the_hash(editor: UserEditor) -> None:
    seen = editor.users.require("zoé")
    times = [NOW + timedelta(seconds=number) for number in range(8)]
    run_concurrently([partial(editor.users.record_login, seen, at, f"upgraded {at}") for at in times])
    row = editor.users.require("zoé")
    assert row.password_hash == f"upgraded {row.last_login_at}"


def test_password_change_ends_every_session_and_returns_the_id_of_the_revocation(
    engine: Engine, editor: UserEditor
) -> None:
    revocation_id = editor.change_password(editor.users.require("zoé"), "another")
    assert (editor.users.require("zoé").password_hash, session_ids(engine)) == ("another", [])
    table = SessionTable(engine)
    assert revocation_id == table.revocations_after(0)[-1].id
    assert table.open(session_of("Zoé", "database"), revocation_id)
    assert not table.open(replace(session_of("Zoé", "database"), id="another"), revocation_id - 1)


def test_password_change_succeeds_after_an_edit_of_other_fields(editor: UserEditor) -> None:
    seen = editor.users.require("zoé")
    editor.change("zoé", replacing(roles=("editor",), username="zz"))
    editor.change_password(seen, "another")
    row = editor.users.require("zz")
    assert (row.username, row.roles, row.password_hash) == ("zz", ("editor",), "another")


@pytest.mark.parametrize(
    ("concurrent", "error"),
    [
        (lambda editor, row: editor.set_password(row.id, "of an administrator"), UserChanged),
        (lambda editor, row: editor.users.record_login(row, NOW, "of a login"), UserChanged),
        (lambda editor, row: editor.delete(row.id), NoSuchUser),
    ],
    ids=["set", "replaced", "deleted"],
)
def test_password_change_fails_if_the_verified_hash_has_changed(
    engine: Engine, editor: UserEditor, concurrent: Callable[[UserEditor, UserRow], object], error: type[Exception]
) -> None:
    seen = editor.users.require("zoé")
    concurrent(editor, seen)
    before = contents(engine)
    with pytest.raises(error):
        editor.change_password(seen, "another")
    assert contents(engine) == before
