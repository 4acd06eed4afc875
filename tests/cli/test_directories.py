"""`flask doctor` and `flask explain` with directories: their output, and how often they bind."""

import json
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from tests.servers import slapd as slapd_server
from tests.servers.process import free_port
from tests.servers.samba import Samba, group_dn
from tests.servers.samba import person_dn as windows_person
from tests.servers.slapd import SERVICE, STRICT, SUFFIX, Slapd, person_dn
from tests.support.active_directory import ALICE, DENIED_PASSWORD
from tests.support.directories import directory
from tests.support.fork_server import ForkServer
from tests.support.forked_flask import ForkedFlask
from tests.support.stores import SECRET_KEY, users_file
from tests.support.users import SAMPLE_USERS, ZOE, SampleUser

O_BRIEN = SAMPLE_USERS[1]
DIRECT_BIND = {
    "LDAP_BIND_DN": "",
    "LDAP_BIND_PASSWORD": "",
    "LDAP_USER_DN_TEMPLATE": f"uid={{login}},ou=people,{SUFFIX}",
}


class Program:
    """The `flask` program in the environment of a directory."""

    def __init__(self, fork_server: ForkServer, folder: Path, environ: dict[str, str]) -> None:
        self._flask = ForkedFlask(fork_server, folder, SECRET_KEY=SECRET_KEY, DATABASE_URL="", **environ)

    def __call__(self, *arguments: str) -> CompletedProcess[str]:
        """Run a command."""
        return self._flask(*arguments)

    def json_output(self, *arguments: str, stdin: str = "", code: int | None = None, **environ: str) -> dict[str, Any]:
        """Run a command with --json and return its output, after a test that no secret is in it."""
        command, *options = arguments
        result = self._flask(command, "--json", *options, stdin=stdin, **environ)
        assert code in {None, result.returncode}
        for secret in (SECRET_KEY, "service-secret", ZOE.password, ALICE.password, "hunter2", DENIED_PASSWORD):
            assert secret not in result.stdout + result.stderr
        output: dict[str, Any] = json.loads(result.stdout)
        return output

    def doctor(self, *arguments: str, **options: Any) -> dict[str, dict[str, Any]]:
        """Return the checks of the doctor by step."""
        return {check["step"]: check for check in self.json_output("doctor", *arguments, **options)["checks"]}


@pytest.fixture
def openldap(fork_server: ForkServer, slapd: Slapd, tmp_path: Path) -> Program:
    """The program with the shared OpenLDAP server."""
    return Program(fork_server, tmp_path, slapd.environ())


@pytest.fixture
def windows(fork_server: ForkServer, samba: Samba, tmp_path: Path) -> Program:
    """The program with the shared Active Directory."""
    return Program(fork_server, tmp_path, samba.environ(LDAP_DOMAIN="ADEX"))


def binds(server: Slapd, mark: int, dn: str) -> int:
    """Return the number of binds with this DN after this position in the log."""
    return server.log[mark:].count(f'BIND dn="{dn}" method=128')


def test_doctor_binds_once_as_the_service_account_and_once_as_the_user(openldap: Program, slapd: Slapd) -> None:
    mark = len(slapd.log)
    checks = openldap.doctor("--user", O_BRIEN.email, "--password", stdin=O_BRIEN.password)
    assert checks["password"]["found"] == "ldap accepts the password and authenticates o'brien"
    assert json.loads(checks["claims"]["found"])["roles"] == ["user"]
    assert {check["outcome"] for step, check in checks.items() if "ldap" in step} == {"ok"}
    assert (binds(slapd, mark, SERVICE), binds(slapd, mark, person_dn(O_BRIEN.username))) == (1, 1)


def test_doctor_tries_a_wrong_password_once(openldap: Program, slapd: Slapd) -> None:
    slapd.add_person(SampleUser("fragile", "fragile@example.org", "the password of fragile"))
    slapd.modify(person_dn("fragile"), {"pwdPolicySubentry": STRICT}, relax=True)
    mark = len(slapd.log)
    checks = openldap.doctor("--user", "fragile", "--password", stdin="hunter2", code=2)
    assert checks["password"]["outcome"] == "failure"
    assert binds(slapd, mark, person_dn("fragile")) == 1


def test_doctor_does_not_bind_as_the_user_if_the_service_password_is_wrong(openldap: Program, slapd: Slapd) -> None:
    mark = len(slapd.log)
    arguments = ("--user", ZOE.username, "--password")
    checks = openldap.doctor(*arguments, stdin=ZOE.password, code=2, LDAP_BIND_PASSWORD="hunter2")
    assert checks["ldap: service bind"]["outcome"] == "failure"
    assert "is unavailable" in checks["user, ldap"]["found"]
    assert (binds(slapd, mark, SERVICE), binds(slapd, mark, person_dn(ZOE.username))) == (1, 0)


def test_doctor_reports_an_unavailable_directory_and_does_not_deny_the_user(openldap: Program) -> None:
    checks = openldap.doctor("--user", "zoé", code=2, LDAP_URL=f"ldap://localhost:{free_port()}")
    (connection,) = (check for step, check in checks.items() if step.endswith(": TCP"))
    assert connection["outcome"] == "failure"
    assert "is unavailable" in checks["user, ldap"]["found"]


def test_doctor_shows_roles_and_claims_after_a_direct_bind(openldap: Program, slapd: Slapd) -> None:
    mark = len(slapd.log)
    checks = openldap.doctor("--user", "zoé", "--password", stdin=ZOE.password, **DIRECT_BIND)
    assert checks["password"]["outcome"] == "ok"
    assert checks["roles of the user"]["found"] == "admin, user"
    assert json.loads(checks["claims"]["found"])["sub"] == "zoé"
    assert slapd.log[mark:].count(" BIND dn=") <= 2  # slapd logs two lines for a bind that succeeds


def test_doctor_reports_a_role_of_the_examples_that_no_rule_gives(openldap: Program) -> None:
    checks = openldap.doctor(code=0)
    assert checks["roles"]["outcome"] == "info"
    assert "no provider can give the role super_admin" in checks["roles"]["found"]


def test_doctor_warns_of_a_required_role_that_no_rule_gives(openldap: Program, tmp_path: Path) -> None:
    (tmp_path / "press.py").write_text(
        "from app import create_app as create_latchkey\n"
        "from services.auth_guard import auth_guard\n"
        "def create_app():\n"
        "    app = create_latchkey()\n"
        "    app.add_url_rule('/press', 'press', auth_guard('publisher')(lambda: ''))\n"
        "    return app\n"
    )
    ended = openldap("--app", "press", "doctor", "--json")
    assert ended.returncode == 1
    (warning,) = (check for check in json.loads(ended.stdout)["checks"] if check["outcome"] == "warning")
    assert warning["found"] == "no provider can give the role publisher, required by GET /press"
    assert warning["remedy"].startswith("Give a user, a client or a service token this role, ")


@pytest.mark.parametrize("login", ["alice", "ADEX\\alice"])
def test_doctor_shows_a_user_of_active_directory(windows: Program, login: str) -> None:
    checks = windows.doctor("--user", login, "--password", stdin=ALICE.password)
    assert checks["password"]["found"] == "ldap accepts the password and authenticates alice"
    assert group_dn("admins-ad") in checks["groups"]["found"]
    assert checks["ldap: kind of directory"]["found"] == "Active Directory"


def test_doctor_reports_a_locked_user_without_a_bind(windows: Program) -> None:
    checks = windows.doctor("--user", "locked", "--password", stdin=DENIED_PASSWORD, code=2)
    assert "locked" in checks["user, ldap"]["found"]
    assert checks["password"]["found"] == "not tried, because the login would fail with any password"


def test_explain_shows_rules_with_near_misses_and_routes(windows: Program) -> None:
    mapped = json.dumps({group_dn("staff"): ["admin"], group_dn("admins-ad"): ["user"]})
    output = windows.json_output("explain", "alice", code=0, LDAP_ROLE_MAP=mapped)
    (answer,) = output["providers"]
    assert (answer["outcome"], answer["record"]) == ("accepted", windows_person("alice"))
    not_matched, matched = answer["rules"]
    assert matched["matched"] is True
    assert not_matched["near_misses"] == [
        f"{group_dn('staff')}: the user is a member via {group_dn('admins-ad')}, but LDAP_NESTED_GROUPS is not true"
    ]
    allowed = {route["path"]: route["allowed"] for route in output["routes"]}
    assert (allowed["/api/protected_route_user"], allowed["/api/protected_route_admin"]) == (True, False)
    nested = windows.json_output("explain", "alice", LDAP_ROLE_MAP=mapped, LDAP_NESTED_GROUPS="true")
    assert {route["path"]: route["allowed"] for route in nested["routes"]}["/api/protected_route_admin"] is True


def test_explain_compares_users_with_a_directory_without_their_passwords(
    openldap: Program, slapd: Slapd, tmp_path: Path
) -> None:
    people = [
        SampleUser("ZOÉ", "zoe@example.org", "x", ("admin", "editor")),
        SampleUser("somebody", "o'brien@example.org", "x", ("user",)),
        SampleUser("lost", "lost@example.org", "x", ("user",)),
    ]
    static = users_file(tmp_path / "users.toml", people)
    mark = len(slapd.log)
    output = openldap.json_output("explain", "--all", "--compare-with", "ldap", code=0, **static)
    changes = {change["username"]: change for change in output["users"]}
    assert (changes["ZOÉ"]["gains"], changes["ZOÉ"]["loses"]) == (["user"], ["editor"])
    assert changes["lost"]["outcome"] == "locked_out"
    logged = slapd.log[mark:]
    assert {line.split('"')[1] for line in logged.splitlines() if " BIND dn=" in line} <= {SERVICE, ""}


def test_fault_of_one_entry_is_not_reported_as_an_outage(openldap: Program, slapd: Slapd) -> None:
    slapd.add(f"cn=nameless,ou=people,{SUFFIX}", ["inetOrgPerson"], {"sn": "x", "mail": "nameless@example.org"})
    login, found = "nameless@example.org", "cannot answer this request: an entry lacks LDAP_USERNAME_ATTRIBUTE"
    try:
        checks = openldap.doctor("--user", login, code=2)
        ended = openldap("explain", login)
    finally:
        slapd.admin().delete(f"cn=nameless,ou=people,{SUFFIX}")  # type: ignore[no-untyped-call]
    assert (checks["user, ldap"]["outcome"], checks["user, ldap"]["found"]) == ("failure", found)
    assert "The logins of one user return 503" in checks["user, ldap"]["remedy"]
    assert (ended.returncode, ended.stderr.strip()) == (2, f"Error: ldap {found}")


def test_usernames_that_the_account_cannot_search_are_not_reported_as_free(
    fork_server: ForkServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rule = f'access to attrs=uid by dn.exact="{SERVICE}" none by * none\naccess to attrs=userPassword'
    text = slapd_server.CONFIGURATION.replace("access to attrs=userPassword", rule)
    monkeypatch.setattr(slapd_server, "CONFIGURATION", text)
    (tmp_path / "slapd").mkdir()
    with directory(tmp_path / "slapd") as server:
        environ = {**server.environ(LDAP_USER_FILTER="(uid={login})"), **users_file(tmp_path / "users.toml", [ZOE])}
        checks = Program(fork_server, tmp_path, {**environ, "AUTH_PROVIDER": "ldap,static"}).doctor(code=2)
    assert "usernames" not in checks
    assert checks["ldap: usernames"]["found"].startswith("LDAP_BIND_DN finds no uid below LDAP_BASE_DN")


def test_explain_reports_that_a_direct_bind_provider_is_unsupported(openldap: Program) -> None:
    output = openldap.json_output("explain", "zoé", code=1, **DIRECT_BIND)
    assert output["providers"][0]["outcome"] == "unsupported"
