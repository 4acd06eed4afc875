"""How commands ask, refuse and show."""

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from unicodedata import category, east_asian_width

import click

from config.text import normalize_name
from database.errors import DatabaseUnavailable, LastAdmin, NoSuchUser, UserExists
from passwords.policy import PasswordPolicy, WeakPassword

_NO_WIDTH = {"Mn", "Me", "Cf"}  # accents, what encloses, what only joins


class CommandError(click.ClickException):
    """What was asked cannot be done; one line says what to do instead."""

    exit_code = 2


class _Name(click.ParamType[str]):
    name = "name"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        try:
            return normalize_name(value)
        except ValueError as error:
            raise CommandError(f"{param.human_readable_name if param else 'a name'} cannot be used: {error}") from None


NAME = _Name()
"""The name of a person, a role or a provider, as an argument of a command."""

JSON_OPTION = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@contextmanager
def translate_command_errors() -> Iterator[None]:
    """Turn what the user table, and files, raise into a line for the person at the terminal."""
    try:
        yield
    except UserExists:
        raise CommandError("this username or e-mail address is taken. See: flask users list") from None
    except NoSuchUser:
        raise CommandError("nobody has this name or address. See: flask users list") from None
    except LastAdmin:
        raise CommandError(
            "nobody active would be left with the role admin. Give it to somebody else first, or add --force"
        ) from None
    except DatabaseUnavailable as error:
        raise CommandError(f"the database cannot be used: {error}") from None
    except BrokenPipeError:  # whoever read what we print has had enough, which click knows how to take
        raise
    except OSError as error:
        raise CommandError(f"{error.filename or 'a file'} cannot be used: {error.strerror}") from None


def read_password(policy: PasswordPolicy, *names: str | None) -> str:
    """Return a new password for a user of these names, asked for twice at a terminal, else a line of standard input.

    Raises Refused if the policy does not take it.
    """
    try:
        return policy.validate(ask_password(twice=True), *names)
    except WeakPassword as error:
        raise CommandError(f"this password cannot be used: {error}") from None


def ask_password(*, twice: bool = False) -> str:
    """Return what is typed at a terminal, where it is not shown, else a line of standard input. Raises Refused."""
    if sys.stdin is None:
        raise CommandError("there is no standard input to read the password from")
    if sys.stdin.isatty():
        typed: str = click.prompt("Password", hide_input=True, confirmation_prompt=twice, err=True)
        return typed
    return sys.stdin.buffer.readline().decode("utf-8", "surrogateescape").rstrip("\r\n")


def confirm(question: str) -> None:
    """Ask a person whether they mean it; Refused if nobody is there to be asked, and Abort if they do not."""
    if not (sys.stdin and sys.stdin.isatty()):
        raise CommandError("nobody is there to confirm it. Add --yes")
    click.confirm(question, abort=True, err=True)


def print_json(value: object) -> None:
    """Print the value as JSON, indented and with all characters as they are."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2))


def as_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return the rows as lines, in columns as wide as their widest cell."""
    widths = [max(map(_width, column)) for column in zip(heads, *rows, strict=True)]
    lines = ("  ".join(padded(cell, width) for cell, width in zip(row, widths, strict=True)) for row in (heads, *rows))
    return "\n".join(line.rstrip() for line in lines)


def padded(text: str, width: int) -> str:
    """Return the text with blanks after it, so that it takes at least this width."""
    return text + " " * (width - _width(text))


def printable(text: str) -> str:
    """Return text of somebody else's without what would move the terminal's cursor, or write on its title."""
    return "".join(character if character.isprintable() else "?" for character in text)


def _width(text: str) -> int:
    """Return the columns that a terminal shows the text in: none for accents, two for wide characters."""
    shown = (character for character in click.unstyle(text) if category(character) not in _NO_WIDTH)
    return sum(1 + (east_asian_width(character) in "WF") for character in shown)


@contextmanager
def progress(label: str, length: int | None) -> Iterator[Callable[..., None]]:
    """Show how far long work is, with the time that is left; gives what moves it on by so much of its length.

    Where nobody knows the length it only shows that something moves. The text that it is given too stands beside it,
    such as a rate. Only a terminal is shown it.
    """
    if not (sys.stderr and sys.stderr.isatty()):
        yield unseen
        return
    told = ""
    endless = iter(int, 1) if length is None else None
    bar: Any = click.progressbar(
        endless, length, label, file=sys.stderr, show_percent=True, item_show_func=lambda _: told
    )
    with bar:

        def advance(by: int, text: str = "") -> None:
            nonlocal told
            told = text
            bar.update(by, text)

        yield advance


def unseen(by: int, text: str = "") -> None:
    """Move on where nobody is shown how far it is."""
