"""`flask doctor` on providers, one user and routes: what it asks, and what it reports."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.custom_providers import MINIMAL, RECORDING, calls, program, write
from tests.support.doctor import diagnose, not_ok
from tests.support.flask_program import ENVIRON
from tests.support.fork_server import ForkServer
from tests.support.forked_flask import ForkedFlask, answer, read_until
from tests.support.stores import SECRET_KEY, user_table, users_file
from tests.support.users import SAMPLE_USERS, ZOE, SampleUser


@pytest.fixture
def cli(fork_server: ForkServer, tmp_path: Path) -> ForkedFlask:
    """Return the program on a users file."""
    path = tmp_path / "users.toml"
    environ = users_file(path, SAMPLE_USERS)
    return ForkedFlask(fork_server, tmp_path, SECRET_KEY=SECRET_KEY, DATABASE_URL="", **environ)


def test_user_is_followed_through_the_chain(cli: ForkedFlask, tmp_path: Path) -> None:
    environ = {"DATABASE_URL": f"sqlite:///{tmp_path}/users.db", "AUTH_PROVIDER": "static,database"}
    user_table(environ["DATABASE_URL"], [ZOE])
    checks = diagnose(cli, "--user", " ZOE@example.org ", **environ)
    assert checks["user, static"]["found"] == "accepts zoé (user 1 in users.toml)"
    assert checks["user, database"]["outcome"] == "warning"
    assert checks["roles of the user"]["found"] == "admin, user"
    claims = json.loads(checks["claims"]["found"])
    assert (claims["sub"], claims["idp"], claims["roles"]) == ("zoé", "static", ["admin", "user"])
    checks = diagnose(cli, "--user", "nobody", **environ)
    assert checks["user, database"]["found"] == "does not know this user"
    assert checks["user"]["outcome"] == "failure"
    assert diagnose(cli, "--user", "long")["roles of the user"]["outcome"] == "warning"


def test_usernames_of_several_providers_are_found(cli: ForkedFlask, tmp_path: Path) -> None:
    environ = {"DATABASE_URL": f"sqlite:///{tmp_path}/users.db", "AUTH_PROVIDER": "static,database"}
    user_table(environ["DATABASE_URL"], [SampleUser("ZOÉ", "z@example.org", "x"), SampleUser("yan", "y@x", "x")])
    found = "1 of the users of database cannot log in: for example, static has the username ZOÉ"
    for _ in range(2):
        check = diagnose(cli, **environ)["usernames"]
        assert (check["outcome"], check["found"]) == ("warning", found)
        users = tmp_path / "users.toml"  # then with a disabled user
        users.write_text(users.read_text("utf-8").replace("[[users]]", "[[users]]\nactive = false", 1), "utf-8")
    users_file(users, SAMPLE_USERS[1:])
    check = diagnose(cli, **environ)["usernames"]
    assert (check["outcome"], check["found"]) == ("ok", "no user of database has a username of an earlier provider")


@pytest.mark.parametrize(("chain", "outcome"), [("acme:Minimal,static", "warning"), ("static,acme:Minimal", None)])
def test_earlier_provider_that_does_not_report_its_usernames_is_found(
    fork_server: ForkServer, tmp_path: Path, chain: str, outcome: str | None
) -> None:
    write(tmp_path, "acme", MINIMAL)
    diagnosis = program(
        fork_server, tmp_path, chain, **users_file(tmp_path / "users.toml", [ZOE]) | {"AUTH_PROVIDER": chain}
    )
    found = [
        check
        for check in json.loads(diagnosis("doctor", "--json").stdout)["checks"]
        if "has_username" in check["found"]
    ]
    assert [check["outcome"] for check in found] == ([outcome] if outcome else [])


@pytest.mark.parametrize(("password", "outcome"), [(ZOE.password, "ok"), ("hunter2", "failure"), ("\0", "failure")])
def test_password_from_standard_input_is_tried(cli: ForkedFlask, password: str, outcome: str) -> None:
    check = diagnose(cli, "--user", "zoé", "--password", stdin=f"{password}\n")["password"]
    assert check["outcome"] == outcome
    assert ("the password is wrong" in check["found"]) == (password == "hunter2")


@pytest.mark.parametrize(
    ("password", "event", "reason"),
    [(ZOE.password, "login_accepted", None), ("hunter2", "login_denied", "wrong_password")],
)
def test_tried_password_is_a_login_event_with_the_operator(
    cli: ForkedFlask, password: str, event: str, reason: str | None
) -> None:
    ended = cli("doctor", "--json", "--user", "zoé", "--password", stdin=f"{password}\n", LOG_FORMAT="json")
    (entry,) = [json.loads(line) for line in ended.stderr.splitlines() if '"logger": "audit"' in line]
    assert (entry["event"], entry.get("reason")) == (event, reason)
    assert (entry["account"], entry["provider"]) == ("zoé", "static")
    assert entry["operator"].startswith("cli:")
    assert password not in ended.stderr


def test_password_typed_at_a_terminal_is_not_shown(cli: ForkedFlask) -> None:
    with cli.terminal("doctor", "--user", "zoé", "--password") as screen:
        read_until(screen, "Password:")
        shown = answer(screen, f"{ZOE.password}\n")
        assert cli.wait().code == 0
    assert "static accepts the password and authenticates zoé" in shown
    assert ZOE.password not in shown


def test_password_is_tried_once_with_the_provider_that_knows_the_user(fork_server: ForkServer, tmp_path: Path) -> None:
    write(tmp_path, "acme", RECORDING)
    flask = program(fork_server, tmp_path, "acme:Recording")
    checks = diagnose(flask, "--user", "wile", "--password", stdin="roadrunner\n")
    assert calls(tmp_path) == ["check", "explain", "authenticate"]
    assert checks["password"]["outcome"] == "ok"
    assert checks["groups"]["found"] == "2: cn=readers; cn=all (via cn=readers)"
    checks = diagnose(flask, "--user", "wile", "--password", stdin="hunter2\n")
    assert calls(tmp_path) == ["check", "explain", "authenticate"] * 2
    assert checks["password"]["found"] == "acme:Recording denies the login: the account is locked"
    diagnose(flask, "--user", "nobody", "--password", stdin="hunter2\n")
    assert calls(tmp_path)[6:] == ["check", "explain"]


def test_password_of_a_locked_account_is_not_tried(fork_server: ForkServer, tmp_path: Path) -> None:
    write(tmp_path, "acme", RECORDING)
    checks = diagnose(
        program(fork_server, tmp_path, "acme:Recording"), "--user", "locked", "--password", stdin="hunter2\n"
    )
    assert calls(tmp_path) == ["check", "explain"]
    check = checks["user, acme:Recording"]
    assert check["outcome"] == "failure"
    assert check["found"] == "denies the login: the account is locked (uid=locked,ou=people)"
    assert check["remedy"] == "Unlock it in the store, or wait"


def test_provider_with_a_failed_check_is_not_asked_about_the_user(fork_server: ForkServer, tmp_path: Path) -> None:
    write(tmp_path, "acme", RECORDING)
    checks = diagnose(program(fork_server, tmp_path, "acme:Broken"), "--user", "wile", "--password", stdin="hunter2\n")
    assert calls(tmp_path) == ["check"]
    assert checks["user, acme:Broken"]["found"] == "is unavailable: its checks failed"
    assert checks["password"]["found"].startswith("not tried")


def test_exception_of_a_provider_is_a_finding_without_its_message(fork_server: ForkServer, tmp_path: Path) -> None:
    write(tmp_path, "acme", RECORDING)
    checks = diagnose(program(fork_server, tmp_path, "acme:Raising"), "--user", "wile")
    assert checks["acme:Raising: first"]["outcome"] == "ok"
    assert "failed with ValueError at" in checks["acme:Raising: checks"]["found"]


def test_provider_without_capabilities_is_asked_only_to_authenticate(fork_server: ForkServer, tmp_path: Path) -> None:
    write(tmp_path, "acme", MINIMAL)
    checks = diagnose(program(fork_server, tmp_path, "acme:Minimal"), "--user", "wile", "--password", stdin="hunter2\n")
    assert set(not_ok(checks)) == {"password"}
    assert "defines no checks" in checks["acme:Minimal: checks"]["found"]
    assert "cannot explain a login without its password" in checks["user, acme:Minimal"]["found"]
    assert "acme:Minimal does not list its roles" in checks["roles"]["found"]
    assert "no user has this login" in checks["password"]["found"]


def test_control_characters_in_a_finding_are_not_printed(fork_server: ForkServer, tmp_path: Path) -> None:
    write(tmp_path, "acme", RECORDING)
    assert "as ?[31mcn=service" in program(fork_server, tmp_path, "acme:Recording")("doctor").stdout


SLOW = """
    import os, time
    from providers.interface import Check

    class Slow:
        def __init__(self, environ):
            pass

        def authenticate(self, login, password):
            return None

        def check(self):
            yield Check("quick", "ok", "done")
            while not os.path.exists(os.environ["CALLS"]):
                time.sleep(0.01)
            yield Check("slow", "ok", "done")
"""


def test_text_of_a_long_step_is_below_it_at_the_column_of_the_step(fork_server: ForkServer, tmp_path: Path) -> None:
    write(tmp_path, "acme", RECORDING)
    lines = program(fork_server, tmp_path, "acme:Recording")("doctor").stdout.splitlines()
    after = lines[next(number for number, line in enumerate(lines) if "rather long" in line) + 1]
    assert (after.strip(), after.index("found")) == ("found", lines[0].index("configuration"))


def test_each_finding_is_printed_before_the_next_check_ends(fork_server: ForkServer, tmp_path: Path) -> None:
    write(tmp_path, "acme", SLOW)
    with program(fork_server, tmp_path, "acme:Slow").running("doctor") as process:
        assert process.stdout
        assert any("quick" in line for line in iter(process.stdout.readline, ""))
        assert process.poll() is None
        (tmp_path / "calls").touch()
        assert " slow " in process.stdout.readline()


APP = """
    from app import create_app as create_latchkey
    from services.auth_guard import auth_guard

    def create_app():
        app = create_latchkey()
        app.route("/forgotten")(lambda: "")
        app.add_url_rule("/shut", "shut", auth_guard("Reader")(lambda: ""))
        app.add_url_rule("/open", "open", auth_guard("reader")(lambda: ""))
        return app
"""


@pytest.mark.parametrize("command", [("doctor",), ("providers", "check", "local:Minimal", "--login", "zoe")])
def test_provider_in_the_current_folder_is_found_as_the_service_finds_it(
    tmp_path: Path, command: tuple[str, ...]
) -> None:
    write(tmp_path, "local", MINIMAL)
    settings = {"SECRET_KEY": SECRET_KEY, "AUTH_PROVIDER": "local:Minimal"}
    ended = subprocess.run(  # with `-P`, as the program `flask`: without it, `-m` adds the current folder
        [sys.executable, "-P", "-m", "flask", *command],
        cwd=tmp_path, env=ENVIRON | settings, input="wrong", capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert "cannot be imported" not in ended.stdout + ended.stderr


def test_routes_of_the_application_that_flask_serves_are_checked(fork_server: ForkServer, tmp_path: Path) -> None:
    write(tmp_path, "acme", RECORDING)
    write(tmp_path, "shop", APP)
    ended = program(fork_server, tmp_path, "acme:Recording")("--app", "shop", "doctor")
    assert "GET /forgotten (shop.<lambda>) is neither guarded nor public: " in ended.stdout
    missing = "no provider can give the role Reader, required by GET /shut; they can give reader"
    assert missing in ended.stdout
    assert "required by GET /open" not in ended.stdout


def test_invalid_configuration_of_the_application_is_a_failure_with_its_remedy(
    fork_server: ForkServer, tmp_path: Path
) -> None:
    write(tmp_path, "acme", RECORDING)
    write(tmp_path, "shop", "from app import create_app\napp = create_app({'AUTH_PROVIDER': 'absent'})")
    ended = program(fork_server, tmp_path, "acme:Recording")("--app", "shop", "doctor", "--json")
    findings = [one for one in json.loads(ended.stdout)["checks"] if one["step"] == "routes"]
    assert [one["outcome"] for one in findings] == ["failure", "failure"]
    assert findings[0]["found"] == "the application does not start: SECRET_KEY is not set"
    assert findings[0]["remedy"].startswith("Set it to at least 32 random bytes")
    assert findings[1]["found"].endswith("AUTH_PROVIDER names absent, an unknown provider")


def test_application_that_does_not_start_is_a_failure(fork_server: ForkServer, tmp_path: Path) -> None:
    write(tmp_path, "acme", RECORDING)
    write(tmp_path, "shop", "raise ValueError('hunter2')")
    ended = program(fork_server, tmp_path, "acme:Recording")("--app", "shop", "doctor")
    assert "the application does not start: the application fails with ValueError at" in ended.stdout
    assert "hunter2" not in ended.stdout + ended.stderr
    assert ended.returncode == 2
    assert "no-such-app" in program(fork_server, tmp_path, "acme:Recording")("--app", "no-such-app", "doctor").stdout
