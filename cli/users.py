"""`flask users …`: the user table, and hashes for the users file."""

import json

import click

from cli.terminal import NAME, as_table, raising_refused, read_password
from config.environment import read_environment
from database.engine import open_engine
from database.users import UserExists, UserRow, UserTable
from providers.passwords import generate_password, hash_password


def open_table() -> UserTable:
    """Return the table in DATABASE_URL; ConfigurationError if there is none to be had."""
    return UserTable(open_engine(read_environment()))


@click.group
def users() -> None:
    """Tend the users in DATABASE_URL."""


@users.command()
@click.argument("username", type=NAME)
@click.option("--email", type=NAME, help="Another name to log in with, and the claim `email`.")
@click.option("--role", "roles", type=NAME, multiple=True, help="A role; may be given several times.")
@click.option("--generate", is_flag=True, help="Make a random password and print it, once.")
def add(username: str, email: str | None, roles: tuple[str, ...], generate: bool) -> None:
    """Add a user. The password is asked for, or read from standard input."""
    table = open_table()
    with raising_refused():
        # The database keeps usernames apart and addresses apart, but not the one from the other.
        if table.matching(username) or (email and table.matching(email)):
            raise UserExists
        password = generate_password() if generate else read_password()
        table.add(username, email, hash_password(password), roles)
    click.echo(f"Added {username}.")
    if generate:
        click.echo(f"Password: {password}")


@users.command("list")
@click.option("--json", "as_json", is_flag=True, help="For scripts: a JSON array.")
def list_users(as_json: bool) -> None:
    """Show every user."""
    with raising_refused():
        rows = open_table().all()
    click.echo(json.dumps([_json(row) for row in rows], ensure_ascii=False, indent=2) if as_json else _lines(rows))


def _json(row: UserRow) -> dict[str, object]:
    members = ("username", "email", "roles", "active")
    return {name: getattr(row, name) for name in members} | {"created_at": row.created_at.isoformat()}


def _lines(rows: list[UserRow]) -> str:
    cells = [
        (
            row.username,
            row.email or "-",
            ",".join(row.roles) or "-",
            "yes" if row.active else "no",
            f"{row.created_at:%Y-%m-%d}",
        )
        for row in rows
    ]
    return as_table(("USERNAME", "EMAIL", "ROLES", "ACTIVE", "CREATED"), cells)


@users.command("set-password")
@click.argument("login", type=NAME)
def set_password(login: str) -> None:
    """Give a user another password, asked for or read from standard input. Their sessions end."""
    table = open_table()
    hashed = hash_password(read_password())
    with raising_refused():
        click.echo(f"{table.set_password(login, hashed)} has a new password.")


@users.command()
@click.argument("login", type=NAME)
def disable(login: str) -> None:
    """Put a user out: what they have from logging in here ends too."""
    with raising_refused():
        click.echo(f"{open_table().set_active(login, False)} is disabled.")


@users.command()
@click.argument("login", type=NAME)
def enable(login: str) -> None:
    """Let a disabled user in again."""
    with raising_refused():
        click.echo(f"{open_table().set_active(login, True)} is enabled.")


@users.command("hash")
def print_hash() -> None:
    """Print a password's hash, for STATIC_USERS_FILE. Needs no configuration."""
    click.echo(hash_password(read_password()))
