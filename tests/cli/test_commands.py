"""The entry points through which Flask finds the commands."""

import json
import subprocess
import sys
from importlib import import_module
from importlib.metadata import EntryPoints, entry_points
from pathlib import Path

import click
import pytest

from tests.support.commands import run_command
from tests.support.flask_program import ENVIRON, error_line
from tests.support.forked_flask import ForkedFlask

GROUPS = ["users", "keys", "tokens", "throttle", "database", "providers"]
COMMANDS = ["explain", "doctor"]

# What `flask` does for every command: it loads all entry points. Those of other packages may import SQLAlchemy.
IMPORTED_MODULES = """
import json, sys
from importlib.metadata import entry_points
for point in entry_points(group="flask.commands").select(module="cli"):
    point.load().get_short_help_str()
print(json.dumps([*sys.modules]))
"""


@pytest.fixture(scope="module")
def commands() -> EntryPoints:
    return entry_points(group="flask.commands")


def test_every_command_is_an_entry_point(commands: EntryPoints) -> None:
    assert {*GROUPS, *COMMANDS} <= commands.names


def test_every_command_is_also_in_the_group_latchkey(commands: EntryPoints) -> None:
    # The names may belong to other extensions too: Flask-Security has `users`.
    group = commands["latchkey"].load()
    own = {point.name: point.load() for point in commands if point.value.startswith("cli:")}
    assert own.pop("latchkey") is group
    assert group.commands == own


@pytest.mark.parametrize("name", GROUPS)
def test_group_has_its_commands_after_its_module_was_imported(commands: EntryPoints, name: str) -> None:
    import_module(f"cli.{name}")
    context = commands[name].load().make_context(name, ["--help"], resilient_parsing=True)
    assert isinstance(context.command, click.Group)
    assert context.command.list_commands(context)


@pytest.mark.parametrize("name", COMMANDS)
def test_command_has_its_options_after_its_module_was_imported(commands: EntryPoints, name: str) -> None:
    import_module(f"cli.{name}")
    context = commands[name].load().make_context(name, [])
    assert "as_json" in {parameter.name for parameter in context.command.params}


@pytest.mark.parametrize("name", [*GROUPS, *COMMANDS])
def test_list_of_commands_has_the_help_of_each(commands: EntryPoints, name: str) -> None:
    command = commands[name].load()
    shown = command.make_context(name, [], resilient_parsing=True).command
    assert str(command.help).splitlines()[0] == str(shown.help).splitlines()[0]


def test_context_of_a_command_is_left_after_an_error() -> None:
    assert run_command("users", "list", environ={"DATABASE_URL": "sqlite:////missing/users.db"}).exit_code == 2
    assert click.get_current_context(silent=True) is None


def test_finding_a_command_imports_no_command_module(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", IMPORTED_MODULES], cwd=tmp_path, env=ENVIRON, capture_output=True, check=True
    )
    modules = json.loads(ended.stdout)
    assert [name for name in modules if name.startswith("cli.") or name.partition(".")[0] == "sqlalchemy"] == []


@pytest.mark.parametrize(
    ("old", "new"),
    [("grant", "add-role"), ("revoke", "remove-role"), ("rename", "update"), ("inventory", "hash-report")],
)
@pytest.mark.parametrize("arguments", [(), ("zoé", "--force", "--json"), ("--help",)])
def test_renamed_command_fails_with_its_new_name(
    sqlite_cli: ForkedFlask, old: str, new: str, arguments: tuple[str, ...]
) -> None:
    ended = sqlite_cli("users", old, *arguments, DATABASE_URL="")
    assert error_line(ended) == f"Error: flask users {old} has been renamed. Run: flask users {new}"
    assert old not in sqlite_cli("users", "--help").stdout.split()
    assert sqlite_cli("users", new, "--help").returncode == 0
