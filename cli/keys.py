"""`flask keys …`: generate and rotate the signing keys in SIGNING_KEYS_DIR."""

import time
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import click

from audit.events import Event, write_event
from cli.operator import begin_change
from cli.terminal import (
    JSON_OPTION,
    CommandError,
    as_table,
    format_time,
    print_json,
    printable,
)
from config.errors import translate_errors
from config.keys import SigningKeysSettings
from config.settings import Settings
from database.engine import open_engine
from database.errors import DatabaseUnavailable
from database.service_token_table import ServiceTokenTable
from services.keys.directory import KeyDirectory, StoredKey
from services.keys.pem import ALGORITHMS, public_pem
from services.keys.ring import KEY_SET_MAX_AGE

PROPAGATION_DELAY = timedelta(seconds=2)
"""How long after a rotation a worker may still sign with the previous key."""
CACHE_LIFETIME = timedelta(seconds=KEY_SET_MAX_AGE)

# The id of a key may begin with a dash.
_ACCEPT_DASHES: dict[str, Any] = {"context_settings": {"ignore_unknown_options": True}}


@click.group
def keys() -> None:
    """Manage the signing keys in SIGNING_KEYS_DIR."""


@keys.command()
@click.option(
    "--algorithm", type=click.Choice(ALGORITHMS), default=ALGORITHMS[0], show_default=True, help="How the key signs."
)
def generate(algorithm: str) -> None:
    """Generate a key.

    If there is no current key, the key becomes the current key. Otherwise it is a next key: it is published, but does
    not sign yet.
    """
    directory, operator = _directory(), begin_change(Settings.of_process())
    with _translated_errors():
        if not directory.path.exists():
            directory.path.mkdir(mode=0o700, parents=True)
            click.echo(f"Created the directory {directory.path}.", err=True)
        previous = directory.read_remaining()
        stored = directory.add(algorithm)
    write_event(Event.KEY_GENERATED, kid=stored.key.id, operator=operator, details=f"{algorithm}, {stored.state}")
    click.echo(f"Generated {stored.state} key {stored.key.id} ({algorithm}).")
    if stored.state == "next":
        _warn_of_others(stored, previous)
        click.echo(f"Wait {_minutes(CACHE_LIFETIME)}, until clients have fetched the key, then run: flask keys rotate")


@keys.command("list")
@JSON_OPTION
def list_keys(as_json: bool) -> None:
    """List the keys and their states.

    REMOVABLE is when a retired key can be removed, because all tokens that it signed have expired. The command fails if
    the current key was deleted.
    """
    directory = _directory()
    stored_keys = directory.read_remaining()
    expiry = _known_expiry(stored_keys)
    if as_json:
        print_json([_to_json(stored, expiry) for stored in stored_keys])
    elif not stored_keys:
        click.echo("There are no keys. Run: flask keys generate")
    else:
        heads = ("KEY", "ALGORITHM", "STATE", "SINCE", "REMOVABLE")
        click.echo(as_table(heads, [_to_row(stored, expiry) for stored in stored_keys]))
    directory.read()  # fails if the current key was deleted


@keys.command(**_ACCEPT_DASHES)
@click.argument("key", required=False)
def public(key: str | None) -> None:
    """Print a public key in PEM format, for software that cannot read /.well-known/jwks.json.

    KEY is the beginning of the id of a key. By default, the current key is printed.
    """
    states = ("next", "current", "retired") if key else ("current",)
    stored = _find_key(_directory(), key, states, "Run: flask keys rotate")
    click.echo(public_pem(stored.key), nl=False)


@keys.command(**_ACCEPT_DASHES)
@click.argument("key", required=False)
def rotate(key: str | None) -> None:
    """Make a next key the current one, and retire the current key.

    KEY is the beginning of the id of a next key. It is required if there are several next keys.
    """
    directory, operator = _directory(), begin_change(Settings.of_process())
    successor = _find_key(directory, key, ("next",), "Run: flask keys generate")
    previous = [stored for stored in directory.read_remaining() if stored.state == "current"]
    with _translated_errors():
        directory.rotate(successor)
    write_event(Event.KEY_ROTATED, kid=successor.key.id, operator=operator)
    click.echo(f"{successor.key.id} is now the current key.")
    if previous:
        removable_at = _removable_at(replace(previous[0], since=datetime.now(UTC)), _known_expiry(previous))
        end = format_time(removable_at, "seconds")
        click.echo(f"The previous key can be removed at {end} with: flask keys retire")
    if datetime.now(UTC) - successor.since < CACHE_LIFETIME:
        click.echo(
            f"The key is new: clients that cache the key set may reject its tokens for {_minutes(CACHE_LIFETIME)}."
        )


@keys.command(**_ACCEPT_DASHES)
@click.argument("key", required=False)
@click.option("--force", is_flag=True, help="Remove the key immediately. Tokens that it signed become invalid.")
def retire(key: str | None, force: bool) -> None:
    """Remove a retired key.

    The command fails if a token that the key signed may still be valid, unless --force. KEY is the beginning of the
    id of a retired key, or with --force of a next key. It is required if there are several retired keys.
    """
    directory, operator = _directory(), begin_change(Settings.of_process())
    states = ("retired", "next") if force and key else ("retired",)
    stored = _find_key(directory, key, states, "Run: flask keys rotate")
    if not force:
        _require_removable(stored)
    # Without the delay, a worker that has not reloaded its keys would sign with a removed key.
    time.sleep(max(0.0, (stored.since + PROPAGATION_DELAY - datetime.now(UTC)).total_seconds()))
    with _translated_errors():
        directory.remove(stored)
    write_event(Event.KEY_REMOVED, kid=stored.key.id, operator=operator, details=stored.state)
    click.echo(f"Removed {stored.key.id}.")
    if force and stored.state == "retired":
        _warn_of_next_keys(directory)


def _warn_of_others(stored: StoredKey, previous: list[StoredKey]) -> None:
    """Warn if a next key is superfluous, because the command was run twice."""
    if others := [one.key.id for one in previous if one.state == "next"]:
        found = f"there is already a next key: {', '.join(others)}. If one is enough"
    elif any(datetime.now(UTC) - one.since < CACHE_LIFETIME for one in previous if one.state == "current"):
        found = "the current key was generated a moment ago. If one key is enough"
    else:
        return
    click.echo(f"Warning: {found}, run: flask keys retire {stored.key.id} --force", err=True)


def _warn_of_next_keys(directory: KeyDirectory) -> None:
    """Warn of next keys, which verify tokens, and may have leaked together with a removed key."""
    for stored in directory.read_remaining():
        if stored.state == "next":
            key_id = stored.key.id
            click.echo(
                f"Warning: the next key {key_id} still verifies tokens. If it has leaked, too, run: "
                f"flask keys retire {key_id} --force",
                err=True,
            )


def _directory() -> KeyDirectory:
    settings = Settings.of_process()
    path = settings.signing_keys.keys_dir
    if path is None:
        raise CommandError(f"SIGNING_KEYS_DIR is not set. {SigningKeysSettings.remedy('keys_dir')}")
    return KeyDirectory(path, settings.files.insecure_permissions)


def _find_key(directory: KeyDirectory, key: str | None, states: tuple[str, ...], remedy: str) -> StoredKey:
    """Return the key in these states whose id begins with `key`. Raises CommandError unless there is exactly one."""
    named = [stored for stored in directory.read_remaining() if stored.key.id.startswith(key or "")]
    candidates = [stored for stored in named if stored.state in states]
    if len(candidates) == 1:
        return candidates[0]
    if candidates:
        raise CommandError(
            f"there are several {' or '.join(states)} keys. Add the id of one of them. See: flask keys list"
        )
    if not key:
        raise CommandError(f"there is no {states[0]} key. {remedy}")
    if not named:
        raise CommandError(f"no key id begins with {key}. See: flask keys list")
    raise CommandError(f"{named[0].key.id} is a {named[0].state} key, not a {states[0]} key. See: flask keys list")


def _require_removable(stored: StoredKey) -> None:
    """Raise CommandError if a token that the key has signed may still be valid."""
    removable_at = _removable_at(stored, _last_expiry([stored]))
    if removable_at > datetime.now(UTC):
        end = format_time(removable_at, "seconds")
        raise CommandError(f"{stored.key.id} may have signed tokens that are still valid. Wait until {end}")


Expiry = Mapping[str, datetime]


def _last_expiry(stored_keys: Iterable[StoredKey]) -> Expiry:
    """Return when the last service token that a key has signed expires, by the id of the key.

    Raises DatabaseUnavailable.
    """
    settings = Settings.of_process()
    if not settings.has_database:
        return {}
    table = ServiceTokenTable(open_engine(settings.database))
    expiry = {stored.key.id: table.last_expiry(stored.key.id) for stored in stored_keys}
    return {key_id: expires_at for key_id, expires_at in expiry.items() if expires_at}


def _known_expiry(stored_keys: Iterable[StoredKey]) -> Expiry:
    """Return the same. If the database is unavailable, print a note and return nothing."""
    try:
        return _last_expiry(stored_keys)
    except DatabaseUnavailable as error:
        click.echo(
            printable(f"Service tokens are not considered, because the database cannot be used: {error}"), err=True
        )
        return {}


def _removable_at(stored: StoredKey, expiry: Expiry) -> datetime:
    """Return when the last token that a retired key has signed expires."""
    last = stored.since + timedelta(minutes=Settings.of_process().tokens.lifetime_minutes) + PROPAGATION_DELAY
    return max(last, expiry.get(stored.key.id, last))


def _to_row(stored: StoredKey, expiry: Expiry) -> tuple[str, ...]:
    removable = "-"
    if stored.state == "retired":
        removable_at = _removable_at(stored, expiry)
        removable = format_time(removable_at, "seconds") if removable_at > datetime.now(UTC) else "now"
    return stored.key.id, stored.key.algorithm, stored.state, format_time(stored.since, "seconds"), removable


def _to_json(stored: StoredKey, expiry: Expiry) -> dict[str, str | None]:
    return {
        "key": stored.key.id,
        "algorithm": stored.key.algorithm,
        "state": stored.state,
        "since": stored.since.isoformat(),
        "removable_at": _removable_at(stored, expiry).isoformat() if stored.state == "retired" else None,
    }


def _minutes(span: timedelta) -> str:
    return f"{span.seconds // 60} minutes"


def _translated_errors() -> AbstractContextManager[None]:
    return translate_errors(
        OSError, to=lambda error: CommandError(f"SIGNING_KEYS_DIR cannot be changed: {error.strerror} ({_directory()})")
    )
