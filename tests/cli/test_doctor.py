"""`flask doctor` as it is typed: what it finds, and that it does no harm."""

import json
import os
import re
import stat
from pathlib import Path
from typing import Any

import pytest

from tests.support.custom_providers import BARE, NOTING, notes, program, write
from tests.support.flask_program import Flask
from tests.support.forked_flask import Forked, Source, answer, read_until
from tests.support.stores import SECRET_KEY, engine_of, hashed, user_table, users_file
from tests.support.users import SAMPLE_USERS, ZOE

KNOWN = {"roles", "throttling"}
"""What every deployment is warned of: `super_admin` of the examples, and that failed logins are not counted."""


@pytest.fixture
def flask(source: Source, tmp_path: Path) -> Forked:
    """The program on a users file."""
    path = tmp_path / "users.toml"
    environ = users_file(path, SAMPLE_USERS)
    path.chmod(0o600)
    return Forked(source, tmp_path, SECRET_KEY=SECRET_KEY, DATABASE_URL="", **environ)


def found(program: Flask, *arguments: str, **environ: Any) -> dict[str, dict[str, Any]]:
    """Return the findings by step, if the exit code says the worst and nothing secret is told."""
    ended = program("doctor", "--json", *arguments, **environ)
    told = json.loads(ended.stdout)
    outcomes = [check["outcome"] for check in told["checks"]]
    worst = next(outcome for outcome in ("failure", "warning", "ok") if outcome in outcomes)
    assert (told["worst"], ended.returncode) == (worst, ["ok", "warning", "failure"].index(worst))
    assert ended.stderr == ""
    assert all(check["remedy"] for check in told["checks"] if check["outcome"] != "ok")
    assert all("\n" not in f"{check['found']}{check['remedy']}" for check in told["checks"])
    for secret in (SECRET_KEY, hashed(ZOE.password), ZOE.password, "hunter2"):
        assert secret not in ended.stdout
    return {check["step"]: check for check in told["checks"]}


def outcomes(checks: dict[str, dict[str, Any]]) -> dict[str, str]:
    """Return what is not well."""
    return {step: check["outcome"] for step, check in checks.items() if check["outcome"] != "ok"}


def test_a_good_configuration_is_told_step_by_step(flask: Forked) -> None:
    ended = flask("doctor")
    lines = ended.stdout.splitlines()
    steps = [
        match for line in lines if (match := re.fullmatch(r"(ok|warning|failure) +([\d,]+ ms)  (\S.*?)  +(\S.*)", line))
    ]
    assert [match[3] for match in steps] == [
        "configuration", "keys", "static: users file", "static: permissions", "static: users", "static: hashes",
        "routes", "roles", "throttling", "proxies",
    ]  # fmt: skip
    assert len({match.start(4) for match in steps}) == 1
    assert {match[3] for match in steps if match[1] == "warning"} == KNOWN
    assert len([line for line in lines if line.startswith(f"{' ' * 22}→ ")]) == 2
    assert lines[-2:] == ["", "10 steps: 8 ok, 2 warnings, 0 failures."]
    assert (ended.returncode, ended.stderr) == (1, "")
    assert "\x1b" not in ended.stdout


def test_colours_are_for_a_terminal(flask: Forked) -> None:
    code, shown = flask.seen("doctor")
    assert code == 1
    assert "\x1b[32mok     \x1b[0m" in shown
    assert "\x1b[33mwarning\x1b[0m" in shown
    assert "\x1b" not in flask.seen("doctor", "--json")[1]


def test_every_problem_of_a_configuration_is_a_failure_with_its_remedy(flask: Forked) -> None:
    ended = flask("doctor", "--json", SECRET_KEY="hunter2", JWT_LIFETIME_MINUTES="never", STATIC_USERS_FILE="none.toml")
    told = json.loads(ended.stdout)["checks"]
    assert [check["found"].split()[0] for check in told] == ["SECRET_KEY", "JWT_LIFETIME_MINUTES", "STATIC_USERS_FILE:"]
    assert {check["outcome"] for check in told} == {"failure"}
    assert told[0]["remedy"].startswith("Write at least 32 random bytes")
    assert all(check["remedy"] for check in told)
    assert (ended.returncode, ended.stderr) == (2, "")
    assert "hunter2" not in ended.stdout
    assert "never" not in ended.stdout
    assert flask("doctor", SECRET_KEY="").returncode == 2


def test_a_file_that_others_can_read_is_told(flask: Forked, tmp_path: Path) -> None:
    (tmp_path / "users.toml").chmod(0o644)
    told = found(flask)
    assert set(outcomes(told)) == KNOWN | {"static: permissions"}
    assert "chmod 600" in told["static: permissions"]["remedy"]


def test_a_database_is_looked_at(flask: Forked, empty_database: str) -> None:
    told = found(flask, DATABASE_URL=empty_database, AUTH_PROVIDER="database")
    assert told["database: connection" if "sqlite" in empty_database else "database: tables"]["outcome"] == "failure"
    assert told["routes"]["outcome"] == "failure" or "sqlite" in empty_database
    assert any("make migrate" in check["remedy"] for check in told.values() if check["remedy"])
    user_table(empty_database, SAMPLE_USERS)
    for file in Path(empty_database.removeprefix("sqlite:///")).parent.glob("*.db*"):
        file.chmod(0o600)
    told = found(flask, DATABASE_URL=empty_database, AUTH_PROVIDER="database")
    kind = ("SQLite", {"database: hosts"}) if "sqlite" in empty_database else ("PostgreSQL", set())
    assert told["database: connection"]["found"].startswith(kind[0])
    assert "are at revision" in told["database: tables"]["found"]
    assert set(outcomes(told)) == KNOWN | kind[1]
    assert "database: clock" in told or kind[0] == "SQLite"


def test_tables_that_somebody_changed_are_told(flask: Forked, empty_database: str) -> None:
    environ = user_table(empty_database, [ZOE])
    with engine_of(environ).begin() as connection:
        connection.exec_driver_sql("DROP INDEX ix_users_disabled")
    told = found(flask, DATABASE_URL=empty_database)["database: tables"]
    assert told["outcome"] == "warning"
    assert "ix_users_disabled" in told["found"]


@pytest.mark.parametrize(("mode", "outcome"), [(0o600, "ok"), (0o644, "warning"), (0o666, "failure")])
def test_an_sqlite_file_that_others_can_read_or_write_is_told(
    flask: Forked, tmp_path: Path, mode: int, outcome: str
) -> None:
    folder = tmp_path / "a b"
    folder.mkdir()
    user_table(f"sqlite:///{folder}/users.db", [ZOE])
    for file in folder.iterdir():
        file.chmod(0o600)
    (folder / "users.db").chmod(mode)
    told = found(flask, DATABASE_URL=f"sqlite:///{folder}/users.db")["database: file"]
    assert told["outcome"] == outcome
    assert outcome == "ok" or f"chmod 600 '{folder}/users.db'" in told["remedy"]


def test_a_server_that_is_out_is_a_finding_without_its_password(flask: Forked) -> None:
    url = "postgresql://latchkey:hunter2@127.0.0.1:1/users"
    told = found(flask, DATABASE_URL=url, AUTH_PROVIDER="database")
    assert outcomes(told)["database: connection"] == "failure"
    assert outcomes(told)["database: user table"] == "failure"


def test_keys_in_a_folder_are_told(flask: Forked, tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    environ = {"SIGNING_KEYS_DIR": str(folder), "SECRET_KEY": ""}
    assert "SIGNING_KEYS_DIR" in found(flask, **environ)["configuration"]["found"]
    flask("keys", "generate", **environ)
    told = found(flask, **environ)
    assert set(outcomes(told)) == KNOWN
    assert "(ES256) signs, for 0 days now" in told["keys"]["found"]
    assert told["other keys"]["found"] == "no next, no retired"
    flask("keys", "generate", **environ)
    assert "1 next, no retired; not everybody knows the next one yet" in found(flask, **environ)["other keys"]["found"]
    for file in folder.glob("*.pem"):
        os.utime(file, (0, 0))
    assert "`flask keys rotate` refuses nobody" in found(flask, **environ)["other keys"]["found"]
    folder.chmod(0o770)
    assert outcomes(found(flask, **environ))["key folder"] == "failure"


def test_an_old_key_and_a_secret_beside_it_are_told(flask: Forked, tmp_path: Path) -> None:
    environ = {"SIGNING_KEYS_DIR": str(tmp_path / "keys")}
    flask("keys", "generate", **environ)
    assert "needed until the last token" in found(flask, **environ)["secret key"]["found"]
    for file in (tmp_path / "keys").iterdir():
        os.utime(file, (0, 0))
    told = found(flask, **environ)
    assert set(outcomes(told)) == KNOWN | {"keys", "secret key"}
    assert told["keys"]["remedy"].startswith("Run: flask keys generate")


def test_a_user_is_followed_through_the_chain(flask: Forked, tmp_path: Path) -> None:
    environ = {"DATABASE_URL": f"sqlite:///{tmp_path}/users.db", "AUTH_PROVIDER": "static,database"}
    user_table(environ["DATABASE_URL"], [ZOE])
    told = found(flask, "--user", " ZOE@example.org ", **environ)
    assert told["user, static"]["found"] == "knows zoé: user 1 in users.toml"
    assert told["user, database"]["outcome"] == "warning"
    assert told["roles of the user"]["found"] == "admin, user"
    claims = json.loads(told["claims"]["found"])
    assert (claims["sub"], claims["idp"], claims["roles"]) == ("zoé", "static", ["admin", "user"])
    told = found(flask, "--user", "nobody", **environ)
    assert told["user, database"]["found"] == "does not know them"
    assert told["user"]["outcome"] == "failure"
    assert found(flask, "--user", "long")["roles of the user"]["outcome"] == "warning"


@pytest.mark.parametrize(("password", "outcome"), [(ZOE.password, "ok"), ("hunter2", "failure"), ("\0", "failure")])
def test_a_password_is_read_from_standard_input_and_judged(flask: Forked, password: str, outcome: str) -> None:
    told = found(flask, "--user", "zoé", "--password", stdin=f"{password}\n")["password"]
    assert told["outcome"] == outcome
    assert ("the password is not theirs" in told["found"]) == (password == "hunter2")


def test_at_a_terminal_a_password_is_asked_for_and_not_shown(flask: Forked) -> None:
    with flask.terminal("doctor", "--user", "zoé", "--password") as screen:
        read_until(screen, "Password:")
        shown = answer(screen, f"{ZOE.password}\n")
        assert flask.wait().code == 1
    assert "static lets zoé in with it" in shown
    assert ZOE.password not in shown


def test_a_password_is_tried_once_at_the_one_provider_that_knows_the_user(tmp_path: Path) -> None:
    write(tmp_path, "acme", NOTING)
    asked = program(tmp_path, "acme:Noting")
    told = found(asked, "--user", "wile", "--password", stdin="roadrunner\n")
    assert notes(tmp_path) == ["check", "explain", "authenticate"]
    assert told["password"]["outcome"] == "ok"
    assert told["groups"]["found"] == "2: cn=readers; cn=all (through cn=readers)"
    told = found(asked, "--user", "wile", "--password", stdin="hunter2\n")
    assert notes(tmp_path) == ["check", "explain", "authenticate"] * 2
    assert told["password"]["found"] == "acme:Noting lets nobody in with it: the account is locked"
    told = found(asked, "--user", "nobody", "--password", stdin="hunter2\n")
    assert notes(tmp_path)[6:] == ["check", "explain"]


def test_whoever_is_locked_is_not_locked_for_longer(tmp_path: Path) -> None:
    write(tmp_path, "acme", NOTING)
    told = found(program(tmp_path, "acme:Noting"), "--user", "locked", "--password", stdin="hunter2\n")
    assert notes(tmp_path) == ["check", "explain"]
    assert told["user, acme:Noting"]["outcome"] == "failure"
    assert "since the account is locked: uid=locked,ou=people" in told["user, acme:Noting"]["found"]
    assert told["user, acme:Noting"]["remedy"] == "Unlock it in the store, or wait"


def test_a_store_whose_checks_fail_is_asked_nothing_more(tmp_path: Path) -> None:
    write(tmp_path, "acme", NOTING)
    told = found(program(tmp_path, "acme:Broken"), "--user", "wile", "--password", stdin="hunter2\n")
    assert notes(tmp_path) == ["check"]
    assert told["user, acme:Broken"]["found"] == "cannot be asked: its checks fail"
    assert told["password"]["found"].startswith("not tried")


def test_the_fault_of_a_provider_is_a_finding_without_its_message(tmp_path: Path) -> None:
    write(tmp_path, "acme", NOTING)
    told = found(program(tmp_path, "acme:Raising"), "--user", "wile")
    assert told["acme:Raising: first"]["outcome"] == "ok"
    assert "it fails with ValueError at" in told["acme:Raising: checks"]["found"]


def test_a_provider_that_can_only_authenticate_is_asked_for_no_more(tmp_path: Path) -> None:
    write(tmp_path, "acme", BARE)
    told = found(program(tmp_path, "acme:Bare"), "--user", "wile", "--password", stdin="hunter2\n")
    assert set(outcomes(told)) == {"throttling", "password"}
    assert "has no checks of its own" in told["acme:Bare: checks"]["found"]
    assert "cannot say without a password" in told["user, acme:Bare"]["found"]
    assert "acme:Bare can give any" in told["roles"]["found"]
    assert "nobody has this login" in told["password"]["found"]


def test_what_a_store_says_does_not_move_the_cursor(tmp_path: Path) -> None:
    write(tmp_path, "acme", NOTING)
    assert "as ?[31mcn=service" in program(tmp_path, "acme:Noting")("doctor").stdout


PATIENT = """
    import os, time
    from providers.interface import Check

    class Patient:
        def __init__(self, environ):
            pass

        def authenticate(self, login, password):
            return None

        def check(self):
            yield Check("quick", "ok", "done")
            while not os.path.exists(os.environ["NOTES"]):
                time.sleep(0.01)
            yield Check("slow", "ok", "done")
"""


def test_a_long_step_does_not_shift_what_was_found(tmp_path: Path) -> None:
    write(tmp_path, "acme", NOTING)
    lines = program(tmp_path, "acme:Noting")("doctor").stdout.splitlines()
    after = lines[next(number for number, line in enumerate(lines) if "quite a long name" in line) + 1]
    assert (after.strip(), after.index("found")) == ("found", lines[0].index("can be used"))


def test_steps_are_shown_as_they_come(tmp_path: Path) -> None:
    write(tmp_path, "acme", PATIENT)
    with program(tmp_path, "acme:Patient").running("doctor") as process:
        assert process.stdout
        assert any("quick" in line for line in iter(process.stdout.readline, ""))
        assert process.poll() is None
        (tmp_path / "notes").touch()
        assert " slow " in process.stdout.readline()


APP = """
    from app import create_app as ours
    from services.auth_guard import auth_guard

    def create_app():
        app = ours()
        app.route("/forgotten")(lambda: "")
        app.add_url_rule("/shut", "shut", auth_guard("Reader")(lambda: ""))
        app.add_url_rule("/open", "open", auth_guard("reader")(lambda: ""))
        return app
"""


def test_the_routes_are_those_of_whatever_application_flask_serves(tmp_path: Path) -> None:
    write(tmp_path, "acme", NOTING)
    write(tmp_path, "shop", APP)
    ended = program(tmp_path, "acme:Noting")("--app", "shop", "doctor")
    assert "/forgotten is not guarded" in ended.stdout
    assert "Reader is asked for by GET /shut, and no provider can give it; reader differs only in case" in ended.stdout
    assert "reader is asked for" not in ended.stdout


def test_an_application_that_does_not_start_is_a_finding(tmp_path: Path) -> None:
    write(tmp_path, "acme", NOTING)
    write(tmp_path, "shop", "raise ValueError('hunter2')")
    ended = program(tmp_path, "acme:Noting")("--app", "shop", "doctor")
    assert "the application does not start: the application fails with ValueError at" in ended.stdout
    assert "hunter2" not in ended.stdout + ended.stderr
    assert ended.returncode == 2
    assert "no-such-app" in program(tmp_path, "acme:Noting")("--app", "no-such-app", "doctor").stdout


def test_wrong_usage_is_one_line_that_repeats_nothing(flask: Forked) -> None:
    for arguments in (
        ("--user", "zoé", "--password", "hunter2"),
        ("hunter2",),
        ("--user", "zoé", "--password=hunter2"),
    ):
        ended = flask("doctor", *arguments)
        assert (ended.returncode, ended.stdout) == (2, "")
        assert "hunter2" not in ended.stderr
    assert flask("doctor", "--password").stderr == "Error: --password belongs to --user\n"


def test_nothing_is_written(flask: Forked, tmp_path: Path) -> None:
    def state() -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    before = state()
    found(flask, "--user", "zoé", "--password", stdin=f"{ZOE.password}\n")
    assert state() == before
    assert stat.S_IMODE((tmp_path / "users.toml").stat().st_mode) == 0o600
