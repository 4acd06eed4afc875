"""Terminal in, terminal out: `flask users …` and its like. Each command reads only the settings it needs."""

from importlib import import_module
from typing import Any

import click


class _Deferred(click.Group):
    """Commands whose module is imported when one of them is used, so that a service starts without it."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return self._imported().list_commands(ctx)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return self._imported().get_command(ctx, cmd_name)

    def _imported(self) -> click.Group:
        group: click.Group = getattr(import_module(f"cli.{self.name}"), str(self.name))
        return group


class _DeferredCommand(click.Command):
    """A command whose module is imported when it is used."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        # The context is that of the command itself, which is what then runs.
        command: click.Command = getattr(import_module(f"cli.{self.name}"), str(self.name))
        return command.make_context(info_name, args, parent, **extra)


# Not by the names of their modules: an import of one of those would take the place of its group.
users_commands = _Deferred("users", help="Tend the users in DATABASE_URL.")
keys_commands = _Deferred("keys", help="Tend the private keys in SIGNING_KEYS_DIR.")
tokens_commands = _Deferred("tokens", help="End sessions, and the tokens that belong to them.")
db_commands = _Deferred("db", help="Tend the tables in DATABASE_URL.")
explain_command = _DeferredCommand("explain", help="Say what a login would give, and why.")
doctor_command = _DeferredCommand("doctor", help="Say what works, what does not, and what will hurt later.")
