"""`flask doctor`: its output, and its findings about configuration, files, database and keys."""

import json
import os
import re
import stat
from pathlib import Path

import pytest

from tests.support.doctor import diagnose, not_ok
from tests.support.flask_program import FlaskProgram
from tests.support.fork_server import ForkServer
from tests.support.forked_flask import ForkedFlask
from tests.support.stores import SECRET_KEY, engine_of, user_table, users_file
from tests.support.users import SAMPLE_USERS, ZOE


@pytest.fixture
def cli(fork_server: ForkServer, tmp_path: Path) -> ForkedFlask:
    """Return the program on a users file."""
    path = tmp_path / "users.toml"
    environ = users_file(path, SAMPLE_USERS)
    return ForkedFlask(fork_server, tmp_path, SECRET_KEY=SECRET_KEY, DATABASE_URL="", **environ)


def test_findings_are_printed_in_columns_with_a_summary(cli: ForkedFlask) -> None:
    ended = cli("doctor")
    lines = ended.stdout.splitlines()
    steps = [
        match
        for line in lines
        if (match := re.fullmatch(r"(ok|info|warning|failure) +([\d,]+ ms)  (\S.*?)  +(\S.*)", line))
    ]
    assert [match[3] for match in steps] == [
        "configuration", "files", "keys", "static: users file", "static: users", "static: names",
        "static: hashes", "routes", "roles", "throttling", "threads", "proxies",
    ]  # fmt: skip
    assert len({match.start(4) for match in steps}) == 1
    assert {match[3] for match in steps if match[1] == "info"} == {"roles", "throttling", "threads", "proxies"}
    assert len([line for line in lines if line.startswith(f"{' ' * 22}→ ")]) == 2
    assert lines[-2:] == ["", "12 checks: 8 ok, 4 info, 0 warnings, 0 failures."]
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "\x1b" not in ended.stdout


def test_output_has_colors_only_at_a_terminal(cli: ForkedFlask) -> None:
    code, shown = cli.run_at_terminal("doctor")
    assert code == 0
    assert "\x1b[32mok     \x1b[0m" in shown
    assert "\x1b[36minfo   \x1b[0m" in shown
    assert "\x1b" not in cli.run_at_terminal("doctor", "--json")[1]


def test_each_problem_of_the_configuration_is_a_failure_with_a_remedy(cli: ForkedFlask) -> None:
    ended = cli("doctor", "--json", SECRET_KEY="hunter2", JWT_LIFETIME_MINUTES="never", STATIC_USERS_FILE="none.toml")
    checks = json.loads(ended.stdout)["checks"]
    assert [check["found"].split()[0] for check in checks] == [
        "SECRET_KEY", "JWT_LIFETIME_MINUTES", "STATIC_USERS_FILE"
    ]  # fmt: skip
    assert {check["outcome"] for check in checks} == {"failure"}
    assert checks[0]["remedy"].startswith("Set it to at least 32 random bytes")
    assert all(check["remedy"] for check in checks)
    assert (ended.returncode, ended.stderr) == (2, "")
    assert "hunter2" not in ended.stdout
    assert cli("doctor", SECRET_KEY="").returncode == 2


@pytest.mark.parametrize("misspelled", ["LDAP_URI", "LDAP_BINDDN"])
def test_misspelled_setting_of_an_unused_provider_is_reported(tmp_path: Path, misspelled: str) -> None:
    program = FlaskProgram(
        tmp_path, SECRET_KEY=SECRET_KEY, DATABASE_URL="", **users_file(tmp_path / "users.toml", [ZOE])
    )
    checks = json.loads(program("doctor", "--json", **{misspelled: "x"}).stdout)["checks"]
    (check,) = [check for check in checks if check["step"] == "configuration" and check["outcome"] != "ok"]
    assert (check["outcome"], check["found"]) == ("warning", f"{misspelled} is not a setting, and is ignored")


def test_database_is_checked_before_and_after_the_migration(cli: ForkedFlask, empty_database: str) -> None:
    sqlite = "sqlite" in empty_database
    checks = diagnose(cli, DATABASE_URL=empty_database, AUTH_PROVIDER="database")
    assert checks["database: connection" if sqlite else "database: tables"]["outcome"] == "failure"
    assert checks["routes"]["outcome"] == "failure" or sqlite
    assert any("make migrate" in check["remedy"] for check in checks.values() if check["remedy"])
    user_table(empty_database, SAMPLE_USERS)
    checks = diagnose(cli, DATABASE_URL=empty_database, AUTH_PROVIDER="database")
    assert checks["database: connection"]["found"].startswith("SQLite" if sqlite else "PostgreSQL")
    assert "the schema revision is" in checks["database: tables"]["found"]
    assert set(not_ok(checks)) == set()
    assert ("database: clock" in checks) == (not sqlite)


def test_manual_change_of_the_tables_is_a_warning(cli: ForkedFlask, migrated_database: str) -> None:
    environ = user_table(migrated_database, [ZOE])
    with engine_of(environ).begin() as connection:
        connection.exec_driver_sql("DROP INDEX ix_latchkey_users_disabled")
    check = diagnose(cli, DATABASE_URL=migrated_database)["database: tables"]
    assert check["outcome"] == "warning"
    assert "ix_latchkey_users_disabled" in check["found"]


EXPOSED = ("STATIC_USERS_FILE", "SECRET_KEY_FALLBACKS_FILE", "DATABASE_URL, users.db")


def test_files_that_others_can_read_are_failures_and_warnings_if_they_are_permitted(
    cli: ForkedFlask, tmp_path: Path
) -> None:
    user_table(f"sqlite:///{tmp_path}/users.db", [ZOE])
    (tmp_path / "fallbacks").write_text(SECRET_KEY.replace(",", ";"))  # a comma separates secrets
    environ = {"SECRET_KEY_FALLBACKS_FILE": "fallbacks", "DATABASE_URL": f"sqlite:///{tmp_path}/users.db"}
    for name in ("users.toml", "fallbacks", "users.db"):
        (tmp_path / name).chmod(0o640)
    steps = {f"configuration: {subject}" for subject in EXPOSED}
    for permitted, outcome in (("false", "failure"), ("true", "warning")):
        checks = diagnose(cli, **environ, FILES_INSECURE_PERMISSIONS=permitted)
        assert {step for step in not_ok(checks) if step.startswith("configuration: ")} == steps
        assert {checks[step]["outcome"] for step in steps} == {outcome}
        assert "chmod go=" in checks["configuration: STATIC_USERS_FILE"]["remedy"]
        assert (checks["routes"]["outcome"] == "failure") == (permitted == "false")
    assert cli("users", "list", **environ).returncode == 0
    for file in tmp_path.iterdir():
        file.chmod(0o600)
    assert diagnose(cli, **environ)["files"]["outcome"] == "ok"


def test_unavailable_database_server_is_a_failure_without_its_password(cli: ForkedFlask) -> None:
    url = "postgresql://latchkey:hunter2@127.0.0.1:1/users"
    checks = diagnose(cli, DATABASE_URL=url, AUTH_PROVIDER="database")
    assert not_ok(checks)["database: connection"] == "failure"
    assert not_ok(checks)["database: user table"] == "failure"


def test_keys_in_a_directory_are_checked(cli: ForkedFlask, tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    environ = {"SIGNING_KEYS_DIR": str(folder), "SECRET_KEY": ""}
    assert "SIGNING_KEYS_DIR" in diagnose(cli, **environ)["configuration"]["found"]
    cli("keys", "generate", **environ)
    checks = diagnose(cli, **environ)
    assert set(not_ok(checks)) == set()
    assert "(ES256) has been signing for 0 days" in checks["keys"]["found"]
    assert checks["other keys"]["found"] == "0 next, 0 retired"
    cli("keys", "generate", **environ)
    new = diagnose(cli, **environ)["other keys"]["found"]
    assert new.startswith("1 next, 0 retired; other services may not have fetched the next key yet")
    for file in folder.glob("*.pem"):
        os.utime(file, (0, 0))
    assert "`flask keys rotate` is safe" in diagnose(cli, **environ)["other keys"]["found"]
    cli("keys", "generate", **environ)
    for file in folder.glob("*.pem"):
        os.utime(file, (0, 0))
    assert "`flask keys rotate KEY` is safe" in diagnose(cli, **environ)["other keys"]["found"]
    folder.chmod(0o770)
    checks = diagnose(cli, **environ)
    assert not_ok(checks)["configuration: SIGNING_KEYS_DIR"] == "failure"
    assert "configuration: SIGNING_KEYS_DIR" in not_ok(diagnose(cli, FILES_INSECURE_PERMISSIONS="true", **environ))


def test_deleted_current_key_is_a_failure_with_the_command_to_run(cli: ForkedFlask, tmp_path: Path) -> None:
    environ = {"SIGNING_KEYS_DIR": str(tmp_path / "keys"), "SECRET_KEY": ""}
    (first,) = re.findall(r"current key (\S+)", cli("keys", "generate", **environ).stdout)
    cli("keys", "generate", **environ)
    (tmp_path / "keys" / f"{first}.pem").unlink()
    (check,) = diagnose(cli, **environ).values()
    assert (check["outcome"], check["remedy"]) == ("failure", "Run: flask keys rotate")
    assert "names a current key that is missing" in check["found"]


def test_password_grant_is_a_warning(cli: ForkedFlask) -> None:
    checks = diagnose(cli, OAUTH_CLIENTS="phone", OAUTH_PASSWORD_GRANT="true")
    assert set(not_ok(checks)) == {"password grant"}
    assert set(not_ok(diagnose(cli, OAUTH_CLIENTS="phone"))) == set()


def test_old_key_and_unused_secret_key_are_warnings(cli: ForkedFlask, tmp_path: Path) -> None:
    environ = {"SIGNING_KEYS_DIR": str(tmp_path / "keys")}
    cli("keys", "generate", **environ)
    assert "needed until the last token that it signed" in diagnose(cli, **environ)["secret key"]["found"]
    for file in (tmp_path / "keys").iterdir():
        os.utime(file, (0, 0))
    checks = diagnose(cli, **environ)
    assert set(not_ok(checks)) == {"keys", "secret key"}
    assert checks["keys"]["remedy"].startswith("Run: flask keys generate")


def test_wrong_usage_is_a_one_line_error_without_the_arguments(cli: ForkedFlask) -> None:
    for arguments in (
        ("--user", "zoé", "--password", "hunter2"),
        ("hunter2",),
        ("--user", "zoé", "--password=hunter2"),
    ):
        ended = cli("doctor", *arguments)
        assert (ended.returncode, ended.stdout) == (2, "")
        assert "hunter2" not in ended.stderr
    assert cli("doctor", "--password").stderr == "Error: --password requires --user\n"


def test_doctor_changes_no_file(cli: ForkedFlask, tmp_path: Path) -> None:
    def contents() -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    before = contents()
    diagnose(cli, "--user", "zoé", "--password", stdin=f"{ZOE.password}\n")
    assert contents() == before
    assert stat.S_IMODE((tmp_path / "users.toml").stat().st_mode) == 0o600


def test_debug_mode_on_a_public_address_is_a_failure(cli: ForkedFlask) -> None:
    checks = diagnose(cli, FLASK_DEBUG="1", HOST="192.0.2.7")
    assert checks["routes"]["outcome"] == "failure"
    assert "The debug mode is on" in checks["routes"]["found"]
    assert set(not_ok(diagnose(cli, FLASK_DEBUG="1"))) == set()
