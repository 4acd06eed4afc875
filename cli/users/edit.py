"""The commands that add, change or delete one user."""

from dataclasses import replace

import click

from cli.terminal import (
    JSON_OPTION,
    NAME,
    ROLE,
    CommandError,
    confirm,
    print_json,
    printable,
    read_password,
)
from cli.users.editor import open_editor
from config.settings import Settings
from database.user_row import UserRow
from passwords.hashing import generate_password, hash_password
from passwords.policy import PasswordPolicy

LOGIN = click.argument("login", type=NAME)
ROLES = click.argument("roles", type=NAME, nargs=-1, required=True)
NEW_ROLES = click.argument("roles", type=ROLE, nargs=-1, required=True)
GENERATE = click.option("--generate", is_flag=True, help="Generate a random password, and print it once.")
FORCE = click.option("--force", is_flag=True, help="Allow that no active user has the role admin afterwards.")

EXISTING_TOKENS = "Existing tokens keep the previous roles until they are refreshed."
ENDED_SESSIONS = "Their sessions have ended."


@click.command()
@click.argument("username", type=NAME)
@click.option("--email", type=NAME, help="The email: also a login, and the claim `email`.")
@click.option("--role", "roles", type=ROLE, multiple=True, help="A role. Repeatable.")
@GENERATE
@JSON_OPTION
def add(username: str, email: str | None, roles: tuple[str, ...], generate: bool, as_json: bool) -> None:
    """Add a user.

    The password is asked for at a terminal, otherwise read from standard input.
    """
    editor = open_editor()
    password = _new_password(generate, username, email)
    row = editor.add(username, email, hash_password(password), roles)
    _print_password_change(row, f"Added {row.username}.", as_json, password if generate else None)


@click.command("set-password")
@LOGIN
@GENERATE
@JSON_OPTION
def set_password(login: str, generate: bool, as_json: bool) -> None:
    """Set a user's password and end their sessions.

    The password is asked for at a terminal, otherwise read from standard input.
    """
    editor = open_editor()
    seen = editor.users.require(login)
    password = _new_password(generate, seen.username, seen.email)
    row = editor.set_password(seen.id, hash_password(password))
    _print_password_change(row, f"Set the password of {row.username}.", as_json, password if generate else None)


@click.command("add-role")
@LOGIN
@NEW_ROLES
@JSON_OPTION
def add_role(login: str, roles: tuple[str, ...], as_json: bool) -> None:
    """Add roles to a user."""
    row = open_editor().change(login, lambda row: replace(row, roles=tuple({*row.roles, *roles})))
    _print_change(row, f"{_describe_roles(row)} {EXISTING_TOKENS}", as_json)


@click.command("remove-role")
@LOGIN
@ROLES
@FORCE
@JSON_OPTION
def remove_role(login: str, roles: tuple[str, ...], force: bool, as_json: bool) -> None:
    """Remove roles from a user and end their sessions."""
    row = open_editor().change(login, lambda row: replace(row, roles=_without(row, roles)), force=force)
    _print_change(row, f"{_describe_roles(row)} {ENDED_SESSIONS}", as_json)


@click.command()
@LOGIN
@FORCE
@JSON_OPTION
def disable(login: str, force: bool, as_json: bool) -> None:
    """Disable a user and end their sessions."""
    row = open_editor().set_active(login, False, force)
    _print_change(row, f"Disabled {row.username}.", as_json)


@click.command()
@LOGIN
@JSON_OPTION
def enable(login: str, as_json: bool) -> None:
    """Enable a disabled user."""
    row = open_editor().set_active(login, True)
    _print_change(row, f"Enabled {row.username}.", as_json)


@click.command()
@LOGIN
@click.option("--username", type=NAME, help="The new username. The change ends the user's sessions.")
@click.option("--email", type=NAME, help="The new email.")
@click.option("--no-email", is_flag=True, help="Remove the email.")
@JSON_OPTION
def update(login: str, username: str | None, email: str | None, no_email: bool, as_json: bool) -> None:
    """Change a user's username or email."""
    if not username and not email and not no_email:
        raise CommandError("there is nothing to change. Add --username, --email or --no-email")
    row = open_editor().change(
        login,
        lambda row: replace(row, username=username or row.username, email=None if no_email else email or row.email),
    )
    email_text = f"the email {row.email}" if row.email else "no email"
    _print_change(row, f"The user now has the username {row.username} and {email_text}.", as_json)


@click.command()
@LOGIN
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@FORCE
@JSON_OPTION
def delete(login: str, yes: bool, force: bool, as_json: bool) -> None:
    """Delete a user and end their sessions.

    To keep the user's data, disable the user instead.
    """
    editor = open_editor()
    seen = editor.users.require(login)
    if not yes:
        confirm(f"Delete {seen.username} permanently?")
    row = editor.delete(seen.id, force)
    _print_change(row, f"Deleted {row.username}.", as_json, deleted=True)


@click.command("hash")
@JSON_OPTION
def print_hash(as_json: bool) -> None:
    """Print a password hash for STATIC_USERS_FILE.

    The password is asked for at a terminal, otherwise read from standard input. No setting is required.
    """
    password_hash = hash_password(_new_password(False))
    if as_json:
        print_json({"password_hash": password_hash})
    else:
        click.echo(password_hash)


COMMANDS = [add, set_password, add_role, remove_role, disable, enable, update, delete, print_hash]


def _new_password(generate: bool, *names: str | None) -> str:
    return generate_password() if generate else read_password(PasswordPolicy(Settings.of_process().passwords), *names)


def _print_change(row: UserRow, sentence: str, as_json: bool, **extra: object) -> None:
    """Print the sentence, or the user with extra members as JSON."""
    if as_json:
        print_json(row.to_json() | extra)
    else:
        click.echo(printable(sentence))


def _print_password_change(row: UserRow, sentence: str, as_json: bool, password: str | None) -> None:
    _print_change(row, sentence, as_json, **({"password": password} if password else {}))
    if password and not as_json:
        click.echo(f"Password: {password}")


def _describe_roles(row: UserRow) -> str:
    return f"{row.username} now has {'the roles ' + ', '.join(row.roles) if row.roles else 'no role'}."


def _without(row: UserRow, roles: tuple[str, ...]) -> tuple[str, ...]:
    missing = [name for name in roles if name not in row.roles]
    if missing:
        raise CommandError(
            f"{row.username} does not have the role {missing[0]}. Current roles: {', '.join(row.roles) or 'none'}"
        )
    return tuple({*row.roles} - {*roles})
