"""`flask users roles` and `change-roles`: who has which role, and the roles of many users."""

from collections.abc import Sequence
from pathlib import Path

import click

from cli.operator import begin_change
from cli.terminal import (
    JSON_OPTION,
    NAME,
    ROLE,
    CommandError,
    as_table,
    open_input,
    print_json,
    printable,
)
from cli.users.edit import FORCE
from cli.users.editor import open_user_table
from config.settings import Settings
from config.text import normalize_name
from database.bulk_roles import BulkRoleEditor, RoleChange, UnknownLogins
from database.engine import open_engine
from database.user_filter import UserFilter
from database.user_roles import describe_role_change

SHOWN_USERNAMES = 3
SHOWN_CHANGES = 20


@click.command("roles")
@JSON_OPTION
def list_roles(as_json: bool) -> None:
    """List the roles in the user table, with the number of their users.

    WHO are the first users in alphabetical order. To list all of them: flask users list --role ROLE
    """
    table = open_user_table()
    counts = table.role_counts()
    names = {
        count.role: [row.username for row in table.page(UserFilter(role=count.role), SHOWN_USERNAMES)]
        for count in counts
    }
    if as_json:
        print_json([{**count._asdict(), "first_usernames": names[count.role]} for count in counts])
        return
    rows = [
        (
            count.role,
            f"{count.users:,}",
            f"{count.active:,}",
            (", ".join(names[count.role]) or "-") + (", …" if count.users > SHOWN_USERNAMES else ""),
        )
        for count in counts
    ]
    click.echo(as_table(("ROLE", "USERS", "ACTIVE", "WHO"), rows))


@click.command("change-roles")
@click.option("--add", "add", type=ROLE, multiple=True, help="A role to add. Repeatable.")
@click.option("--remove", "remove", type=NAME, multiple=True, help="A role to remove. Repeatable.")
@click.option(
    "--file",
    "path",
    type=click.Path(path_type=Path),
    help="Users by username or email, one on each line; `-` is standard input.",
)
@click.option("--role", type=NAME, help="Users with this role.")
@click.option("--search", type=NAME, help="Users with this text in their username or email.")
@click.option("--active/--disabled", default=None, help="Active users, or disabled users.")
@click.option("--all", "all_users", is_flag=True, help="All users.")
@click.option("--dry-run", is_flag=True, help="Show the changes without making them.")
@FORCE
@JSON_OPTION
def change_roles(
    *,
    add: tuple[str, ...],
    remove: tuple[str, ...],
    path: Path | None,
    role: str | None,
    search: str | None,
    active: bool | None,
    all_users: bool,
    dry_run: bool,
    force: bool,
    as_json: bool,
) -> None:
    """Add roles to many users, and remove others.

    The users are those of a file, or those that match all filters. Removing a role ends the user's sessions. The
    whole change is one transaction: if a user of the file does not exist, nothing is changed.
    """
    user_filter = UserFilter(role=role, search=search, active=active)
    _check_options(add, remove, [path is not None, user_filter != UserFilter(), all_users])
    settings = Settings.of_process()
    editor = BulkRoleEditor(open_engine(settings.database), begin_change(settings), add, remove)
    logins = _read_logins(path) if path else None
    try:
        selected, changes = editor.change(logins or user_filter, force=force, dry_run=dry_run)
    except UnknownLogins as error:
        raise CommandError(_describe_unknown(error.logins)) from None
    if as_json:
        _print_json(selected, changes, dry_run)
    else:
        _print_changes(selected, changes, dry_run)


COMMANDS = [list_roles, change_roles]


def _check_options(add: Sequence[str], remove: Sequence[str], selections: list[bool]) -> None:
    if not add and not remove:
        raise CommandError("there is nothing to change. Use --add or --remove")
    if both := {*add} & {*remove}:
        raise CommandError(f"the role {min(both)} cannot be added and removed")
    if sum(selections) != 1:
        raise CommandError("select users with --file, with filters such as --role, or with --all")


def _read_logins(path: Path) -> list[str]:
    with open_input(path, "users") as file:
        data = file.read()
    try:
        lines = data.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise CommandError(f"{path} is not UTF-8. Save it as UTF-8") from None
    logins = []
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                logins.append(normalize_name(line))
            except ValueError as error:
                raise CommandError(f"line {number} of {path} {error}") from None
    if not logins:
        raise CommandError(f"{path} names no users")
    return logins


def _describe_unknown(logins: Sequence[str]) -> str:
    shown = ", ".join(logins[:SHOWN_USERNAMES])
    more = f" and {len(logins) - SHOWN_USERNAMES} others" if len(logins) > SHOWN_USERNAMES else ""
    return f"no user has the username or email {shown}{more}. Nothing was changed. Remove them from the file"


def _print_changes(selected: int, changes: Sequence[RoleChange], dry_run: bool) -> None:
    if changes:
        rows = [(one.username, describe_role_change(one.added, one.removed)) for one in changes[:SHOWN_CHANGES]]
        click.echo(as_table(("USERNAME", "ROLES"), rows))
        if len(changes) > SHOWN_CHANGES:
            click.echo(f"… and {len(changes) - SHOWN_CHANGES:,} more users. To list all: --json")
        click.echo()
    if not selected:
        click.echo("No user matches the filters. To list roles and users: flask users roles, flask users list")
        return
    verb = "would change" if dry_run else "changed"
    click.echo(printable(f"{len(changes):,} of {selected:,} users {verb}."))


def _print_json(selected: int, changes: Sequence[RoleChange], dry_run: bool) -> None:
    listed = [{"username": one.username, "added": sorted(one.added), "removed": sorted(one.removed)} for one in changes]
    print_json({"selected": selected, "changes": listed, "dry_run": dry_run})
