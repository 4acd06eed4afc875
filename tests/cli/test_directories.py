"""`flask doctor` and `flask explain` on directories: what they tell, and how little they ask."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.servers.process import free_port
from tests.servers.samba import Samba, group_dn
from tests.servers.samba import person_dn as windows_person
from tests.servers.slapd import SERVICE, STRICT, SUFFIX, Slapd, person_dn
from tests.support.active_directory import ALICE, REFUSED_PASSWORD
from tests.support.forked_flask import Forked, Source
from tests.support.stores import SECRET_KEY, users_file
from tests.support.users import SAMPLE_USERS, ZOE, SampleUser

O_BRIEN = SAMPLE_USERS[1]


class Program:
    """The `flask` program in the environment of a directory."""

    def __init__(self, source: Source, folder: Path, environ: dict[str, str]) -> None:
        self._flask = Forked(source, folder, SECRET_KEY=SECRET_KEY, DATABASE_URL="", **environ)

    def told(self, *arguments: str, stdin: str = "", code: int | None = None, **environ: str) -> dict[str, Any]:
        """Return what a script is told, once it is sure that no secret is among it."""
        command, *options = arguments
        ended = self._flask(command, "--json", *options, stdin=stdin, **environ)
        assert code in {None, ended.returncode}
        for secret in (SECRET_KEY, "service-secret", ZOE.password, ALICE.password, "hunter2", REFUSED_PASSWORD):
            assert secret not in ended.stdout + ended.stderr
        members: dict[str, Any] = json.loads(ended.stdout)
        return members

    def found(self, *arguments: str, **more: Any) -> dict[str, dict[str, Any]]:
        """Return what the doctor found, by step."""
        return {check["step"]: check for check in self.told("doctor", *arguments, **more)["checks"]}


@pytest.fixture
def openldap(source: Source, slapd: Slapd, tmp_path: Path) -> Program:
    """The program, and the shared OpenLDAP."""
    return Program(source, tmp_path, slapd.environ())


@pytest.fixture
def windows(source: Source, samba: Samba, tmp_path: Path) -> Program:
    """The program, and the shared Active Directory."""
    return Program(source, tmp_path, samba.environ(LDAP_DOMAIN="ADEX"))


def binds(server: Slapd, mark: int, dn: str) -> int:
    """Return how often this account has tried to bind since then."""
    return server.log[mark:].count(f'BIND dn="{dn}" method=128')


def test_the_doctor_binds_once_as_each(openldap: Program, slapd: Slapd) -> None:
    mark = len(slapd.log)
    checks = openldap.found("--user", O_BRIEN.email, "--password", stdin=O_BRIEN.password)
    assert checks["password"]["found"] == "ldap lets o'brien in with it"
    assert json.loads(checks["claims"]["found"])["roles"] == ["user"]
    assert {check["outcome"] for step, check in checks.items() if "ldap" in step} == {"ok"}
    assert (binds(slapd, mark, SERVICE), binds(slapd, mark, person_dn(O_BRIEN.username))) == (1, 1)


def test_a_wrong_password_is_tried_once(openldap: Program, slapd: Slapd) -> None:
    slapd.add_person(SampleUser("fragile", "fragile@example.org", "the password of fragile"))
    slapd.modify(person_dn("fragile"), {"pwdPolicySubentry": STRICT}, relax=True)
    mark = len(slapd.log)
    checks = openldap.found("--user", "fragile", "--password", stdin="hunter2", code=2)
    assert checks["password"]["outcome"] == "failure"
    assert binds(slapd, mark, person_dn("fragile")) == 1


def test_a_wrong_password_of_the_account_ends_it(openldap: Program, slapd: Slapd) -> None:
    mark = len(slapd.log)
    arguments = ("--user", ZOE.username, "--password")
    checks = openldap.found(*arguments, stdin=ZOE.password, code=2, LDAP_BIND_PASSWORD="hunter2")
    assert checks["ldap: service bind"]["outcome"] == "failure"
    assert "cannot be asked" in checks["user, ldap"]["found"]
    assert (binds(slapd, mark, SERVICE), binds(slapd, mark, person_dn(ZOE.username))) == (1, 0)


def test_a_directory_that_is_out_is_told_and_nobody_is_judged(openldap: Program) -> None:
    checks = openldap.found("--user", "zoé", code=2, LDAP_URL=f"ldap://localhost:{free_port()}")
    (reached,) = (check for step, check in checks.items() if step.endswith(": TCP"))
    assert reached["outcome"] == "failure"
    assert "cannot be asked" in checks["user, ldap"]["found"]


def test_a_direct_bind_tells_all_after_the_password(openldap: Program, slapd: Slapd) -> None:
    direct = {
        "LDAP_BIND_DN": "",
        "LDAP_BIND_PASSWORD": "",
        "LDAP_USER_DN_TEMPLATE": f"uid={{login}},ou=people,{SUFFIX}",
    }
    mark = len(slapd.log)
    checks = openldap.found("--user", "zoé", "--password", stdin=ZOE.password, **direct)
    assert checks["password"]["outcome"] == "ok"
    assert checks["roles of the user"]["found"] == "admin, user"
    assert json.loads(checks["claims"]["found"])["sub"] == "zoé"
    assert slapd.log[mark:].count(" BIND dn=") <= 2  # slapd tells of a bind that succeeds in two lines


def test_a_role_that_no_rule_gives_is_warned_of(openldap: Program) -> None:
    checks = openldap.found(code=1)
    assert "super_admin" in checks["roles"]["found"]


@pytest.mark.parametrize("login", ["alice", "ADEX\\alice"])
def test_a_user_of_active_directory_is_followed(windows: Program, login: str) -> None:
    checks = windows.found("--user", login, "--password", stdin=ALICE.password)
    assert checks["password"]["found"] == "ldap lets alice in with it"
    assert group_dn("admins-ad") in checks["groups"]["found"]
    assert checks["ldap: kind of directory"]["found"] == "an Active Directory"


def test_who_is_locked_is_told_so_and_not_tried(windows: Program) -> None:
    checks = windows.found("--user", "locked", "--password", stdin=REFUSED_PASSWORD, code=2)
    assert "locked" in checks["user, ldap"]["found"]
    assert checks["password"]["found"] == "not tried, as nobody would be let in anyway"


def test_explain_tells_rules_and_routes(windows: Program) -> None:
    mapped = json.dumps({group_dn("staff"): ["admin"], group_dn("admins-ad"): ["user"]})
    told = windows.told("explain", "alice", code=0, LDAP_ROLE_MAP=mapped)
    (answer,) = told["providers"]
    assert (answer["answer"], answer["record"]) == ("known", windows_person("alice"))
    nearly, matched = answer["rules"]
    assert matched["matched"] is True
    assert nearly["near_misses"] == [
        f"{group_dn('staff')}: is a member through {group_dn('admins-ad')}, and LDAP_NESTED_GROUPS is not true"
    ]
    opens = {route["path"]: route["opens"] for route in told["routes"]}
    assert (opens["/api/protected_route_user"], opens["/api/protected_route_admin"]) == (True, False)
    followed = windows.told("explain", "alice", LDAP_ROLE_MAP=mapped, LDAP_NESTED_GROUPS="true")
    assert {route["path"]: route["opens"] for route in followed["routes"]}["/api/protected_route_admin"] is True


def test_a_switch_to_a_directory_is_foretold_without_a_login(openldap: Program, slapd: Slapd, tmp_path: Path) -> None:
    people = [
        SampleUser("ZOÉ", "zoe@example.org", "x", ("admin", "editor")),
        SampleUser("somebody", "o'brien@example.org", "x", ("user",)),
        SampleUser("lost", "lost@example.org", "x", ("user",)),
    ]
    static = users_file(tmp_path / "users.toml", people)
    mark = len(slapd.log)
    told = openldap.told("explain", "--all", "--against", "ldap", code=0, **static)
    changes = {change["username"]: change for change in told["users"]}
    assert (changes["ZOÉ"]["gains"], changes["ZOÉ"]["loses"]) == (["user"], ["editor"])
    assert changes["lost"]["outcome"] == "locked_out"
    logged = slapd.log[mark:]
    assert {line.split('"')[1] for line in logged.splitlines() if " BIND dn=" in line} <= {SERVICE, ""}


def test_explain_of_a_direct_bind_sends_to_the_doctor(openldap: Program) -> None:
    direct = {
        "LDAP_BIND_DN": "",
        "LDAP_BIND_PASSWORD": "",
        "LDAP_USER_DN_TEMPLATE": f"uid={{login}},ou=people,{SUFFIX}",
    }
    told = openldap.told("explain", "zoé", code=1, **direct)
    assert told["providers"][0]["answer"] == "untold"
