"""`flask tokens issue` and `list`: the service tokens."""

from collections.abc import Sequence

import click

from cli.operator import begin_change
from cli.terminal import (
    JSON_OPTION,
    NAME,
    ROLE,
    CommandError,
    as_table,
    format_time,
    print_json,
    printable,
)
from cli.tokens.sessions import list_sessions
from config.errors import collect_errors
from config.settings import Settings
from config.subjects import MACHINE_NAME
from database.engine import open_engine
from database.service_token import ServiceToken
from database.service_token_table import ServiceTokenTable
from services.chain import Chain
from services.factory import open_links
from services.keys.sources import open_keys
from services.roles import RolesUnknown, available_roles, similar_roles
from services.service_tokens import MAX_LIFETIME_DAYS, ServiceTokenIssuer
from services.tokens.issuer import TokenIssuer

_ALL = 1_000_000


@click.command()
@click.option("--name", required=True, help="The name of the script or machine. Its claim `sub` is service:NAME.")
@click.option("--role", "roles", type=ROLE, multiple=True, required=True, help="A role. Repeatable.")
@click.option(
    "--days",
    type=click.IntRange(1, MAX_LIFETIME_DAYS),
    default=90,
    show_default=True,
    help="How long the token is valid.",
)
@click.option("--force", is_flag=True, help="Allow roles that no provider can give.")
@JSON_OPTION
def issue(name: str, roles: tuple[str, ...], days: int, force: bool, as_json: bool) -> None:
    """Issue an access token for a script or a machine, and print it once."""
    if not MACHINE_NAME.fullmatch(name):
        raise CommandError("a name is 1 to 64 letters, digits or any of . _ ~ -")
    settings = Settings.of_process()
    table = _open_table(settings)
    keys, token_settings, links, operator = collect_errors(
        lambda: open_keys(settings),
        lambda: settings.tokens,
        lambda: open_links(settings),
        lambda: begin_change(settings),
    )
    _require_available(Chain(links), roles, force)
    issuer = ServiceTokenIssuer(TokenIssuer(keys, token_settings), table, operator)
    text, token = issuer.issue(name, roles, days)
    if as_json:
        print_json(token.to_json() | {"token": text})
        return
    click.echo(text)
    expiry = format_time(token.expires_at)
    click.echo(f"Issued token {token.id} of {token.subject}, valid until {expiry}. It is not shown again.", err=True)


@click.command("list")
@click.option("--user", metavar="USERNAME", type=NAME, help="List the sessions of this user instead.")
@JSON_OPTION
def list_tokens(user: str | None, as_json: bool) -> None:
    """List the service tokens that are valid, or the sessions of a user, newest first."""
    if user:
        list_sessions(user, as_json)
        return
    found = _open_table(Settings.of_process()).page(_ALL)
    if as_json:
        print_json([token.to_json() for token in found])
    elif found:
        click.echo(as_table(("ID", "NAME", "ROLES", "CREATED", "EXPIRES", "OPERATOR"), [*map(_to_row, found)]))
    else:
        click.echo("There are no service tokens. To issue one, run: flask tokens issue")


def _open_table(settings: Settings) -> ServiceTokenTable:
    if not settings.has_database:
        raise CommandError("service tokens require DATABASE_URL: without a database, they could not be revoked")
    return ServiceTokenTable(open_engine(settings.database))


def _to_row(token: ServiceToken) -> tuple[str, ...]:
    times = (f"{token.created_at:%Y-%m-%d}", f"{token.expires_at:%Y-%m-%d}")
    return str(token.id), token.name, ",".join(token.roles), *times, token.operator


def _require_available(chain: Chain, roles: Sequence[str], force: bool) -> None:
    """Raise CommandError if no provider can give one of the roles, unless `force`. Print a note if that is unknown."""
    try:
        available = available_roles(chain)
    except RolesUnknown as error:
        click.echo(printable(f"It is not known whether users can have these roles: {error}"), err=True)
        return
    for role in roles:
        if role not in available and not force:
            similar = similar_roles(role, available)
            nearest = f"; they can give {', '.join(similar)}" if similar else ""
            raise CommandError(f"no provider can give the role {role}{nearest}. Correct the role, or add --force")
