"""`flask users show` and `history`: a user, and the changes with their operator."""

import json
import os
import pwd
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cli.operator import operator_name
from database.user_editor import UserEditor
from tests.cli.test_users_import import as_csv
from tests.support.flask_program import error_line
from tests.support.foreign_hashes import STRONG
from tests.support.forked_flask import ForkedFlask

ACCOUNT = pwd.getpwuid(os.getuid()).pw_name


def history(sqlite_cli: ForkedFlask, name: str) -> list[tuple[str, str, str | None]]:
    events = json.loads(sqlite_cli("users", "history", name, "--json").stdout)
    return [(event["action"], event["operator"], event["details"]) for event in events]


def test_history_of_an_email_is_that_of_its_user(sqlite_cli: ForkedFlask) -> None:
    sqlite_cli("users", "add", "zoé", "--email", "zoe@example.org", "--generate")
    sqlite_cli("tokens", "revoke", "--user", "zoe@example.org")  # recorded for the email, and for the username
    assert sqlite_cli("users", "history", "ZOE@example.org").stdout == sqlite_cli("users", "history", "zoé").stdout
    assert len(sqlite_cli("users", "history", "zoé").stdout.splitlines()) == 3


def test_history_of_an_unknown_user_does_not_look_like_one_without_changes(sqlite_cli: ForkedFlask) -> None:
    for option in ([], ["--json"]):
        ended = sqlite_cli("users", "history", "unknown", *option)
        assert error_line(ended) == "Error: no user has this username or email. See: flask users list"


def test_history_has_every_change_with_its_operator_newest_first(any_db_cli: ForkedFlask) -> None:
    changes = [
        (("add", "zoé", "--role", "user", "--generate"), "user_added", "roles: user"),
        (("set-password", "zoé", "--generate"), "password_set", None),
        (("add-role", "zoé", "b", "a"), "roles_changed", "+a +b"),
        (("remove-role", "zoé", "user"), "roles_changed", "-user"),
        (("disable", "zoé"), "user_disabled", None),
        (("enable", "zoé"), "user_enabled", None),
        (("update", "zoé", "--email", "zoe@example.org"), "email_changed", "was none"),
        (("update", "zoé", "--username", "ZOÉ"), "user_renamed", "was zoé"),
        (("delete", "zoé", "--yes"), "user_deleted", None),
        (("add", "zoé", "--generate"), "user_added", "roles: none"),
    ]
    for command, _, _ in changes:
        assert any_db_cli("users", *command).returncode == 0
    events = [(action, f"cli:{ACCOUNT}", details) for _, action, details in changes]
    assert history(any_db_cli, "zoé") == events[::-1]


def test_show_has_every_field_and_the_history(sqlite_cli: ForkedFlask, sqlite_editor: UserEditor) -> None:
    row = sqlite_editor.add("zoé", "zoe@example.org", "hash", ["user", "admin"])
    sqlite_editor.users.record_login(row, datetime(2026, 5, 6, 7, 8, tzinfo=UTC), "hash")
    sqlite_cli("users", "add-role", "zoé", "editor")
    user, _, events = sqlite_cli("users", "show", "ZOE@example.org").stdout.partition("\n\n")
    lines = dict(re.split(r"  +", line, maxsplit=1) for line in user.splitlines())
    today = f"{row.created_at:%Y-%m-%d %H:}"
    assert (lines.pop("Created")[:14], lines.pop("Updated")[:11]) == (today, today[:11])
    assert lines == {
        "Username": "zoé", "Id": "1", "Email": "zoe@example.org", "Roles": "admin, editor, user", "Active": "yes",
        "Password": "unusable: is plain text or has an unknown scheme",
        "Last login": "2026-05-06 07:08:00 UTC",
    }  # fmt: skip
    _, newest, oldest = [re.split(r"  +", line)[1:] for line in events.splitlines()]
    assert newest == ["roles_changed", "zoé", f"cli:{ACCOUNT}", "+editor", "-"]
    assert oldest == ["user_added", "zoé", "tests", "roles: admin, user", "-"]


def test_history_of_all_users_and_of_a_deleted_user(
    any_db_cli: ForkedFlask, any_db_editor: UserEditor, tmp_path: Path
) -> None:
    any_db_editor.add("zoé", None, "hash")
    any_db_editor.delete("zoé")
    (tmp_path / "users.csv").write_text(as_csv({"bob": STRONG}))
    any_db_cli("users", "import", "users.csv")
    events = json.loads(any_db_cli("users", "history", "--json").stdout)
    assert [(event["action"], event["username_folded"], event["details"]) for event in events] == [
        ("users_imported", None, "1 user from users.csv"),
        ("user_deleted", "zoé", None),
        ("user_added", "zoé", "roles: none"),
    ]
    lines = [re.split(r"  +", line) for line in any_db_cli("users", "history", "ZOÉ").stdout.splitlines()]
    assert [line[1:] for line in lines] == [
        ["ACTION", "USER", "OPERATOR", "DETAILS", "REQUEST"],
        ["user_deleted", "zoé (deleted)", "tests", "-", "-"],
        ["user_added", "zoé (deleted)", "tests", "roles: none", "-"],
    ]


def test_show_has_the_events_of_this_user_only(any_db_cli: ForkedFlask, any_db_editor: UserEditor) -> None:
    any_db_editor.add("zoé", None, "hash", ["admin"])
    any_db_editor.delete("zoé", force=True)
    any_db_editor.add("yan", None, "hash")
    any_db_editor.change("yan", lambda row: replace(row, username="zoé"))
    shown = json.loads(any_db_cli("users", "show", "zoé", "--json").stdout)["history"]
    assert [(event["action"], event["username_folded"]) for event in shown] == [
        ("user_renamed", "zoé"),
        ("user_added", "yan"),
    ]
    lines = [re.split(r"  +", line) for line in any_db_cli("users", "history", "zoé").stdout.splitlines()]
    assert [line[1:3] for line in lines[1:]] == [
        ["user_renamed", "zoé"],
        ["user_added", "yan (now zoé)"],
        ["user_deleted", "zoé (deleted)"],
        ["user_added", "zoé (deleted)"],
    ]


@pytest.mark.parametrize("log_format", ["json", "text"])
def test_command_writes_its_events_to_standard_error_if_log_format_is_set(
    sqlite_cli: ForkedFlask, log_format: str
) -> None:
    ended = sqlite_cli("users", "add", "zoé", "--generate", "--json", LOG_FORMAT=log_format)
    assert json.loads(ended.stdout)["username"] == "zoé"
    (line,) = ended.stderr.splitlines()
    if log_format == "json":
        event = json.loads(line)
        assert event.pop("time").endswith("Z")
        assert event == {
            "level": "INFO", "logger": "audit", "event": "user_added", "user_id": 1, "provider": "database",
            "operator": f"cli:{ACCOUNT}", "account": "zoé", "details": "roles: none",
        }  # fmt: skip
    else:
        expected = f'user_added user_id=1 provider=database operator=cli:{ACCOUNT} account=zoé details="roles: none"'
        assert line.split("Z INFO audit: ")[1] == expected
    assert sqlite_cli("users", "disable", "zoé").stderr == ""


def test_history_shows_twenty_events_or_the_limit_and_json_has_all(
    sqlite_cli: ForkedFlask, sqlite_editor: UserEditor
) -> None:
    sqlite_editor.add("zoé", None, "hash")
    for number in range(30):
        sqlite_editor.set_active("zoé", active=bool(number % 2))
    shown = {
        limit: len(sqlite_cli("users", "history", "zoé", *limit).stdout.splitlines()) - 1
        for limit in ((), ("--limit", "25"))
    }
    assert shown == {(): 20, ("--limit", "25"): 25}
    assert len(history(sqlite_cli, "zoé")) == 31
    assert len(json.loads(sqlite_cli("users", "show", "zoé", "--json").stdout)["history"]) == 31


def test_history_of_an_imported_user_has_the_import(any_db_cli: ForkedFlask, tmp_path: Path) -> None:
    for name in ("zoé", "yan"):
        (tmp_path / "users.csv").write_text(as_csv({name: STRONG}))
        any_db_cli("users", "import", "users.csv")
    any_db_cli("users", "update", "zoé", "--username", "zoe2")
    operator = f"cli:{ACCOUNT}"
    assert history(any_db_cli, "zoe2") == [
        ("user_renamed", operator, "was zoé"), ("users_imported", operator, "1 user from users.csv")
    ]  # fmt: skip
    assert len(json.loads(any_db_cli("users", "show", "zoe2", "--json").stdout)["history"]) == 2


def test_operator_has_the_account_before_and_after_sudo(sqlite_cli: ForkedFlask) -> None:
    sqlite_cli("users", "add", "zoé", "--generate", SUDO_USER="alice")
    assert history(sqlite_cli, "zoé") == [("user_added", f"cli:alice as {ACCOUNT}", "roles: none")]


@pytest.mark.parametrize("name", ["\x1b[31mred", "two\nlines", os.fsdecode(b"\xff")])
def test_control_characters_in_sudo_user_are_not_printed(sqlite_cli: ForkedFlask, name: str) -> None:
    assert sqlite_cli("users", "add", "zoé", "--generate", SUDO_USER=name).returncode == 0
    assert history(sqlite_cli, "zoé")
    _, shown = sqlite_cli.run_at_terminal("users", "show", "zoé")
    assert "\x1b" not in shown
    assert len(shown.splitlines()) == 12


def test_operator_without_an_account_is_the_user_id(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 54321)
    assert operator_name({}) == "cli:54321"
    assert operator_name({"SUDO_USER": "alice"}) == "cli:alice as 54321"
