"""`flask tokens …`: the end of sessions and tokens in DATABASE_URL."""

import time

import click

from cli.terminal import NAME, CommandError, translate_command_errors
from config.settings import Settings
from database.engine import open_engine
from database.session_table import SessionTable


@click.group
def tokens() -> None:
    """Revoke sessions and their tokens."""


@tokens.command()
@click.option("--user", type=NAME, help="All that this user has.")
@click.option("--provider", type=NAME, help="With --user: only what this provider, as AUTH_PROVIDER has it, knows.")
@click.option("--all", "everybody", is_flag=True, help="All that anybody has.")
def revoke(user: str | None, provider: str | None, everybody: bool) -> None:
    """End sessions and their tokens. Every worker refuses them within two seconds."""
    if (user is None) == (not everybody):
        raise CommandError("say whose: flask tokens revoke --user NAME, or --all")
    if provider and not user:
        raise CommandError("--provider belongs to --user")
    table = SessionTable(open_engine(Settings.of_process().database))
    with translate_command_errors():
        ended = table.end_user_sessions(user, provider) if user else _end_all(table)
    click.echo(f"Ended {ended} {'session' if ended == 1 else 'sessions'}. Their tokens are refused within two seconds.")
    if user and not ended:
        click.echo("If that is a surprise: is it what the token has as `sub`, and the provider what it has as `idp`?")


def _end_all(table: SessionTable) -> int:
    """End everything, and return when whatever is issued from now on is good."""
    ended = table.end_all()
    time.sleep(1)  # tokens tell their time in whole seconds, and those of this one are ended
    return ended
