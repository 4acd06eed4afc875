"""The key ring of a key directory, which is reloaded when the directory changes."""

from datetime import datetime
from typing import NamedTuple

from audit.events import Event, write_process_event
from config.reloading import FileUnavailable, ReloadingFile
from services.keys.directory import KeyDirectory, StoredKey, UnusableKeyDirectory
from services.keys.ring import Key, KeyRing, KeysUnavailable

CHECK_INTERVAL_SECONDS = 1.0
"""The minimum time between two checks of the directory for changes."""


class _Version(NamedTuple):
    """The keys of a directory at one time."""

    stored: tuple[StoredKey, ...]
    ring: KeyRing


class ReloadingKeyDirectory:
    """The key ring of a key directory, reloaded when the directory changes. Thread-safe.

    A key whose file was deleted neither signs nor verifies, even if the directory is otherwise unusable.
    """

    def __init__(self, directory: KeyDirectory, *fallbacks: Key) -> None:
        """`fallbacks` only verify. Raises UnusableKeyDirectory if the directory cannot be used now."""
        self._directory = directory
        self._fallbacks = fallbacks
        self._versions = ReloadingFile(
            "SIGNING_KEYS_DIR",
            directory.files,
            self._read,
            CHECK_INTERVAL_SECONDS,
            remaining=self._without_deleted_keys,
            on_change=_write_change,
        )

    def ring(self, *, newest: bool = False) -> KeyRing:
        """Return the key ring, see `KeySource`. If the directory is unusable, its last valid keys that still exist."""
        try:
            return self._versions.current(newest=newest).ring
        except FileUnavailable as error:
            raise KeysUnavailable(str(error)) from None

    def signing_since(self) -> datetime | None:
        """Return when the current key began to sign, see `KeySource`."""
        try:
            stored = self._versions.current().stored
        except FileUnavailable:
            return None
        return next((key.since for key in stored if key.state == "current"), None)

    def _read(self) -> _Version:
        keys = self._directory.read()
        if not keys:
            raise UnusableKeyDirectory(f"contains no key ({self._directory})", "Run: flask keys generate")
        return self._version(keys)

    def _without_deleted_keys(self, version: _Version) -> _Version:
        remaining = [stored for stored in version.stored if not stored.is_deleted()]
        return version if len(remaining) == len(version.stored) else self._version(remaining)

    def _version(self, keys: list[StoredKey]) -> _Version:
        current = next((stored.key for stored in keys if stored.state == "current"), None)
        return _Version(tuple(keys), KeyRing(current, *self._fallbacks, *(stored.key for stored in keys)))


def _write_change(before: _Version | None, after: _Version | None) -> None:
    """Write an event if keys were added, removed or rotated."""
    old, new = (
        {stored.key.id: stored.state for stored in version.stored} if version else {} for version in (before, after)
    )
    added = [f"+{key_id} ({state})" for key_id, state in new.items() if key_id not in old]
    removed = [f"-{key_id}" for key_id in old if key_id not in new]
    moved = [f"{key_id} ({state})" for key_id, state in new.items() if old.get(key_id, state) != state]
    if changes := [*moved, *added, *removed]:
        current = next((key_id for key_id, state in new.items() if state == "current"), None)
        write_process_event(Event.KEYS_CHANGED, kid=current, details=", ".join(changes))
