"""The checks of the signing keys."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from config.errors import ConfigurationError
from config.keys import KeySettings
from config.service_settings import MAX_TOKEN_LIFETIME_MINUTES
from providers.interface import Check
from services.keys.directory import KeyDirectory, StoredKey
from services.keys.ring import KEY_SET_MAX_AGE

MAX_KEY_AGE = timedelta(days=365)
"""After this time a key should be rotated: it has been on many machines and in many backups."""

_GENERATE = "Run: flask keys generate, and after five minutes: flask keys rotate"


def check_keys(settings: KeySettings, directory: KeyDirectory | None) -> Iterator[Check]:
    """Yield the findings about the key directory; about SECRET_KEY if `directory` is None."""
    if directory is None:
        yield _check_secret(len(settings.key_fallbacks))
        return
    try:
        keys = directory.read()
    except ConfigurationError as error:
        yield Check("keys", "failure", error.problems[0].statement, error.problems[0].remedy or "Run: flask keys list")
        return
    yield from _check_stored_keys(directory, keys, secret_is_set=settings.key is not None)


def _check_stored_keys(directory: KeyDirectory, keys: list[StoredKey], secret_is_set: bool) -> Iterator[Check]:
    current = next((key for key in keys if key.state == "current"), None)
    if current is None:
        yield Check("keys", "failure", f"SIGNING_KEYS_DIR contains no key ({directory})", "Run: flask keys generate")
        return
    next_keys = [key for key in keys if key.state == "next"]
    yield _check_current(current, has_next=bool(next_keys))
    yield _check_others(next_keys, retired=sum(key.state == "retired" for key in keys))
    if secret_is_set:
        yield _check_unused_secret(current)


def _check_secret(fallbacks: int) -> Check:
    earlier = f"; {fallbacks} earlier keys still verify tokens" if fallbacks else ""
    found = f"SECRET_KEY signs with HS256: each service that verifies tokens can also forge them{earlier}"
    return Check("keys", "ok", found)


def _check_current(current: StoredKey, has_next: bool) -> Check:
    age = datetime.now(UTC) - current.since
    found = f"{current.key.id} ({current.key.algorithm}) has been signing for {age.days} days"
    if age < MAX_KEY_AGE:
        return Check("keys", "ok", found)
    return Check("keys", "warning", found, "Run: flask keys rotate" if has_next else _GENERATE)


def _check_others(next_keys: list[StoredKey], retired: int) -> Check:
    found = f"{len(next_keys)} next, {retired} retired"
    newest = max((key.since for key in next_keys), default=None)
    if newest and datetime.now(UTC) - newest < timedelta(seconds=KEY_SET_MAX_AGE):
        found += "; other services may not have fetched the next key yet: wait five minutes before `flask keys rotate`"
    elif newest:
        command = "flask keys rotate" if len(next_keys) == 1 else "flask keys rotate KEY"
        found += f"; other services have had time to fetch the next key: `{command}` is safe"
    return Check("other keys", "ok", found)


def _check_unused_secret(current: StoredKey) -> Check:
    found = "SECRET_KEY is set in addition to SIGNING_KEYS_DIR: each service that knows it can forge tokens"
    if datetime.now(UTC) - current.since < timedelta(minutes=MAX_TOKEN_LIFETIME_MINUTES):
        return Check("secret key", "ok", f"{found}. It is needed until the last token that it signed has expired")
    found += ". All tokens that it signed have expired"
    return Check("secret key", "warning", found, "Remove SECRET_KEY from the configuration")
