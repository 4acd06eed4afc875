"""`flask users …` as it is typed, in a process of its own."""

import json
import re
from datetime import datetime
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from app import create_app
from providers.passwords import verify_password
from tests.cli.program import Flask, refusal
from tests.stores import SECRET_KEY, user_table

PASSWORD = "pässwörd of Zoé"


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """The environment of a database with tables and no users."""
    return user_table(f"sqlite:///{tmp_path}/users.db", [])


@pytest.fixture
def flask(tmp_path: Path, environ: dict[str, str]) -> Flask:
    """The program on this database."""
    return Flask(tmp_path, DATABASE_URL=environ["DATABASE_URL"])


@pytest.fixture
def client(environ: dict[str, str]) -> FlaskClient:
    """A client of an application on the same database."""
    return create_app({"SECRET_KEY": SECRET_KEY, **environ}).test_client()


def login(client: FlaskClient, email: str, password: str) -> int:
    """Return the status of a login."""
    return client.post("/api/auth", json={"email": email, "password": password}).status_code


def test_a_user_who_was_added_logs_in_over_http(flask: Flask, client: FlaskClient) -> None:
    ended = flask("users", "add", "Zoé", "--email", "zoe@example.org", "--role", "admin", stdin=PASSWORD + "\n")
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "Added Zoé.\n", "")
    assert login(client, "zoé", PASSWORD) == login(client, "ZOE@example.org", PASSWORD) == 200
    assert login(client, "zoé", "wrong") == 400
    token = client.post("/api/auth", json={"email": "zoé", "password": PASSWORD}).get_json()["data"]
    bearer = {"Authorization": f"Bearer {token}"}
    assert client.get("/api/protected_route_admin", headers=bearer).status_code == 200
    assert client.get("/api/protected_route_user", headers=bearer).status_code == 403


@pytest.mark.parametrize("ending", ["", "\r\nsecond line\n"])
def test_the_password_is_the_first_line_of_standard_input(flask: Flask, client: FlaskClient, ending: str) -> None:
    assert flask("users", "add", "zoé", stdin=f" {PASSWORD} {ending}").returncode == 0
    assert login(client, "zoé", f" {PASSWORD} ") == 200
    assert login(client, "zoé", PASSWORD) == 400


def test_a_generated_password_is_told_once_and_works(flask: Flask, client: FlaskClient) -> None:
    told = flask("users", "add", "zoé", "--generate").stdout
    (password,) = re.findall(r"^Password: (\S{20,})$", told, re.MULTILINE)
    assert login(client, "zoé", password) == 200


def test_a_password_can_be_changed_and_a_user_kept_out_and_let_in(flask: Flask, client: FlaskClient) -> None:
    flask("users", "add", "Zoé", "--email", "zoe@example.org", stdin="the first password")
    assert flask("users", "set-password", "ZOE@example.org", stdin=PASSWORD).stdout == "Zoé has a new password.\n"
    assert (login(client, "zoé", "the first password"), login(client, "zoé", PASSWORD)) == (400, 200)
    assert flask("users", "disable", "zoé").stdout == "Zoé is disabled.\n"
    assert login(client, "zoé", PASSWORD) == 400
    assert flask("users", "enable", "zoé").stdout == "Zoé is enabled.\n"
    assert login(client, "zoé", PASSWORD) == 200


def test_the_list_has_columns_that_line_up(flask: Flask) -> None:
    assert flask("users", "list").stdout == "USERNAME  EMAIL  ROLES  ACTIVE  CREATED\n"
    flask("users", "add", "a name with blanks", "--role", "user", "--role", "admin", stdin=PASSWORD)
    flask("users", "add", "zoé", "--email", "zoe@a-long-domain.example.org", stdin=PASSWORD)
    flask("users", "disable", "zoé")
    lines = flask("users", "list").stdout.splitlines()
    starts = [lines[0].index(head) for head in ("USERNAME", "EMAIL", "ROLES", "ACTIVE", "CREATED")]
    cells = [[line[a:b].rstrip() for a, b in zip(starts, [*starts[1:], None], strict=True)] for line in lines[1:]]
    assert [row[:4] for row in cells] == [
        ["a name with blanks", "-", "admin,user", "yes"],
        ["zoé", "zoe@a-long-domain.example.org", "-", "no"],
    ]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\d", row[4]) for row in cells)


def test_the_list_as_json_is_for_scripts(flask: Flask) -> None:
    assert json.loads(flask("users", "list", "--json").stdout) == []
    flask("users", "add", "日本 太郎", "--email", "taro@example.org", "--role", "b", "--role", "a", stdin=PASSWORD)
    (user,) = json.loads(flask("users", "list", "--json").stdout)
    assert datetime.fromisoformat(user.pop("created_at")).utcoffset() is not None
    assert user == {"username": "日本 太郎", "email": "taro@example.org", "roles": ["a", "b"], "active": True}


def test_a_hash_needs_no_configuration(flask: Flask) -> None:
    ended = flask("users", "hash", stdin=PASSWORD, DATABASE_URL="")
    assert verify_password(PASSWORD, ended.stdout.strip())
    assert ended.stdout.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ("add", "zoé", "typed"),
        ("add", "zoé", "--password", "typed"),
        ("set-password", "zoé", "typed"),
        ("hash", "typed"),
        (),
    ],
)
def test_a_password_is_never_an_argument_and_wrong_usage_is_told(flask: Flask, arguments: tuple[str, ...]) -> None:
    ended = flask("users", *arguments, stdin=PASSWORD)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "Usage: python -m flask users" in ended.stderr


@pytest.mark.parametrize(
    ("command", "stdin", "why"),
    [
        (("add", "new"), "", "it is empty"),
        (("set-password", "zoé"), "\n", "it is empty"),
        (("hash",), "x" * 1025, "it is longer than 1024 characters"),
        (("hash",), "a\0b", "it has control characters"),
        (("hash",), b"\xff\xfe", "it has control characters or is not Unicode text"),
    ],
)
def test_a_password_that_could_never_log_in_is_refused(
    flask: Flask, command: tuple[str, ...], stdin: str | bytes, why: str
) -> None:
    assert why in refusal(flask("users", *command, stdin=stdin))


@pytest.mark.parametrize(
    "arguments", [("add", ""), ("add", "zoé", "--email", " "), ("add", "zoé", "--role", "a\tb"), ("disable", "x" * 257)]
)
def test_a_name_that_could_never_log_in_is_refused(flask: Flask, arguments: tuple[str, ...]) -> None:
    assert " cannot be used: it " in refusal(flask("users", *arguments, stdin=PASSWORD))


@pytest.mark.parametrize("arguments", [("ZOÉ",), ("new", "--email", "Zoe@Example.org")])
def test_a_taken_name_is_refused(flask: Flask, arguments: tuple[str, ...]) -> None:
    flask("users", "add", "zoé", "--email", "zoe@example.org", stdin=PASSWORD)
    assert "taken. See: flask users list" in refusal(flask("users", "add", *arguments, stdin=PASSWORD))


@pytest.mark.parametrize("command", ["set-password", "disable", "enable"])
def test_an_unknown_name_is_refused(flask: Flask, command: str) -> None:
    assert "See: flask users list" in refusal(flask("users", command, "nobody", stdin=PASSWORD))


@pytest.mark.parametrize(
    "command", [("add", "zoé"), ("list",), ("set-password", "zoé"), ("disable", "zoé"), ("enable", "zoé")]
)
def test_without_tables_it_says_how_to_make_them(flask: Flask, tmp_path: Path, command: tuple[str, ...]) -> None:
    told = refusal(flask("users", *command, stdin=PASSWORD, DATABASE_URL=f"sqlite:///{tmp_path}/new.db"))
    assert told.startswith("Error: the database cannot be used: ")
    assert "make migrate" in told


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("", "DATABASE_URL is not set. Write sqlite:///"),
        ("mysql://root:hunter2@host/x", "DATABASE_URL cannot be used: it names neither"),
        ("sqlite:////", "the database cannot be used: unable to open database file"),
        ("postgresql://app:hunter2@127.0.0.1:1/x", "the database cannot be used: "),
    ],
)
def test_without_a_database_it_says_what_to_do(flask: Flask, url: str, why: str) -> None:
    told = refusal(flask("users", "list", DATABASE_URL=url))
    assert why in told
    assert "hunter2" not in told


def test_at_a_terminal_the_password_is_asked_for_twice_and_never_shown(flask: Flask, client: FlaskClient) -> None:
    code, shown, output = flask.at_a_terminal(["users", "add", "zoé"], PASSWORD, PASSWORD)
    assert (code, output) == (0, "Added zoé.\n")
    assert re.findall(r"[A-Z][\w ]+:", shown) == ["Password:", "Repeat for confirmation:"]
    assert PASSWORD not in shown
    assert login(client, "zoé", PASSWORD) == 200


def test_at_a_terminal_two_different_passwords_are_asked_for_again(flask: Flask) -> None:
    code, shown, output = flask.at_a_terminal(["users", "hash"], "one", "two", PASSWORD, PASSWORD)
    assert code == 0
    assert "do not match" in shown
    assert verify_password(PASSWORD, output.strip())


@pytest.mark.parametrize("arguments", [["SHARED@example.org"], ["other", "--email", "Alice"]])
def test_a_name_that_is_somebodys_other_name_is_taken(flask: Flask, arguments: list[str]) -> None:
    assert flask("users", "add", "alice", "--email", "shared@example.org", stdin=PASSWORD).returncode == 0
    assert "is taken" in refusal(flask("users", "add", *arguments, stdin=PASSWORD))


def test_a_blank_password_is_refused(flask: Flask) -> None:
    assert "it is blank" in refusal(flask("users", "add", "blank", stdin="     \n"))
