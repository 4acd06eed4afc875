"""The commands of `flask`, such as `users`, `keys`, `providers`, `explain` and `doctor`.

pyproject.toml registers each of them as an entry point of the group `flask.commands`, so Flask finds them without an
application, and they work while the configuration is invalid. Flask loads every entry point for every command, so a
command's module is imported only when that command is used.
"""

import sys
from collections.abc import Callable
from copy import copy
from typing import Any

import click


class LazyCommand(click.Command):
    """A placeholder for the command or group that `load` imports. The docstring of `load` is its short help."""

    def __init__(self, load: Callable[[], click.Command]) -> None:
        super().__init__(None, help=load.__doc__)
        self._load = load

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        from cli.examples import add_examples
        from cli.terminal import escape_unencodable_output, translate_command_errors
        from config.environment import is_color_unwanted

        escape_unencodable_output()
        if is_color_unwanted():
            extra.setdefault("color", False)
        # Servers, and commands that load the application, find a provider in the current folder: so do all commands. At
        # the end, because a file there must not replace a module of Python.
        if "" not in sys.path:
            sys.path.append("")
        # Click invokes the command that the context belongs to. Not a resource of the context: click would not leave a
        # context whose resource raises another error.
        command = copy(add_examples(self._load(), str(info_name)))
        command.invoke = translate_command_errors()(command.invoke)  # type: ignore[method-assign]
        return command.make_context(info_name, args, parent, **extra)


# The names differ from those of the modules: importing `cli.users` would replace an attribute `users` of this package.
@LazyCommand
def users_commands() -> click.Command:
    """Manage the users in DATABASE_URL."""
    from cli.users import users

    return users


@LazyCommand
def keys_commands() -> click.Command:
    """Manage the signing keys in SIGNING_KEYS_DIR."""
    from cli.keys import keys

    return keys


@LazyCommand
def tokens_commands() -> click.Command:
    """Issue service tokens, and revoke sessions and tokens."""
    from cli.tokens import tokens

    return tokens


@LazyCommand
def throttle_commands() -> click.Command:
    """List and remove the counters of failed logins."""
    from cli.throttle import throttle

    return throttle


@LazyCommand
def database_commands() -> click.Command:
    """Manage the tables in DATABASE_URL."""
    from cli.database import database

    return database


@LazyCommand
def guards_command() -> click.Command:
    """List the routes of the application, and the roles that they require."""
    from cli.guards import guards

    return guards


@LazyCommand
def explain_command() -> click.Command:
    """Explain which identity, roles and routes a login would get."""
    from cli.explain import explain

    return explain


@LazyCommand
def providers_commands() -> click.Command:
    """List, test and create credential providers."""
    from cli.providers import providers

    return providers


@LazyCommand
def doctor_command() -> click.Command:
    """Diagnose configuration, keys, stores, users and roles."""
    from cli.doctor import doctor

    return doctor


latchkey_commands = click.Group(
    "latchkey",
    help="The commands of Latchkey, also if another extension has one of the same name.",
    commands={
        "users": users_commands,
        "keys": keys_commands,
        "tokens": tokens_commands,
        "throttle": throttle_commands,
        "database": database_commands,
        "providers": providers_commands,
        "guards": guards_command,
        "explain": explain_command,
        "doctor": doctor_command,
    },
)
