"""What tokens are signed with."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shlex import quote

from config.errors import ConfigurationError
from config.keys import KeySettings
from config.permissions import is_writable_by_others
from config.service_settings import MAX_TOKEN_LIFETIME_MINUTES
from providers.interface import Check
from services.keys.directory import KeyDirectory, StoredKey
from services.keys.ring import KEY_SET_MAX_AGE

OLD = timedelta(days=365)
"""After so long a key has been on enough machines, and in enough backups."""

_GENERATE = "Run: flask keys generate, and after five minutes: flask keys rotate"


def check_keys(secrets: KeySettings, path: Path | None) -> Iterator[Check]:
    """Yield what there is to say of the keys."""
    if path is None:
        yield _secret(len(secrets.key_fallbacks))
        return
    folder = KeyDirectory(path)
    try:
        stored, loose = folder.read(), is_writable_by_others(os.stat(path))
    except ConfigurationError as error:
        yield Check("keys", "failure", error.problems[0].statement, error.problems[0].remedy or "Run: flask keys list")
        return
    current = next(one for one in stored if one.state == "current")
    yield _current(current, [one for one in stored if one.state == "next"])
    yield _others(stored)
    if loose:
        yield Check("key folder", "failure", "others can put keys there", f"Run: chmod 700 {quote(str(path))}")
    else:
        yield Check("key folder", "ok", "only its owner can put keys there, and nobody else can read one")
    if secrets.key:
        yield _left_over(current)


def _secret(fallbacks: int) -> Check:
    also = f"; {fallbacks} that it was before still verify" if fallbacks else ""
    return Check("keys", "ok", f"SECRET_KEY signs with HS256: whoever checks tokens with it can make them{also}")


def _current(current: StoredKey, successors: list[StoredKey]) -> Check:
    age = datetime.now(UTC) - current.since
    found = f"{current.key.id} ({current.key.algorithm}) signs, for {age.days} days now"
    if age < OLD:
        return Check("keys", "ok", found)
    return Check("keys", "warning", found, "Run: flask keys rotate" if successors else _GENERATE)


def _others(stored: list[StoredKey]) -> Check:
    successors = [one for one in stored if one.state == "next"]
    retired = sum(one.state == "retired" for one in stored)
    found = f"{len(successors) or 'no'} next, {retired or 'no'} retired"
    newest = max((one.since for one in successors), default=None)
    if newest and datetime.now(UTC) - newest < timedelta(seconds=KEY_SET_MAX_AGE):
        found += "; not everybody knows the next one yet, so wait five minutes before `flask keys rotate`"
    elif newest:
        found += "; everybody knows the next one: `flask keys rotate` refuses nobody"
    return Check("other keys", "ok", found)


def _left_over(current: StoredKey) -> Check:
    found = "SECRET_KEY is set beside SIGNING_KEYS_DIR, and whoever has it can make tokens"
    if datetime.now(UTC) - current.since < timedelta(minutes=MAX_TOKEN_LIFETIME_MINUTES):
        return Check("secret key", "ok", f"{found}: needed until the last token that it signed has expired")
    return Check("secret key", "warning", f"{found}; no token needs it any more", "Take it out of the configuration")
