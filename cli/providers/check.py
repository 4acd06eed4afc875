"""`flask providers check`."""

import re
import sys
from dataclasses import asdict
from pathlib import Path

import click

from cli.doctor import print_findings
from cli.terminal import JSON_OPTION, NAME, CommandError, ask_password, print_json
from config.environment import read_environment
from config.text import normalize_password
from providers.registry import open_provider
from services.links import Link
from services.provider_contract.accounts import Account
from services.provider_contract.subject import BrokenContract, Subject
from services.provider_contract.trial import account_of, try_provider

_SECRET = re.compile(r"(PASSWORD|SECRET|TOKEN|KEY)$")
"""The names of variables whose values no output of a provider may have."""


@click.command()
@click.argument("name", type=NAME)
@click.option("--login", type=NAME, required=True, help="The login of an account that exists for tests.")
@click.option(
    "--password-file", type=click.Path(path_type=Path), help="Read the password of the account from this file."
)
@click.option("--disabled", metavar="USERNAME", type=NAME, help="An account that is disabled in the store.")
@JSON_OPTION
def check(name: str, login: str, password_file: Path | None, disabled: str | None, as_json: bool) -> None:
    """Test a provider against the contract, with its settings and one account.

    NAME is written as in AUTH_PROVIDER. The password is asked for, or read from the first line of standard input. The
    account logs in about a hundred times, and wrong passwords are followed by the right one, at most four in a row. The
    exit code is 0 if the provider keeps each rule, otherwise 2.
    """
    environ = read_environment()
    link = Link(name, open_provider(name, environ, source="NAME"))
    password = _read(password_file) if password_file else ask_password()
    try:
        password = normalize_password(password)
    except ValueError as error:
        raise CommandError(f"the password {error}") from None
    try:
        accounts = [account_of(link, login, password)]
    except BrokenContract as broken:
        raise CommandError(str(broken)) from None
    secrets = [value for variable, value in environ.items() if _SECRET.search(variable)]
    findings = try_provider(Subject(link, accounts, Account(disabled, None, password) if disabled else None, secrets))
    checks = [*findings] if as_json else print_findings(findings)
    if as_json:
        print_json({"provider": name, "rules": [asdict(one) for one in checks]})
    sys.exit(2 if any(one.outcome == "failure" for one in checks) else 0)


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8").partition("\n")[0].rstrip("\r")
    except UnicodeDecodeError:
        raise CommandError(f"{path} is not UTF-8 text") from None
