"""The role rules file: the roles that its rules give, and the problems that are reported."""

import os
from pathlib import Path

import pytest

from config.errors import ConfigurationError
from providers.interface import ProviderUnavailable
from providers.ldap.client.dn import parse_dn
from providers.ldap.role_rules_file import read_role_rules
from providers.ldap.search_provider import open_ldap
from tests.support.audit_events import events_in

FILE = """
default = ["user"]

[groups]
admins = "cn=admins,ou=groups,dc=example"
staff = "CN=Staff, OU=Groups, DC=Example"
guests = "cn=guests,ou=groups,dc=example"

[[rules]]
roles = ["admin", "editor"]
all = ["admins", "staff"]

[[rules]]
roles = ["editor"]
any = ["cn=writers,dc=example", { all = ["staff"], not = "guests" }]

[[rules]]
roles = ["insider"]
not = ["guests", "cn=externals,dc=example"]

[[rules]]
roles = ["auditor"]
all = "staff"
any = ["admins", "guests"]
"""


def write_file(path: Path, text: str) -> Path:
    """Write the text to a file, and return its path."""
    path = path / "roles.toml"
    path.write_text(text, "utf-8")
    return path


def nested_rule(depth: int) -> str:
    """Return a rule with this number of conditions inside each other."""
    return f"[[rules]]\nroles = ['x']\nnot = [{'{not = [' * (depth - 1)}'cn=a'{']}' * (depth - 1)}]"


def test_nested_conditions_are_evaluated_and_shown(tmp_path: Path) -> None:
    rules = read_role_rules(write_file(tmp_path, nested_rule(50)))
    assert rules.roles_of({parse_dn("cn=a")}) == ["x"]
    assert str(rules.rules[0].condition).count("not") == 50


@pytest.mark.parametrize(
    ("groups", "roles"),
    [
        ([], ["insider", "user"]),
        (["cn=admins,ou=groups,dc=example"], ["insider", "user"]),
        (["cn=Staff,ou=groups,dc=example"], ["editor", "insider", "user"]),
        (
            ["cn=staff,ou=groups,dc=example", "cn=ADMINS,ou=groups,dc=example"],
            ["admin", "auditor", "editor", "insider", "user"],
        ),
        (["cn=staff,ou=groups,dc=example", "cn=guests,ou=groups,dc=example"], ["auditor", "user"]),
        (["cn=writers,dc=example", "cn=guests,ou=groups,dc=example"], ["editor", "user"]),
        (["cn=externals,dc=example"], ["user"]),
        (["cn=staff"], ["insider", "user"]),
    ],
)
def test_rules_give_roles_by_group(tmp_path: Path, groups: list[str], roles: list[str]) -> None:
    rules = read_role_rules(write_file(tmp_path, FILE))
    assert rules.roles_of({parse_dn(group) for group in groups}) == roles


def test_all_roles_of_the_rules_are_listed(tmp_path: Path) -> None:
    assert read_role_rules(write_file(tmp_path, FILE)).list_roles() == {"user", "admin", "editor", "insider", "auditor"}


def test_conditions_are_shown_as_text(tmp_path: Path) -> None:
    assert [str(rule.condition) for rule in read_role_rules(write_file(tmp_path, FILE)).rules] == [
        "admins and staff",
        "cn=writers,dc=example or (staff and not (guests))",
        "not (guests or cn=externals,dc=example)",
        "staff and (admins or guests)",
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("= secret", " names a file that is not TOML in UTF-8 (at line 1"),
        ("defaults = ['x']", " has unknown keys: defaults. Use default, groups, rules."),
        ("default = 'x'", ", default is not a list of strings."),
        ("default = ['']", ", default has a role that must not be empty."),
        ("groups = ['x']", ", groups is not a table. Write name = DN"),
        ("[groups]\na = 'secret'", ", groups, a is not a distinguished name"),
        ("[groups]\na = 7", ", groups, a is not a distinguished name"),
        ("rules = 7", ", rules is not a list of tables. Write a [[rules]] table for each rule."),
        ("rules = ['secret']", ", rules is not a list of tables. Write a [[rules]] table for each rule."),
        ("[[rules]]\nall = ['cn=a']", ", rule 1 has no roles. Add them, such as roles = "),
        ("[[rules]]\nroles = ['x']", ", rule 1 has no condition. Add all, any or not."),
        ("[[rules]]\nroles = 'x'\nall = ['cn=a']", ", rule 1, roles is not a list of strings."),
        ("[[rules]]\nroles = []\nall = ['cn=a']", ", rule 1 has no roles. Add them, such as roles = "),
        ("[[rules]]\nroles = ['x']\nall = []", ", rule 1, all is empty."),
        ("[[rules]]\nroles = ['x']\nany = []", ", rule 1, any is empty."),
        ("[[rules]]\nroles = ['x']\nnot = []", ", rule 1, not is empty."),
        (
            "[[rules]]\nroles = ['x']\nall = ['secret']",
            ", rule 1, all has a group that is neither a name in [groups] nor a DN.",
        ),
        (
            "[[rules]]\nroles = ['x']\nall = [7]",
            ", rule 1, all has a group that is neither a name in [groups] nor a DN.",
        ),
        ("[[rules]]\nroles = ['x']\nall = [{}]", ", rule 1, all has no condition. Add all, any or not."),
        (
            "[[rules]]\nroles = ['x']\nall = [{ al = 'cn=a' }]",
            ", rule 1, all has unknown keys: al. Use all, any, not.",
        ),
        (nested_rule(51), ", rule 1 has more than 50 conditions inside each other."),
        (nested_rule(100), ", rule 1 has more than 50 conditions inside each other."),
        (nested_rule(3000), " names a file that is not TOML in UTF-8 ("),
        ("[[rules]]\nroles = ['x']\ngroup = 'secret'", ", rule 1 has unknown keys: group. Use all, any, not."),
    ],
)
def test_problem_is_reported_with_its_place_and_without_values(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        read_role_rules(write_file(tmp_path, text))
    assert raised.value.lines[0].startswith(f"LDAP_ROLE_RULES_FILE{problem}")
    assert "secret" not in str(raised.value)


def test_all_problems_are_reported_together(tmp_path: Path) -> None:
    text = "[groups]\na = '?'\n[[rules]]\nroles = ['x']\nall = ['?']\n[[rules]]\nany = []\n"
    with pytest.raises(ConfigurationError) as raised:
        read_role_rules(write_file(tmp_path, text))
    assert [problem.subject.removeprefix("LDAP_ROLE_RULES_FILE, ") for problem in raised.value.problems] == [
        "groups, a",
        "rule 1, all",
        "rule 2",
        "rule 2, any",
    ]


def test_unreadable_file_is_reported(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="LDAP_ROLE_RULES_FILE names a file that cannot be read: No such file"):
        read_role_rules(tmp_path / "none")
    (tmp_path / "binary").write_bytes(os.urandom(64) + b"\xff")
    with pytest.raises(ConfigurationError, match="LDAP_ROLE_RULES_FILE names a file that is not TOML in UTF-8"):
        read_role_rules(tmp_path / "binary")


@pytest.mark.parametrize("more", [{}, {"LDAP_USER_DN_TEMPLATE": "uid={login},dc=example"}], ids=["search", "direct"])
def test_deleted_file_is_an_outage_before_the_directory_is_asked(tmp_path: Path, more: dict[str, str]) -> None:
    path = write_file(tmp_path, FILE)
    environ = {"LDAP_URL": "ldap://127.0.0.1:9", "LDAP_BASE_DN": "dc=example", "LDAP_ROLE_RULES_FILE": str(path)}
    provider = open_ldap(environ | more)
    assert "admin" in provider.list_roles()
    path.unlink()
    for call in (provider.list_roles, lambda: provider.authenticate("zoe", "a password")):
        with pytest.raises(ProviderUnavailable, match="LDAP_ROLE_RULES_FILE names a file that cannot be read"):
            call()


def test_emptied_file_keeps_the_last_rules(tmp_path: Path) -> None:
    path = write_file(tmp_path, FILE)
    provider = open_ldap(
        {"LDAP_URL": "ldap://127.0.0.1:9", "LDAP_BASE_DN": "dc=example", "LDAP_ROLE_RULES_FILE": str(path)}
    )
    path.write_text("")
    assert "admin" in provider.list_roles()


def test_each_change_of_the_rules_is_an_event(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = write_file(tmp_path, FILE)
    provider = open_ldap(
        {"LDAP_URL": "ldap://127.0.0.1:9", "LDAP_BASE_DN": "dc=example", "LDAP_ROLE_RULES_FILE": str(path)}
    )
    for text, is_event in ((f"# a comment\n{FILE}", False), ("", False), (FILE.replace('"insider"', '"other"'), True)):
        caplog.clear()
        path.unlink()
        write_file(tmp_path, text)
        for _ in range(2):
            provider.list_roles()
        assert events_in(caplog) == ([{"event": "role_rules_changed", "provider": "ldap"}] if is_event else [])
