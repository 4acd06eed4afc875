"""`flask users import` of every format and hash scheme: imported users log in, and weak hashes are replaced."""

import base64
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Thread

import pytest
from flask.testing import FlaskClient

from cli.operator import operator_name
from database.user_editor import UserEditor
from tests.cli.conftest import client_of, log_in
from tests.support.flask_program import FlaskProgram
from tests.support.foreign_hashes import ALL_USERS, PASSWORD, STRONG, WEAK
from tests.support.forked_flask import ForkedFlask
from tests.support.stores import all_users


def as_csv(hashes: Mapping[str, str]) -> str:
    lines = [f'{name},{name}@example.org,"{hashed}","user,editor"' for name, hashed in hashes.items()]
    return "\n".join(["username,email,password_hash,roles", *lines]) + "\n"


def as_json_lines(hashes: Mapping[str, str]) -> str:
    rows = [
        {"username": name, "email": f"{name}@example.org", "password_hash": hashed, "roles": ["user", "editor"]}
        for name, hashed in hashes.items()
    ]
    return "".join(f"{json.dumps(row)}\n" for row in rows)


def as_htpasswd(hashes: Mapping[str, str]) -> str:
    return "".join(f"{name}:{hashed}\n" for name, hashed in hashes.items())


def as_dumpdata(hashes: Mapping[str, str]) -> str:
    groups = [{"model": "auth.group", "pk": pk, "fields": {"name": name}} for pk, name in ((1, "user"), (2, "editor"))]
    rows = [
        {
            "model": "auth.user",
            "pk": number,
            "fields": {"username": name, "email": f"{name}@example.org", "password": hashed, "groups": [1, 2]},
        }
        for number, (name, hashed) in enumerate(hashes.items())
    ]
    return json.dumps([*groups, *rows])


def as_ldif(hashes: Mapping[str, str]) -> str:
    return "\n".join(
        f"dn: uid={name},ou=people\nuid: {name}\nmail: {name}@example.org\n"
        f"userPassword:: {base64.b64encode(hashed.encode()).decode()}\n"
        for name, hashed in hashes.items()
    )


FormatUsers = Callable[[Mapping[str, str]], str]
FORMATS: list[tuple[str, str, FormatUsers]] = [
    ("csv", "users.csv", as_csv),
    ("jsonl", "users.ndjson", as_json_lines),
    ("htpasswd", ".htpasswd", as_htpasswd),
    ("django", "dump.json", as_dumpdata),
    ("ldif", "people.LDIF", as_ldif),
]
formats = pytest.mark.parametrize(("name", "file", "format_users"), FORMATS)


@formats
def test_format_is_guessed_from_the_file_name_and_imported_users_log_in(
    *,
    sqlite_cli: ForkedFlask,
    sqlite_editor: UserEditor,
    client: FlaskClient,
    tmp_path: Path,
    name: str,
    file: str,
    format_users: FormatUsers,
) -> None:
    hashes = {"bcrypt": WEAK["bcrypt"], "ssha": WEAK["ssha"], "argon2": STRONG}
    (tmp_path / file).write_text(format_users(hashes))
    ended = sqlite_cli("users", "import", file)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout == (
        "ACCEPTED  WEAK  NO PASSWORD  REJECTED  EXISTING  DIFFERENT\n"
        "3         2     0            0         0         0\n\nImported 3 users.\n"
    )
    assert [log_in(client, login, PASSWORD) for login in hashes] == [200, 200, 200]
    assert log_in(client, "ssha", "something else") == 400
    rows = {row.username: row for row in all_users(sqlite_editor.users)}
    assert all(row.password_hash.startswith("$argon2id$") for row in rows.values())
    assert rows["argon2"].password_hash == STRONG
    emails = [] if name == "htpasswd" else [f"{login}@example.org" for login in sorted(hashes)]
    assert [row.email for row in rows.values() if row.email] == emails
    roles = () if name in {"htpasswd", "ldif"} else ("editor", "user")
    assert {row.roles for row in rows.values()} == {roles}


@formats
def test_format_option_is_used(
    *,
    sqlite_cli: ForkedFlask,
    sqlite_editor: UserEditor,
    tmp_path: Path,
    name: str,
    file: str,
    format_users: FormatUsers,
) -> None:
    (tmp_path / f"{file}.bak").write_text(format_users({"zoé": STRONG}))
    result = json.loads(sqlite_cli("users", "import", f"{file}.bak", "--format", name, "--json").stdout)
    assert result == {
        "accepted": 1, "weak": 0, "no_password": 0, "rejected": 0, "existing": 0, "different": 0,
        "reasons": [], "rows": [], "ignored": [], "groups": 0, "unresolved_members": 0,
        "imported": 1, "dry_run": False, "rejected_file": None,
    }  # fmt: skip
    assert [row.username for row in all_users(sqlite_editor.users)] == ["zoé"]


def test_user_with_each_hash_logs_in_and_a_weak_hash_is_replaced(
    any_db_cli: ForkedFlask, any_db_editor: UserEditor, migrated_database: str, tmp_path: Path
) -> None:
    (tmp_path / "users.csv").write_text(as_csv(ALL_USERS))
    result = json.loads(any_db_cli("users", "import", "users.csv", "--json").stdout)
    assert (result["imported"], result["weak"]) == (len(ALL_USERS), len(WEAK))
    client = client_of(migrated_database)
    for name, hashed in ALL_USERS.items():
        assert any_db_editor.users.require(name).password_hash == hashed
        assert log_in(client, name, PASSWORD) == 200, name
        replaced = any_db_editor.users.require(name).password_hash
        assert replaced.startswith("$argon2id$"), name
        assert (replaced == hashed) == (name == "argon2"), name
        assert log_in(client, f"{name}@example.org", PASSWORD) == 200, name
        assert any_db_editor.users.require(name).password_hash == replaced, name


def test_role_option_applies_to_all_users_and_disabled_users_stay_disabled(
    sqlite_cli: ForkedFlask, sqlite_editor: UserEditor, client: FlaskClient, tmp_path: Path
) -> None:
    (tmp_path / "users.csv").write_text(
        f'username,password_hash,roles,active\nzoé,"{STRONG}",user,true\nbob,"{STRONG}",b,no\n'
    )
    assert sqlite_cli("users", "import", "users.csv", "--role", "user", "--role", "new here").returncode == 0
    assert [(row.username, row.roles, row.active) for row in all_users(sqlite_editor.users)] == [
        ("bob", ("b", "new here", "user"), False),
        ("zoé", ("new here", "user"), True),
    ]
    assert [log_in(client, name, PASSWORD) for name in ("zoé", "bob")] == [200, 400]
    assert sqlite_cli("users", "enable", "bob").returncode == 0
    assert log_in(client, "bob", PASSWORD) == 200


def test_import_is_one_audit_event_of_its_operator(
    sqlite_cli: ForkedFlask, sqlite_editor: UserEditor, tmp_path: Path
) -> None:
    (tmp_path / "users.csv").write_text(as_csv({"zoé": STRONG, "bob": STRONG}))
    sqlite_cli("users", "import", "users.csv")
    with sqlite_editor._engine.connect() as connection:  # noqa: SLF001 - the event of an import has no username
        events = connection.exec_driver_sql(
            "SELECT operator, action, username_folded, details FROM latchkey_audit_events"
        ).all()
    assert [tuple(event) for event in events] == [(operator_name({}), "users_imported", None, "2 users from users.csv")]


def test_standard_input_is_imported(sqlite_cli: ForkedFlask, sqlite_editor: UserEditor, tmp_path: Path) -> None:
    assert sqlite_cli("users", "import", "-", "--format", "csv", stdin=as_csv({"zoé": STRONG})).returncode == 0
    assert [row.username for row in all_users(sqlite_editor.users)] == ["zoé"]
    ended = sqlite_cli(
        "users", "import", "-", "--format", "csv", "--keep-going", stdin="username,password_hash\nbob,plain\n"
    )
    assert (ended.returncode, "The rejected rows are in rejected.csv" in ended.stdout) == (1, True)
    assert (tmp_path / "rejected.csv").read_text().startswith("username,password_hash,rejected")


def test_fifo_is_imported(sqlite_cli: ForkedFlask, sqlite_editor: UserEditor, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "users.csv")
    text = as_csv({"zoé": STRONG, "bob": "plain"})
    writer = Thread(target=(tmp_path / "users.csv").write_text, args=(text,))
    writer.start()
    ended = sqlite_cli("users", "import", "users.csv", "--keep-going")
    writer.join()
    assert (ended.returncode, [row.username for row in all_users(sqlite_editor.users)]) == (1, ["zoé"])
    assert "bob,bob@example.org,plain" in (tmp_path / "users.rejected.csv").read_text()


def test_pipe_is_imported(sqlite_editor: UserEditor, tmp_path: Path) -> None:
    program = FlaskProgram(tmp_path, DATABASE_URL=f"sqlite:///{tmp_path}/users.db")
    for path, name in (("/dev/fd/0", "zoé"), ("-", "bob")):
        ended = program("users", "import", path, "--format", "csv", stdin=as_csv({name: STRONG}))
        assert (ended.returncode, ended.stderr) == (0, "")
    assert [row.username for row in all_users(sqlite_editor.users)] == ["bob", "zoé"]
