"""The user table as the commands have it in hand, and a user as they tell of them."""

import json
import os
import pwd
from collections.abc import Mapping

import click

from cli.terminal import printable
from config.settings import Settings
from database.engine import open_engine
from database.user_editor import UserEditor
from database.user_table import UserRow
from passwords.schemes import UnusableHash, identify

JSON = click.option("--json", "in_json", is_flag=True, help="For scripts.")


def open_table() -> UserEditor:
    """Return the table in DATABASE_URL; ConfigurationError if there is none to be had."""
    settings = Settings.of_process()
    return UserEditor(open_engine(settings.database), operator(settings.environ))


def operator(environ: Mapping[str, str]) -> str:
    """Return who is at the terminal, by the account that the system knows, and who became it through sudo."""
    try:
        account = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # containers run as numbers
        account = str(os.getuid())
    # Whoever sets the variable must not write on somebody else's terminal with it.
    behind = printable(environ.get("SUDO_USER", ""))
    return f"cli:{behind} as {account}" if behind else f"cli:{account}"


def kind_of(password_hash: str) -> tuple[str, str, str]:
    """Return the scheme of a hash, its parameters, and whether it is `current`, `weak` or `unusable`."""
    try:
        kind = identify(password_hash)
    except UnusableHash as error:
        return "-", str(error), "unusable"
    return kind.scheme, kind.parameters, "weak" if kind.weak else "current"


def as_json(members: object) -> str:
    """Return what a script is told."""
    return json.dumps(members, ensure_ascii=False, indent=2)


def tell(row: UserRow, sentence: str, in_json: bool, **also: object) -> None:
    """Say that a user was changed: in a sentence, or as JSON with what else there is to know."""
    click.echo(as_json(row.members() | also) if in_json else sentence)
