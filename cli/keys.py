"""`flask keys …`: the private keys in SIGNING_KEYS_DIR."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click

from cli.terminal import CommandError, as_table
from config.keys import SigningKeysSettings
from config.settings import Settings
from services.keys.directory import KeyDirectory, StoredKey
from services.keys.pem import ALGORITHMS
from services.keys.ring import KEY_SET_MAX_AGE

SETTLED = timedelta(seconds=2)
"""A worker signs with the key before for a moment longer, until it has looked at the folder."""
REVOCATION_RETENTION = timedelta(seconds=KEY_SET_MAX_AGE)

_KEY_MAY_BEGIN_WITH_A_DASH: dict[str, Any] = {"context_settings": {"ignore_unknown_options": True}}


@click.group
def keys() -> None:
    """Manage the signing keys in SIGNING_KEYS_DIR."""


@keys.command()
@click.option("--algorithm", type=click.Choice(ALGORITHMS), default=ALGORITHMS[0], show_default=True)
def generate(algorithm: str) -> None:
    """Make a key: the current one if it is the first, else the next, which is published but does not sign."""
    path = _path()
    with _raising_refused():
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        made = KeyDirectory(path).add(algorithm)
    click.echo(f"Made {made.key.id} ({algorithm}). It is {made.state}.")
    if made.state == "next":
        click.echo(f"In {_minutes(REVOCATION_RETENTION)}, when everybody knows it: flask keys rotate")


@keys.command("list")
@click.option("--json", "as_json", is_flag=True, help="For scripts: a JSON array.")
def list_keys(as_json: bool) -> None:
    """Show every key, its state, and when a retired one can go."""
    stored = _folder().read()
    lifetime = _lifetime()
    if as_json:
        click.echo(json.dumps([_json(one, lifetime) for one in stored], indent=2))
    elif not stored:
        click.echo("There is no key yet. Run: flask keys generate")
    else:
        rows = [(one.key.id, one.key.algorithm, one.state, _shown(one.since), _end(one, lifetime)) for one in stored]
        click.echo(as_table(("KEY", "ALGORITHM", "STATE", "SINCE", "CAN GO"), rows))


@keys.command(**_KEY_MAY_BEGIN_WITH_A_DASH)
@click.argument("key", required=False)
def rotate(key: str | None) -> None:
    """Make the next key the current one, and retire the current one. KEY is only needed if there are several."""
    folder = _folder()
    successor = _chosen(folder, key, ("next",), "Run: flask keys generate")
    with _raising_refused():
        folder.rotate(successor)
    goes = datetime.now(UTC) + _lifetime() + SETTLED
    click.echo(f"{successor.key.id} is current. The one before can go at {_shown(goes)}: flask keys retire")
    if datetime.now(UTC) - successor.since < REVOCATION_RETENTION:
        click.echo(
            f"It is new. Others who keep the key set may refuse its tokens for up to {_minutes(REVOCATION_RETENTION)}."
        )


@keys.command(**_KEY_MAY_BEGIN_WITH_A_DASH)
@click.argument("key", required=False)
@click.option("--force", is_flag=True, help="Now, although tokens that it signed are still good.")
def retire(key: str | None, force: bool) -> None:
    """Remove a retired key, once its last token has expired; with --force also a next one that is named.

    KEY is only needed if there are several.
    """
    folder = _folder()
    states = ("retired", "next") if force and key else ("retired",)
    chosen = _chosen(folder, key, states, "Run: flask keys rotate")
    goes = _goes(chosen, _lifetime())
    if goes > datetime.now(UTC) and not force:
        raise CommandError(f"{chosen.key.id} has signed tokens that are still good. It can go at {_shown(goes)}")
    # Else a worker that has not looked at the folder yet would sign with a key that is gone.
    time.sleep(max(0.0, (chosen.since + SETTLED - datetime.now(UTC)).total_seconds()))
    with _raising_refused():
        folder.remove(chosen)
    click.echo(f"Removed {chosen.key.id}.")


def _path() -> Path:
    path = Settings.of_process().signing_keys.keys_dir
    if path is None:
        raise CommandError(f"SIGNING_KEYS_DIR is not set. {SigningKeysSettings.remedy('keys_dir')}")
    return path


def _folder() -> KeyDirectory:
    return KeyDirectory(_path())


def _lifetime() -> timedelta:
    return timedelta(minutes=Settings.of_process().tokens.lifetime_minutes)


def _chosen(folder: KeyDirectory, key: str | None, states: tuple[str, ...], remedy: str) -> StoredKey:
    """Return the only key in one of these states, or the one whose id begins so."""
    named = [one for one in folder.read() if one.key.id.startswith(key or "")]
    found = [one for one in named if one.state in states]
    if len(found) == 1:
        return found[0]
    if found:
        raise CommandError(f"there are several {states[0]} keys. Name one that `flask keys list` shows")
    if key and named:
        raise CommandError(f"{named[0].key.id} is {named[0].state}, not {states[0]}. See: flask keys list")
    raise CommandError(
        f"there is no {states[0]} key{f' that begins with {key}. See: flask keys list' if key else f'. {remedy}'}"
    )


def _goes(stored: StoredKey, lifetime: timedelta) -> datetime:
    """Return when the last token that a retired key signed has expired."""
    return stored.since + lifetime + SETTLED


def _end(stored: StoredKey, lifetime: timedelta) -> str:
    if stored.state != "retired":
        return "-"
    goes = _goes(stored, lifetime)
    return _shown(goes) if goes > datetime.now(UTC) else "now"


def _json(stored: StoredKey, lifetime: timedelta) -> dict[str, str | None]:
    return {
        "key": stored.key.id,
        "algorithm": stored.key.algorithm,
        "state": stored.state,
        "since": stored.since.isoformat(),
        "can_go": _goes(stored, lifetime).isoformat() if stored.state == "retired" else None,
    }


def _shown(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _minutes(span: timedelta) -> str:
    return f"{span.seconds // 60} minutes"


@contextmanager
def _raising_refused() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise CommandError(f"SIGNING_KEYS_DIR cannot be changed: {error.strerror}") from None
