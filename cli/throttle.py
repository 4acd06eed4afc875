"""`flask throttle …`: list and remove the counters of failed logins in THROTTLE_STORAGE_URL."""

from collections.abc import Iterator
from contextlib import contextmanager

import click

from cli.terminal import JSON_OPTION, NAME, CommandError, as_table, print_json
from config.errors import ConfigurationError
from config.settings import Settings
from services.factory import open_links
from services.login_matches import match_login
from services.throttle.client_address import client_network, parse_address
from services.throttle.counters_in_redis import RedisCounters, StorageUnavailable, StoredCounter, describe_place


@click.group
def throttle() -> None:
    """List and remove the counters of failed logins."""


@throttle.command("list")
@click.option("--refused", "only_refused", is_flag=True, help="Only the counters because of which logins are refused.")
@JSON_OPTION
def list_command(only_refused: bool, as_json: bool) -> None:
    """List the counters, those because of which logins are refused first.

    A `login` is a name as it was typed, in a form that is the same for all its spellings. An `account` is what the
    provider found. An `address` counts all logins.
    """
    with _open_counters() as stored:
        counters = [one for one in stored.list() if one.is_exhausted or not only_refused]
    if as_json:
        print_json([_to_json(one) for one in counters])
    elif not counters:
        click.echo("There are no counters.")
    else:
        heads = ("COUNTER", "NAME", "FROM", "COUNT", "LIMIT", "REFUSED", "ENDS IN")
        click.echo(as_table(heads, [_to_row(one) for one in counters]))


@throttle.command()
@click.argument("login", type=NAME, required=False)
@click.option("--address", help="Remove the counters of this address. For IPv6, of its /64 network.")
@click.option("--all", "everything", is_flag=True, help="Remove all counters.")
def clear(login: str | None, address: str | None, everything: bool) -> None:
    """Remove the counters of an account, so that its user can log in immediately.

    LOGIN is a username or an email.
    """
    if [login is not None, address is not None, everything].count(True) != 1:
        raise CommandError("give one of LOGIN, --address and --all: flask throttle clear LOGIN")
    with _open_counters() as stored:
        if everything:
            cleared = stored.clear_all()
        elif address is not None:
            cleared = stored.clear_place(_network(address))
        else:
            cleared = stored.clear_login(_names(login or ""))
    click.echo("Removed 1 counter." if cleared == 1 else f"Removed {cleared} counters.")


def _network(address: str) -> str:
    parsed = parse_address(address.removesuffix("/64"))
    if parsed is None:
        raise CommandError(f"{address} is not an address. See: flask throttle list")
    return client_network(parsed)


def _names(login: str) -> Iterator[str]:
    """Yield the login, and the username of the user whose email it is."""
    yield login
    try:
        links = open_links(Settings.of_process())
    except ConfigurationError:
        return
    yield from (match.username for link in links if (match := match_login(link, login)).username)


@contextmanager
def _open_counters() -> Iterator[RedisCounters]:
    """Yield the counters in Redis. Raises CommandError without Redis, and if it is unavailable in the block."""
    url = Settings.of_process().throttle.storage_url
    if url is None:
        raise CommandError(
            "failed logins are counted in the memory of each worker process, which no command can see. "
            "Set THROTTLE_STORAGE_URL, or restart the service to remove the counters"
        )
    try:
        yield RedisCounters(url.get_secret_value())
    except StorageUnavailable as error:
        raise CommandError(f"THROTTLE_STORAGE_URL is unavailable: {error}") from None
    except (ValueError, TypeError):
        raise CommandError("THROTTLE_STORAGE_URL has an invalid option") from None


def _to_row(counter: StoredCounter) -> tuple[str, ...]:
    refused = "yes" if counter.is_exhausted else "no"
    minutes, seconds = divmod(counter.seconds, 60)
    numbers = (str(counter.count), str(counter.limit))
    return counter.kind, counter.name, describe_place(counter.place), *numbers, refused, f"{minutes}:{seconds:02}"


def _to_json(counter: StoredCounter) -> dict[str, object]:
    return {
        "counter": counter.kind,
        "name": counter.name or None,
        "from": describe_place(counter.place),
        "count": counter.count,
        "limit": counter.limit,
        "refused": counter.is_exhausted,
        "seconds": counter.seconds,
    }
