"""`flask providers`: the list of providers, the test of one with its settings, and the package of a new one."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from flask.cli import FlaskGroup

from tests.contract.acme import ACCOUNT, DISABLED, Acme
from tests.contract.broken_logins import AnonymousBind
from tests.support.commands import run_command

ARGUMENTS = ("--login", "ZOE@example.org", "--disabled", DISABLED.username)


def open_acme(_: Mapping[str, str]) -> Acme:
    return Acme()


def open_broken(_: Mapping[str, str]) -> Acme:
    return AnonymousBind()


def check(factory: str, *arguments: str, password: str = ACCOUNT.password) -> Result:
    """Run the command for a provider of this module, with the password on standard input."""
    command = ["providers", "check", f"{__name__}:{factory}", *arguments]
    ended = CliRunner().invoke(FlaskGroup(load_dotenv=False), command, input=f"{password}\n")
    assert ACCOUNT.password not in ended.output
    return ended


def test_provider_that_keeps_the_contract_passes() -> None:
    ended = check("open_acme", *ARGUMENTS, "--json")
    assert ended.exit_code == 0
    rules = {rule["step"]: rule["outcome"] for rule in json.loads(ended.stdout)["rules"]}
    assert {*rules.values()} == {"ok"}
    assert "disabled user keeps their username" in rules
    assert "silent store is an exception in time" not in rules


def test_broken_rule_is_reported_with_its_remedy() -> None:
    ended = check("open_broken", *ARGUMENTS)
    assert ended.exit_code == 2
    assert "a login as zoé with an empty password is accepted\n" in ended.stdout
    assert "→ Return None" in ended.stdout


def test_password_is_read_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "password").write_text(f"{ACCOUNT.password}\n", "utf-8")
    arguments = ("--login", "zoé", "--password-file", str(tmp_path / "password"))
    assert check("open_acme", *arguments, password="").exit_code == 0  # nothing is read from standard input


@pytest.mark.parametrize(
    ("arguments", "password", "problem"),
    [
        (("--login", "zoé"), "wrong", "the login is denied. Give the login and the password of"),
        (("--login", "zoé"), "", "the password must not be empty"),
        (("--login", "zoé", "--password-file", "/no/such/file"), "", "/no/such/file cannot be used: No such file"),
    ],
)
def test_account_that_cannot_log_in_is_a_one_line_error(
    arguments: tuple[str, ...], password: str, problem: str
) -> None:
    ended = check("open_acme", *arguments, password=password)
    assert (ended.exit_code, ended.stdout) == (2, "")
    assert ended.stderr.startswith(f"Error: {problem}")
    assert ended.stderr.count("\n") == 1


def test_unknown_provider_is_an_error_that_names_the_argument() -> None:
    ended = run_command("providers", "check", "ldop", "--login", "zoe")
    assert ended.exit_code == 2
    assert "NAME names ldop, an unknown provider. Did you mean ldap?" in ended.stderr


def test_providers_are_listed_in_the_order_in_which_they_are_asked() -> None:
    reference = f"{__name__}:open_acme"
    ended = run_command("providers", "list", "--json", environ={"AUTH_PROVIDER": f"{reference},static"})
    listed = [(one["name"], one["in_use"], one["package"]) for one in json.loads(ended.stdout)["providers"]]
    assert listed[:2] == [(reference, 1, "not an entry point"), ("static", 2, "built in")]
    assert ("ldap", None, "built in") in listed
    table = run_command("providers", "list", environ={"AUTH_PROVIDER": ""})
    assert table.stdout.splitlines()[0].split() == ["NAME", "IN", "USE", "FACTORY", "PACKAGE"]


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("Acme", "the name must have only small letters"),
        ("../acme", "the name must have only small letters"),
        ("ldap", "the provider ldap exists. Choose another name"),
        ("acme", "acme-provider exists"),
    ],
)
def test_new_package_overwrites_nothing(
    name: str, problem: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "acme-provider").mkdir()
    ended = run_command("providers", "new", name)
    assert (ended.exit_code, ended.stdout) == (2, "")
    assert problem in ended.stderr
    assert [*tmp_path.rglob("*")] == [tmp_path / "acme-provider"]
