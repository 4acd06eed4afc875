"""`flask users add`, `set-password` and `hash`, and errors that are common to all user commands."""

import json
import re
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from database.user_editor import UserEditor
from passwords.hashing import verify_password
from tests.cli.conftest import log_in
from tests.support.flask_program import error_line
from tests.support.forked_flask import ForkedFlask

PASSWORD = "pässwörd of Zoé"


def test_added_user_logs_in_over_http(sqlite_cli: ForkedFlask, client: FlaskClient) -> None:
    ended = sqlite_cli("users", "add", "Zoé", "--email", "zoe@example.org", "--role", "admin", stdin=PASSWORD + "\n")
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "Added Zoé.\n", "")
    assert log_in(client, "zoé", PASSWORD) == log_in(client, "ZOE@example.org", PASSWORD) == 200
    assert log_in(client, "zoé", "wrong") == 400
    token = client.post("/api/auth", json={"email": "zoé", "password": PASSWORD}).get_json()["data"]
    bearer = {"Authorization": f"Bearer {token}"}
    assert client.get("/api/protected_route_admin", headers=bearer).status_code == 200
    assert client.get("/api/protected_route_user", headers=bearer).status_code == 403


@pytest.mark.parametrize("ending", ["", "\r\nsecond line\n"])
def test_password_is_the_first_line_of_standard_input(
    sqlite_cli: ForkedFlask, client: FlaskClient, ending: str
) -> None:
    assert sqlite_cli("users", "add", "zoé", stdin=f" {PASSWORD} {ending}").returncode == 0
    assert log_in(client, "zoé", f" {PASSWORD} ") == 200
    assert log_in(client, "zoé", PASSWORD) == 400


def test_generated_password_is_printed_and_logs_in(sqlite_cli: ForkedFlask, client: FlaskClient) -> None:
    output = sqlite_cli("users", "add", "zoé", "--generate").stdout
    (password,) = re.findall(r"^Password: (\S{20,})$", output, re.MULTILINE)
    assert log_in(client, "zoé", password) == 200


def test_user_with_a_new_password_is_disabled_and_enabled(sqlite_cli: ForkedFlask, client: FlaskClient) -> None:
    sqlite_cli("users", "add", "Zoé", "--email", "zoe@example.org", stdin="the first password")
    assert sqlite_cli("users", "set-password", "ZOE@example.org", stdin=PASSWORD).stdout == "Set the password of Zoé.\n"
    assert (log_in(client, "zoé", "the first password"), log_in(client, "zoé", PASSWORD)) == (400, 200)
    assert sqlite_cli("users", "disable", "zoé").stdout == "Disabled Zoé.\n"
    assert log_in(client, "zoé", PASSWORD) == 400
    assert sqlite_cli("users", "enable", "zoé").stdout == "Enabled Zoé.\n"
    assert log_in(client, "zoé", PASSWORD) == 200


def test_hash_requires_no_configuration(sqlite_cli: ForkedFlask) -> None:
    ended = sqlite_cli("users", "hash", stdin=PASSWORD, DATABASE_URL="")
    assert verify_password(PASSWORD, ended.stdout.strip())
    assert ended.stdout.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ("add", "zoé", "typed"),
        ("add", "zoé", "--password", "typed"),
        ("set-password", "zoé", "typed"),
        ("hash", "typed"),
        ("add-role", "zoé"),
        ("remove-role", "zoé"),
        ("update",),
        ("list", "--sort", "email"),
        ("list", "--limit", "0"),
        ("import",),
        ("import", "x.csv", "--format", "xml"),
        (),
    ],
)
def test_password_argument_and_wrong_usage_show_the_usage(sqlite_cli: ForkedFlask, arguments: tuple[str, ...]) -> None:
    ended = sqlite_cli("users", *arguments, stdin=PASSWORD)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith("Usage: ")


@pytest.mark.parametrize(
    ("command", "stdin", "reason"),
    [
        (("add", "new"), "", "must not be empty"),
        (("set-password", "zoé"), "\n", "must not be empty"),
        (("set-password", "zoé"), " " * 20, "must not be blank"),
        (("hash",), "x" * 1025, "must be at most 1024 characters long"),
        (("hash",), "a\0b", "must not contain control characters"),
        (("hash",), b"\xff\xfe", "must not contain control characters or lone surrogates"),
    ],
)
def test_password_that_cannot_log_in_is_rejected(
    sqlite_cli: ForkedFlask, sqlite_editor: UserEditor, command: tuple[str, ...], stdin: str | bytes, reason: str
) -> None:
    sqlite_editor.add("zoé", None, "hash")
    assert reason in error_line(sqlite_cli("users", *command, stdin=stdin))


@pytest.mark.parametrize(
    "arguments", [("add", ""), ("add", "zoé", "--email", " "), ("add", "zoé", "--role", "a\tb"), ("disable", "x" * 257)]
)
def test_name_that_cannot_log_in_is_rejected(sqlite_cli: ForkedFlask, arguments: tuple[str, ...]) -> None:
    assert " must " in error_line(sqlite_cli("users", *arguments, stdin=PASSWORD))


@pytest.mark.parametrize("arguments", [("ZOÉ",), ("new", "--email", "Zoe@Example.org")])
def test_taken_name_is_rejected(sqlite_cli: ForkedFlask, arguments: tuple[str, ...]) -> None:
    sqlite_cli("users", "add", "zoé", "--email", "zoe@example.org", stdin=PASSWORD)
    assert "taken. See: flask users list" in error_line(sqlite_cli("users", "add", *arguments, stdin=PASSWORD))


COMMANDS = [
    ("show", "zoé"),
    ("set-password", "zoé"),
    ("add-role", "zoé", "user"),
    ("remove-role", "zoé", "user"),
    ("disable", "zoé"),
    ("enable", "zoé"),
    ("update", "zoé", "--username", "zoe"),
    ("delete", "zoé", "--yes"),
]


@pytest.mark.parametrize("command", COMMANDS)
def test_unknown_user_is_an_error(sqlite_cli: ForkedFlask, command: tuple[str, ...]) -> None:
    assert "See: flask users list" in error_line(sqlite_cli("users", *command, stdin=PASSWORD))


@pytest.mark.parametrize(
    "command",
    [
        ("add", "zoé"),
        ("list",),
        ("list", "--json"),
        ("import", "new.csv"),
        ("export", "--json"),
        ("hash-report",),
        *COMMANDS,
    ],
)
def test_missing_tables_are_an_error_with_a_remedy(
    sqlite_cli: ForkedFlask, tmp_path: Path, command: tuple[str, ...]
) -> None:
    (tmp_path / "new.csv").write_text("username,password_hash\n")
    error = error_line(sqlite_cli("users", *command, stdin=PASSWORD, DATABASE_URL=f"sqlite:///{tmp_path}/new.db"))
    assert error.startswith("Error: the database cannot be used: ")
    assert "make migrate" in error


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("", "DATABASE_URL is not set. Set it to sqlite:///"),
        ("mysql://root:hunter2@host/x", "DATABASE_URL names neither"),
        ("sqlite:////", "the database cannot be used: / is a folder. Name a file in DATABASE_URL"),
        ("postgresql://app:hunter2@127.0.0.1:1/x", "the database cannot be used: "),
    ],
)
def test_unusable_database_url_is_an_error(sqlite_cli: ForkedFlask, url: str, message: str) -> None:
    error = error_line(sqlite_cli("users", "list", DATABASE_URL=url))
    assert message in error
    assert "hunter2" not in error


def test_terminal_asks_for_the_password_twice_without_echo(sqlite_cli: ForkedFlask, client: FlaskClient) -> None:
    code, shown, output = sqlite_cli.answer_prompts(["users", "add", "zoé"], PASSWORD, PASSWORD)
    assert (code, output) == (0, "Added zoé.\n")
    assert re.findall(r"[A-Z][\w ]+:", shown) == ["Password:", "Repeat for confirmation:"]
    assert PASSWORD not in shown
    assert log_in(client, "zoé", PASSWORD) == 200


def test_terminal_asks_again_if_the_passwords_differ(sqlite_cli: ForkedFlask) -> None:
    code, shown, output = sqlite_cli.answer_prompts(["users", "hash"], "one", "two", PASSWORD, PASSWORD)
    assert code == 0
    assert "do not match" in shown
    assert verify_password(PASSWORD, output.strip())


@pytest.mark.parametrize("arguments", [["SHARED@example.org"], ["other", "--email", "Alice"]])
def test_email_of_another_user_is_not_available_as_username_and_vice_versa(
    sqlite_cli: ForkedFlask, arguments: list[str]
) -> None:
    assert sqlite_cli("users", "add", "alice", "--email", "shared@example.org", stdin=PASSWORD).returncode == 0
    assert "is taken" in error_line(sqlite_cli("users", "add", *arguments, stdin=PASSWORD))


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("fourteen chars", "must be at least 15 characters long"),
        ("my name is Josephine", "must not contain the username or the email"),
        ("ask at Smith.J for it", "must not contain the username or the email"),
        ("aaaaaaaaaaaaaaaaaaaa", "is easy to guess ("),
        ("latchkeylatchkey1", "is easy to guess"),
    ],
)
@pytest.mark.parametrize(
    "command", [("add", "josephine", "--email", "smith.j@example.org"), ("set-password", "smith.j")]
)
def test_new_password_must_conform_to_the_policy(
    sqlite_cli: ForkedFlask, sqlite_editor: UserEditor, command: tuple[str, ...], password: str, reason: str
) -> None:
    if command[0] == "set-password":
        sqlite_editor.add("smith.j", "josephine@example.org", "hash")
    error = error_line(sqlite_cli("users", *command, stdin=password))
    assert error.startswith(f"Error: the password {reason}")
    assert password not in error


def test_policy_applies_to_hash_and_its_minimum_length_is_a_setting(sqlite_cli: ForkedFlask) -> None:
    assert "at least 15 characters" in error_line(sqlite_cli("users", "hash", stdin="quite short"))
    assert sqlite_cli("users", "hash", stdin="qX7:vr9!Lz", PASSWORD_MIN_LENGTH="8").returncode == 0
    assert "PASSWORD_MIN_LENGTH" in error_line(sqlite_cli("users", "hash", stdin=PASSWORD, PASSWORD_MIN_LENGTH="4"))


def test_json_has_the_changed_user(sqlite_cli: ForkedFlask) -> None:
    added = json.loads(sqlite_cli("users", "add", "zoé", "--role", "b", "--role", "a", "--generate", "--json").stdout)
    assert (added["username"], added["email"], added["roles"], added["active"]) == ("zoé", None, ["a", "b"], True)
    assert len(added["password"]) == 20
    changed = json.loads(sqlite_cli("users", "set-password", "zoé", "--json", stdin=PASSWORD).stdout)
    assert "password" not in changed
    assert changed["updated_at"] > added["updated_at"]
    hashed = json.loads(sqlite_cli("users", "hash", "--json", stdin=PASSWORD).stdout)
    assert verify_password(PASSWORD, hashed["password_hash"])


def test_no_other_command_shows_a_password(sqlite_cli: ForkedFlask, client: FlaskClient) -> None:
    sqlite_cli("users", "add", "zoé", stdin=PASSWORD)
    password = sqlite_cli("users", "set-password", "zoé", "--generate").stdout.split()[-1]
    assert log_in(client, "zoé", password) == 200
    for command in (("show", "zoé"), ("show", "zoé", "--json"), ("list", "--json"), ("list", "--csv")):
        assert password not in sqlite_cli("users", *command).stdout
