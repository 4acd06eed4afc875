"""Input, output and errors of commands at a terminal or in a script."""

import json
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from io import TextIOWrapper
from itertools import count
from pathlib import Path
from typing import Any, BinaryIO, Literal, TextIO
from unicodedata import category

import click

from cli.table_layout import block, table, text_width, wrap
from config.text import normalize_name, normalize_role
from database.errors import DatabaseUnavailable, InvalidName, LastAdmin, NoSuchToken, NoSuchUser, UserExists
from passwords.policy import PasswordPolicy, WeakPassword

STDIN = Path("-")
"""The path that means standard input."""

_SIGNALS = (signal.SIGTERM, signal.SIGHUP)
_NO_COLORS: Mapping[str, str] = {}
_UNSAFE = {"Cc", "Cf", "Cs", "Zl", "Zp"}  # categories: control and format characters, surrogates, separators of lines
_JOINERS = "\u200c\u200d"  # some languages need them


class CommandError(click.ClickException):
    """The command cannot do what was asked. The message is one line, which includes the remedy."""

    exit_code = 2

    def __init__(self, message: str) -> None:
        super().__init__(printable(message))


class Interrupted(CommandError):
    """Ctrl-C or another signal has ended the command.

    The message describes what was changed, where the command can change much.
    """

    exit_code = 130  # as of a shell's command that SIGINT ends

    def __init__(self, outcome: str | None = None) -> None:
        super().__init__(f"interrupted. {outcome}" if outcome else "interrupted")


class _Name(click.ParamType[str]):
    name = "name"

    def __init__(self, normalize: Callable[[str], str]) -> None:
        self._normalize = normalize

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        try:
            return self._normalize(value)
        except ValueError as error:
            raise CommandError(f"{param.human_readable_name if param else 'a name'} {error}") from None


NAME = _Name(normalize_name)
"""The type of a parameter that is a login, a provider, or a role that may exist already."""
ROLE = _Name(normalize_role)
"""The type of a parameter that is a role to give to a user."""

JSON_OPTION = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@contextmanager
def translate_command_errors() -> Iterator[None]:
    """Raise CommandError in place of Ctrl-C, and of the errors of the user table and of files."""
    try:
        with _interrupt_at_signals():
            yield
        _flush_output()  # here, because a fault at the exit of Python has no message
    except KeyboardInterrupt:
        raise Interrupted from None
    except UserExists:
        raise CommandError("this username or email is taken. See: flask users list") from None
    except InvalidName as error:
        raise CommandError(f"the {error}") from None
    except NoSuchUser:
        raise CommandError("no user has this username or email. See: flask users list") from None
    except NoSuchToken:
        raise CommandError("no valid service token has this id. See: flask tokens list") from None
    except LastAdmin:
        raise CommandError(
            "cannot remove the last active administrator. Give another user the role admin, or add --force"
        ) from None
    except DatabaseUnavailable as error:
        raise CommandError(f"the database cannot be used: {error}") from None
    except BrokenPipeError:  # the reader of the output has closed it, which click handles
        raise
    except OSError as error:
        # Without a buffer (PYTHONUNBUFFERED), nothing is left that shows whether the output is at fault.
        subject = error.filename or ("standard output or a file" if _can_write_output() else "standard output")
        raise CommandError(f"{subject} cannot be used: {error.strerror or error}") from None


@contextmanager
def _interrupt_at_signals() -> Iterator[None]:
    """Raise KeyboardInterrupt in the block at each of _SIGNALS that would end the process: it removes its files."""
    default = [number for number in _SIGNALS if signal.getsignal(number) is signal.SIG_DFL]
    try:
        for number in default:
            signal.signal(number, signal.default_int_handler)
        yield
    finally:
        for number in default:
            signal.signal(number, signal.SIG_DFL)


def _flush_output() -> None:
    if sys.stdout:
        sys.stdout.flush()


def _can_write_output() -> bool:
    """Return whether standard output can be written. If not, discard it: Python would fail again at its exit."""
    try:
        _flush_output()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return False
    return True


@contextmanager
def describe_interruption(outcome: str) -> Iterator[None]:
    """Raise Interrupted with this description of what was changed if Ctrl-C ends the block."""
    try:
        yield
    except KeyboardInterrupt:
        raise Interrupted(outcome) from None


def read_password(policy: PasswordPolicy, *names: str | None) -> str:
    """Return a new password for a user with these names. Ask for it twice at a terminal, else read one line of input.

    Raises CommandError if the policy rejects the password, or if standard input is closed.
    """
    try:
        return policy.validate(ask_password(twice=True), *names)
    except WeakPassword as error:
        raise CommandError(f"the password {error}") from None


def ask_password(*, twice: bool = False) -> str:
    """Return a password. Ask for it at a terminal, without echo, else read one line of standard input.

    Raises CommandError if standard input is closed.
    """
    stdin = _open_stdin("the password")
    if stdin.isatty():
        password: str = click.prompt("Password", hide_input=True, confirmation_prompt=twice, err=True)
        return password
    return stdin.readline().decode("utf-8", "surrogateescape").rstrip("\r\n")


def open_input(path: Path, content: str) -> BinaryIO:
    """Open a file, or standard input for the path `-`. Raises OSError, and CommandError if standard input is closed.

    `content` is what the command reads, for the message.
    """
    return _open_stdin(content) if path == STDIN else path.open("rb")


def _open_stdin(content: str) -> BinaryIO:
    if sys.stdin is None:
        raise CommandError(f"cannot read {content}: standard input is closed")
    return sys.stdin.buffer


def confirm(question: str) -> None:
    """Ask for a confirmation. Raises CommandError without a terminal, and Abort unless the answer is yes."""
    if not (sys.stdin and sys.stdin.isatty()):
        raise CommandError("cannot ask for a confirmation without a terminal. Add --yes")
    click.confirm(printable(question), abort=True, err=True)


def escape_unencodable_output() -> None:
    r"""Print an escape, such as `\u2192`, in place of each character that the encoding of the output does not have."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def utf8_output() -> TextIO:
    """Return standard output for the text of a file: as UTF-8 in any locale, and without a translation of newlines."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", newline="")
    return sys.stdout


def print_json(value: object) -> None:
    """Print the value as indented JSON, without escapes of non-ASCII characters, except lone surrogates."""
    text = json.dumps(value, ensure_ascii=False, indent=2)
    click.echo(text.encode("utf-8", "backslashreplace").decode())  # a surrogate becomes \udcff, as in JSON


def terminal_width() -> int:
    """Return the number of columns: COLUMNS, otherwise those of the terminal, otherwise 80."""
    return shutil.get_terminal_size().columns


def as_table(heads: Sequence[str], rows: Sequence[Sequence[str]], colors: Mapping[str, str] = _NO_COLORS) -> str:
    """Return the rows as lines that fit the terminal. The cells can be untrusted text.

    `colors` are the colors of the cells with these texts.
    """
    shown = [[*map(printable, row)] for row in (heads, *rows)]
    lines = table(shown[0], shown[1:], terminal_width(), partial(_colored, colors))
    return "\n".join(lines)


def as_record(members: Sequence[tuple[str, str]]) -> str:
    """Return a line for each label and its value, which can be untrusted text. Long values fit the terminal, too."""
    labels, values = zip(*members, strict=True)
    return "\n".join(block(labels, [*map(printable, values)], terminal_width()))


def as_paragraph(text: str, indent: str = "") -> str:
    """Return the text as lines that fit the terminal, the second and later ones after the indent."""
    first, *others = wrap(text, max(terminal_width() - text_width(indent), 1))
    return "\n".join([first, *(indent + line for line in others)])


def _colored(colors: Mapping[str, str], part: str, cell: str) -> str:
    return click.style(part, colors[cell]) if cell in colors else part


def format_time(moment: datetime, to: Literal["minutes", "seconds"] = "minutes") -> str:
    """Return a time in UTC, to the minute or to the second."""
    return f"{moment.astimezone(UTC).replace(tzinfo=None).isoformat(' ', to)} UTC"


def printable(text: str) -> str:
    """Return untrusted text with `?` in place of characters that control a terminal, or the order of the text."""
    if text.isprintable():
        return text
    return "".join("?" if category(one) in _UNSAFE and one not in _JOINERS else one for one in text)


@contextmanager
def progress(label: str, length: int | None) -> Iterator[Callable[..., None]]:
    """Show a progress bar while the context lasts, and yield a function `(by, text="")` that advances it.

    The text, for example a rate, is shown beside the bar. If `length` is None, the bar shows activity only. Nothing
    is shown unless standard error is a terminal.
    """
    if not (sys.stderr and sys.stderr.isatty()):
        yield hidden_progress
        return
    current_text = ""
    items = count() if length is None else None  # click requires items or a length; no item is taken
    bar: Any = click.progressbar(
        items, length, label, file=sys.stderr, show_percent=True, item_show_func=lambda _: current_text
    )
    with bar:

        def advance(by: int, text: str = "") -> None:
            nonlocal current_text
            current_text = text
            bar.update(by, text)

        yield advance


def hidden_progress(by: int, text: str = "") -> None:
    """Do nothing. `progress` yields this function if it shows no bar."""
