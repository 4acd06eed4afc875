"""The help of the commands: each has an example that is valid. Shells complete the commands and their options."""

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path

import click
import pytest

from cli.examples import EXAMPLES
from tests.support.flask_program import ENVIRON, FlaskProgram
from tests.support.stores import SECRET_KEY, users_file
from tests.support.users import ZOE

# What bash does when Tab is pressed at the end of $LINE.
COMPLETE = """
eval "$(_FLASK_COMPLETE=bash_source "$FLASK")"
COMP_WORDS=("$FLASK" $LINE)
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
_flask_completion "$FLASK"
printf '%s\\n' "${COMPREPLY[@]}"
"""


def commands() -> Iterator[tuple[str, click.Command]]:
    """Yield every command that is not hidden, by its names."""
    for point in entry_points(group="flask.commands"):
        if point.value.startswith("cli:") and point.name != "latchkey":
            context = point.load().make_context(point.name, [], resilient_parsing=True)
            yield from leaves(context.command, point.name)


def leaves(command: click.Command, path: str) -> Iterator[tuple[str, click.Command]]:
    if not isinstance(command, click.Group):
        yield path, command
        return
    for name, subcommand in command.commands.items():
        if not subcommand.hidden:
            yield from leaves(subcommand, f"{path} {name}")


def test_every_command_has_an_example_and_every_example_a_command() -> None:
    assert {path for path, _ in commands()} == EXAMPLES.keys()


def test_examples_are_valid_and_end_the_help_which_fits_eighty_columns() -> None:
    for path, command in commands():
        before, _, arguments = re.split("[<>]", EXAMPLES[path])[0].partition(f" {path}")
        assert before.split()[-1] == "flask" or "flask --app shop" in before
        context = command.make_context(path, shlex.split(arguments))  # raises UsageError for an invalid example
        context.terminal_width = 80
        shown = command.get_help(context)
        assert shown.endswith(f"\n\n  Example:\n    {EXAMPLES[path]}")
        assert [line for line in shown.splitlines() if len(line) > 80] == []


def test_every_option_has_a_help_text() -> None:
    options = [(path, one) for path, command in commands() for one in command.params if isinstance(one, click.Option)]
    assert len(options) > 80
    assert [(path, option.name) for path, option in options if not (option.help or option.hidden)] == []


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("us", ["users"]),
        ("users add", ["add", "add-role"]),
        ("keys generate --alg", ["--algorithm"]),
        ("keys generate --algorithm E", ["ES256", "EdDSA"]),
    ],
)
def test_bash_completes_commands_and_options_and_prints_nothing_else(
    line: str, expected: list[str], tmp_path: Path
) -> None:
    assert complete(line, users_file(tmp_path / "users.toml", [ZOE]), tmp_path) == (expected, "")


def test_help_and_completion_without_a_configuration_have_the_commands_and_no_traceback(tmp_path: Path) -> None:
    shown = FlaskProgram(tmp_path, FLASK_APP="app")("--help")
    assert "\n  users " in shown.stdout
    assert shown.stderr.startswith("Error: the configuration is invalid.\n  SECRET_KEY is not set.")
    found, errors = complete("us", {"SECRET_KEY": "", "AUTH_PROVIDER": ""}, tmp_path)
    assert (found, "Traceback" in errors) == (["users"], False)


def complete(line: str, environ: dict[str, str], folder: Path) -> tuple[list[str], str]:
    """Return what bash completes after `flask`, and what is printed meanwhile."""
    variables = {**ENVIRON, "SECRET_KEY": SECRET_KEY, **environ, "FLASK_APP": "app"}
    variables |= {"FLASK": f"{sys.prefix}/bin/flask", "LINE": line}
    ended = subprocess.run(
        ["bash", "-c", COMPLETE], cwd=folder, env=variables, capture_output=True, text=True, check=True
    )
    return ended.stdout.splitlines(), ended.stderr
