"""The rules from groups to roles: what they give, and what is told of those that cannot be used."""

import os
from pathlib import Path

import pytest

from config.errors import ConfigurationError
from providers.ldap.client.dn import parse_dn
from providers.ldap.role_rules_file import read_rules

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


def written(path: Path, text: str) -> Path:
    """Return a file with the text in it."""
    path = path / "roles.toml"
    path.write_text(text, "utf-8")
    return path


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
def test_rules_give_roles(tmp_path: Path, groups: list[str], roles: list[str]) -> None:
    rules = read_rules(written(tmp_path, FILE))
    assert rules.roles({parse_dn(group) for group in groups}) == roles


def test_all_roles_that_can_be_had_are_known(tmp_path: Path) -> None:
    assert read_rules(written(tmp_path, FILE)).list_roles() == {"user", "admin", "editor", "insider", "auditor"}


def test_rules_read_as_they_are_meant(tmp_path: Path) -> None:
    assert [str(rule.condition) for rule in read_rules(written(tmp_path, FILE)).rules] == [
        "admins and staff",
        "cn=writers,dc=example or (staff and not (guests))",
        "not (guests or cn=externals,dc=example)",
        "staff and (admins or guests)",
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("= secret", "it is not TOML in UTF-8 (at line 1"),
        ("defaults = ['x']", "the file: no such setting: defaults"),
        ("default = 'x'", "default: write a list of roles"),
        ("default = ['']", "default: a role cannot be used: it is empty"),
        ("groups = ['x']", "groups: write a table"),
        ("[groups]\na = 'secret'", "groups, a: it is not a distinguished name"),
        ("[groups]\na = 7", "groups, a: it is not a distinguished name"),
        ("rules = 7", "rules: write [[rules]] tables"),
        ("rules = ['secret']", "rules: write [[rules]] tables"),
        ("[[rules]]\nall = ['cn=a']", "rule 1: it gives no roles"),
        ("[[rules]]\nroles = ['x']", "rule 1: it names no groups"),
        ("[[rules]]\nroles = 'x'\nall = ['cn=a']", "rule 1, roles: write a list of roles"),
        ("[[rules]]\nroles = []\nall = ['cn=a']", "rule 1: it gives no roles"),
        ("[[rules]]\nroles = ['x']\nall = []", "rule 1, all: it is empty"),
        ("[[rules]]\nroles = ['x']\nany = []", "rule 1, any: it is empty"),
        ("[[rules]]\nroles = ['x']\nnot = []", "rule 1, not: it is empty"),
        ("[[rules]]\nroles = ['x']\nall = ['secret']", "rule 1, all: a group is neither a name of [groups] nor a DN"),
        ("[[rules]]\nroles = ['x']\nall = [7]", "rule 1, all: a group is neither a name of [groups] nor a DN"),
        ("[[rules]]\nroles = ['x']\nall = [{}]", "rule 1, all: it names no groups"),
        (
            "[[rules]]\nroles = ['x']\nall = [{ al = 'cn=a' }]",
            "rule 1, all: no such setting: al. Known are all, any, not",
        ),
        ("[[rules]]\nroles = ['x']\ngroup = 'secret'", "rule 1: no such setting: group. Known are all, any, not"),
    ],
)
def test_what_cannot_be_used_is_told_by_its_place(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read_rules(written(tmp_path, text))
    assert caught.value.lines[0].startswith(f"LDAP_ROLE_RULES_FILE: {problem}")
    assert "secret" not in str(caught.value)


def test_one_fault_hides_no_other(tmp_path: Path) -> None:
    text = "[groups]\na = '?'\n[[rules]]\nroles = ['x']\nall = ['?']\n[[rules]]\nany = []\n"
    with pytest.raises(ConfigurationError) as caught:
        read_rules(written(tmp_path, text))
    assert [line.split(": ")[1] for line in caught.value.lines] == [
        "groups, a",
        "rule 1, all",
        "rule 2",
        "rule 2, any",
    ]


def test_a_file_that_cannot_be_read_is_told_of(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="LDAP_ROLE_RULES_FILE: it cannot be read: No such file"):
        read_rules(tmp_path / "none")
    (tmp_path / "binary").write_bytes(os.urandom(64) + b"\xff")
    with pytest.raises(ConfigurationError, match="it is not TOML in UTF-8"):
        read_rules(tmp_path / "binary")
