"""`flask tokens …`: revoke sessions and tokens in DATABASE_URL."""

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
@click.option("--user", type=NAME, help="Revoke the sessions and tokens of the user with this username.")
@click.option("--provider", type=NAME, help="With --user: only for the user of this provider in AUTH_PROVIDER.")
@click.option("--all", "everything", is_flag=True, help="Revoke the sessions and tokens of all users.")
def revoke(user: str | None, provider: str | None, everything: bool) -> None:
    """End sessions and revoke their tokens. Every worker rejects the tokens within two seconds."""
    if (user is None) == (not everything):
        raise CommandError("give either --user or --all: flask tokens revoke --user NAME")
    if provider and not user:
        raise CommandError("--provider requires --user")
    table = SessionTable(open_engine(Settings.of_process().database))
    with translate_command_errors():
        ended = table.end_user_sessions(user, provider) if user else _end_all(table)
    sessions = "1 session" if ended == 1 else f"{ended} sessions"
    click.echo(f"Ended {sessions}. Every worker rejects the revoked tokens within two seconds.")
    if user and not ended:
        click.echo("To find tokens, --user must equal their claim `sub`, and --provider their claim `idp`.")


def _end_all(table: SessionTable) -> int:
    """End all sessions and wait, so that tokens that are issued after the command are valid."""
    ended = table.end_all()
    time.sleep(1)  # the times in tokens are whole seconds, and all tokens of the current second are revoked
    return ended
