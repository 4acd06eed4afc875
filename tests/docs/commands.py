"""docs/commands.md: the help of every command, as a page.

Write it after the help of a command has changed: `.venv/bin/python -m tests.docs.commands`
"""

from collections.abc import Iterator
from pathlib import Path
from textwrap import fill

import click

from cli import latchkey_commands
from cli.examples import EXAMPLES

PAGE = Path(__file__).resolve().parents[2] / "docs/commands.md"
INTRODUCTION = """# Commands

This page lists every command of Latchkey with its options and an example. `flask users add --help` shows the same text.

The commands need the [settings](configuration.md) of the service, in the environment or in `.env`. In a clone, they are
run as `.venv/bin/flask`. If another extension has a command of the same name, write `latchkey` before it:
`flask latchkey users list`.

In the description of `--json`, `[…]` is an array of objects with these members, and `(…)` is one object.
"""


def commands(path: str = "", command: click.Command = latchkey_commands) -> Iterator[click.Context]:
    """Yield a context of each command that is not hidden. Its `info_name` has all names of the command."""
    context = command.make_context(path, [], resilient_parsing=True)
    if path:
        yield context
    if isinstance(context.command, click.Group):
        for name, subcommand in context.command.commands.items():
            if not subcommand.hidden:
                yield from commands(f"{path} {name}".strip(), subcommand)


def page() -> str:
    """Return the page, from the help of the commands."""
    return "\n".join([INTRODUCTION, *map(_section, commands())])


def _section(context: click.Context) -> str:
    command, name = context.command, str(context.info_name)
    level = "##" if isinstance(command, click.Group) or " " not in name else "###"
    parts = [f"{level} `flask {name}`", _text(command.help or "")]
    if not isinstance(command, click.Group):
        usage = " ".join(command.collect_usage_pieces(context))
        parts += [f"Usage: `flask {name} {usage}`", *_options(context), f"```sh\n{EXAMPLES[name]}\n```"]
    return "\n\n".join(parts) + "\n"


def _text(text: str) -> str:
    return "\n\n".join(_paragraph(part) for part in text.strip().split("\n\n"))


def _paragraph(text: str) -> str:
    """Return a paragraph of a help text on one line, unless it begins with Click's sign for its own line breaks."""
    if text.startswith("\b"):
        return "```text\n" + text.removeprefix("\b").strip("\n") + "\n```"
    return fill(" ".join(text.split()), 100, break_long_words=False, break_on_hyphens=False)


def _options(context: click.Context) -> list[str]:
    records = [record for param in context.command.params if (record := param.get_help_record(context))]
    rows = [f"| `{_cell(option)}` | {_cell(' '.join(meaning.split()))} |" for option, meaning in records if meaning]
    return ["\n".join(["| option | meaning |", "|---|---|", *rows])] if rows else []


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
