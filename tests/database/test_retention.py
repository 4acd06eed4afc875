"""`flask database prune`: it deletes what has expired, in every table whose rows expire, and old audit events."""

import json
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from sqlalchemy import Engine, func, insert, select

from database.clock import MAX_CLOCK_ERROR
from database.expiry import EXPIRIES
from database.retention import ROWS_PER_TRANSACTION, Pruning
from database.tables import audit_events, metadata, revocations, service_tokens, sessions, users
from database.user_editor import UserEditor
from tests.support.commands import run_command
from tests.support.emptied_database import DATABASE_KINDS, empty_engine

NOW = datetime.now(UTC)
EXPIRED_ROWS = {sessions.name: 1, revocations.name: 1, service_tokens.name: 1}
EXPIRED, VALID = NOW - 2 * MAX_CLOCK_ERROR, NOW + timedelta(hours=1)


@pytest.fixture(params=DATABASE_KINDS)
def engine(request: pytest.FixtureRequest) -> Engine:
    """An engine of a database without rows."""
    return empty_engine(request)


def session(name: str, expires_at: datetime, access_until: datetime) -> dict[str, object]:
    names = dict.fromkeys(("id", "token_hash", "client_id", "idp", "username", "username_folded"), name)
    times = {"ends_at": expires_at, "expires_at": expires_at, "access_until": access_until}
    return {**names, **times, "delivered": True}


def fill(engine: Engine, old_events: int) -> None:
    """Write expired and valid sessions and revocations, and events of two years."""
    with engine.begin() as connection:
        times = {"expired": (EXPIRED, EXPIRED), "with a token": (EXPIRED, VALID), "valid": (VALID, VALID)}
        connection.execute(insert(sessions), [session(name, *both) for name, both in times.items()])
        connection.execute(
            insert(revocations), [{"ended": "old", "expires_at": EXPIRED}, {"ended": "new", "expires_at": VALID}]
        )
        names = {"name": "n", "key_id": "k", "operator": "tests", "roles": "[]", "created_at": NOW}
        tokens = [{**names, "jti": "old", "expires_at": EXPIRED}, {**names, "jti": "new", "expires_at": VALID}]
        connection.execute(insert(service_tokens), tokens)
        event = {"operator": "tests", "action": "user_added"}
        ages = [400] * old_events + [300]
        connection.execute(insert(audit_events), [{**event, "at": NOW - timedelta(days=age)} for age in ages])


def counts(engine: Engine) -> dict[str, int]:
    with engine.connect() as connection:
        return {
            table.name: connection.scalar(select(func.count()).select_from(table)) or 0
            for table in (sessions, revocations, service_tokens, audit_events)
        }


def test_every_table_with_a_time_of_expiry_is_pruned() -> None:
    assert {table for table in metadata.sorted_tables if "expires_at" in table.c} == {*EXPIRIES}


def test_pruning_deletes_what_has_expired_in_small_transactions_and_is_an_event(engine: Engine) -> None:
    old = ROWS_PER_TRANSACTION + 5
    fill(engine, old)
    pruning = Pruning(engine, NOW - timedelta(days=365))
    assert pruning.count() == EXPIRED_ROWS | {audit_events.name: old}
    deleted = [*pruning.run("cli:root")]
    assert deleted == [
        *EXPIRED_ROWS.items(), (audit_events.name, ROWS_PER_TRANSACTION), (audit_events.name, 5)
    ]  # fmt: skip
    assert counts(engine) == EXPIRED_ROWS | {sessions.name: 2, audit_events.name: 2}
    (event, _) = UserEditor(engine, "tests").users.history()
    assert (event.action, event.operator) == ("events_pruned", "cli:root")
    assert str(event.details).startswith(f"{old} events before ")
    assert [*pruning.run("cli:root")] == []
    assert counts(engine)[audit_events.name] == 2


def test_interrupted_deletion_of_events_is_an_event(engine: Engine) -> None:
    fill(engine, ROWS_PER_TRANSACTION + 5)
    run = Pruning(engine, NOW - timedelta(days=365)).run("cli:root")
    while (audit_events.name, ROWS_PER_TRANSACTION) != next(run):
        pass
    run.close()  # type: ignore[attr-defined]  # a generator
    (event, *_) = UserEditor(engine, "tests").users.history()
    assert (event.action, str(event.details).split(" before")[0]) == ("events_pruned", f"{ROWS_PER_TRANSACTION} events")


def test_without_a_retention_all_events_are_kept(engine: Engine) -> None:
    fill(engine, 1)
    assert dict(Pruning(engine, None).run("cli:root")) == EXPIRED_ROWS
    assert counts(engine)[audit_events.name] == 2


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_command_counts_and_deletes_by_the_setting(engine: Engine) -> None:
    fill(engine, 3)
    environ = {"DATABASE_URL": f"sqlite:///{engine.url.database}".replace("file:", ""), "AUDIT_RETENTION_DAYS": "365"}
    counted = run_command("database", "prune", "--dry-run", "--json", environ=environ)
    rows = EXPIRED_ROWS | {audit_events.name: 3}
    assert json.loads(counted.output) == {"dry_run": True, "rows": rows}
    assert json.loads(run_command("database", "prune", "--json", environ=environ).output) == {
        "dry_run": False,
        "rows": rows,
    }
    kept = run_command("database", "prune", environ={**environ, "AUDIT_RETENTION_DAYS": ""})
    assert kept.output.splitlines()[-1] == "All audit events are kept. To delete old ones, set AUDIT_RETENTION_DAYS."
    invalid = run_command("database", "prune", environ={**environ, "AUDIT_RETENTION_DAYS": "0"})
    assert (invalid.exit_code, "AUDIT_RETENTION_DAYS" in invalid.output) == (2, True)


def test_user_without_events_keeps_none_of_an_earlier_user(engine: Engine) -> None:
    editor = UserEditor(engine, "tests")
    with time_machine.travel(NOW - timedelta(days=400)):
        editor.delete(editor.add("zoé", None, "hash").id)
    new = editor.add("zoé", None, "hash")
    for _ in Pruning(engine, NOW - timedelta(days=365)).run("tests"):
        pass
    assert [event.action for event in editor.users.history_of(new.id)] == ["user_added"]
    with engine.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(users)) == 1
