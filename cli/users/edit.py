"""`flask users add`, and whatever changes one user."""

from dataclasses import replace

import click

from cli.terminal import JSON_OPTION, NAME, CommandError, confirm, print_json, read_password, translate_command_errors
from cli.users.editor import open_editor
from config.settings import Settings
from database.user_row import UserRow
from passwords.hashing import generate_password, hash_password
from passwords.policy import PasswordPolicy

LOGIN = click.argument("login", type=NAME)
ROLES = click.argument("roles", type=NAME, nargs=-1, required=True)
GENERATE = click.option("--generate", is_flag=True, help="Make a random password and print it, once.")
FORCE = click.option("--force", is_flag=True, help="Even if nobody active is left with the role admin.")

OLD_TOKENS = "Tokens from before keep the old roles until they are refreshed."


@click.command()
@click.argument("username", type=NAME)
@click.option("--email", type=NAME, help="Another name to log in with, and the claim `email`.")
@click.option("--role", "roles", type=NAME, multiple=True, help="A role; may be given several times.")
@GENERATE
@JSON_OPTION
def add(username: str, email: str | None, roles: tuple[str, ...], generate: bool, as_json: bool) -> None:
    """Add a user. The password is asked for, or read from standard input."""
    table = open_editor()
    password = _new_password(generate, username, email)
    with translate_command_errors():
        row = table.add(username, email, hash_password(password), roles)
    _print_password_change(row, f"Added {row.username}.", as_json, password if generate else None)


@click.command("set-password")
@LOGIN
@GENERATE
@JSON_OPTION
def set_password(login: str, generate: bool, as_json: bool) -> None:
    """Give a user another password, asked for or read from standard input. Their sessions end."""
    table = open_editor()
    with translate_command_errors():
        seen = table.users.require(login)
        password = _new_password(generate, seen.username, seen.email)
        row = table.set_password(seen.id, hash_password(password))
    _print_password_change(row, f"{row.username} has a new password.", as_json, password if generate else None)


@click.command()
@LOGIN
@ROLES
@JSON_OPTION
def grant(login: str, roles: tuple[str, ...], as_json: bool) -> None:
    """Give a user roles."""
    with translate_command_errors():
        row = open_editor().change(login, lambda row: replace(row, roles=tuple({*row.roles, *roles})))
    _print_change(row, f"{row.username} has the roles {', '.join(row.roles)}. {OLD_TOKENS}", as_json)


@click.command()
@LOGIN
@ROLES
@FORCE
@JSON_OPTION
def revoke(login: str, roles: tuple[str, ...], force: bool, as_json: bool) -> None:
    """Take roles from a user."""
    with translate_command_errors():
        row = open_editor().change(login, lambda row: replace(row, roles=_without(row, roles)), force=force)
    held = f"the roles {', '.join(row.roles)}" if row.roles else "no role"
    _print_change(row, f"{row.username} has {held}. {OLD_TOKENS}", as_json)


@click.command()
@LOGIN
@FORCE
@JSON_OPTION
def disable(login: str, force: bool, as_json: bool) -> None:
    """Put a user out: what they have from logging in here ends too."""
    with translate_command_errors():
        row = open_editor().set_active(login, False, force)
    _print_change(row, f"{row.username} is disabled.", as_json)


@click.command()
@LOGIN
@JSON_OPTION
def enable(login: str, as_json: bool) -> None:
    """Let a disabled user in again."""
    with translate_command_errors():
        row = open_editor().set_active(login, True)
    _print_change(row, f"{row.username} is enabled.", as_json)


@click.command()
@LOGIN
@click.argument("username", type=NAME, required=False)
@click.option("--email", type=NAME, help="Another address.")
@click.option("--no-email", is_flag=True, help="No address.")
@JSON_OPTION
def rename(login: str, username: str | None, email: str | None, no_email: bool, as_json: bool) -> None:
    """Give a user another username, another address, or both. With another username their sessions end."""
    if not username and not email and not no_email:
        raise CommandError("there is nothing to change. Write another username, --email or --no-email")
    with translate_command_errors():
        row = open_editor().change(
            login,
            lambda row: replace(row, username=username or row.username, email=None if no_email else email or row.email),
        )
    _print_change(row, f"The user is now {row.username}, {row.email or 'without an address'}.", as_json)


@click.command()
@LOGIN
@click.option("--yes", is_flag=True, help="Do not ask.")
@FORCE
@JSON_OPTION
def delete(login: str, yes: bool, force: bool, as_json: bool) -> None:
    """Remove a user for good, and end what they have. To keep who they were: disable."""
    table = open_editor()
    with translate_command_errors():
        seen = table.users.require(login)
        if not yes:
            confirm(f"Delete {seen.username} for good?")
        row = table.delete(seen.id, force)
    _print_change(row, f"Deleted {row.username}.", as_json, deleted=True)


@click.command("hash")
@JSON_OPTION
def print_hash(as_json: bool) -> None:
    """Print a password's hash, for STATIC_USERS_FILE. Needs no configuration."""
    hashed = hash_password(_new_password(False))
    if as_json:
        print_json({"password_hash": hashed})
    else:
        click.echo(hashed)


COMMANDS = [add, set_password, grant, revoke, disable, enable, rename, delete, print_hash]


def _new_password(generate: bool, *names: str | None) -> str:
    return generate_password() if generate else read_password(PasswordPolicy(Settings.of_process().passwords), *names)


def _print_change(row: UserRow, sentence: str, as_json: bool, **extra: object) -> None:
    """Print the sentence, or the user with extra members as JSON."""
    if as_json:
        print_json(row.to_json() | extra)
    else:
        click.echo(sentence)


def _print_password_change(row: UserRow, sentence: str, as_json: bool, password: str | None) -> None:
    if password:
        _print_change(row, f"{sentence}\nPassword: {password}", as_json, password=password)
    else:
        _print_change(row, sentence, as_json)


def _without(row: UserRow, roles: tuple[str, ...]) -> tuple[str, ...]:
    lacking = [name for name in roles if name not in row.roles]
    if lacking:
        raise CommandError(f"{row.username} does not have the role {lacking[0]}, but {', '.join(row.roles) or 'none'}")
    return tuple({*row.roles} - {*roles})
