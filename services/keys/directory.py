"""The key directory: private keys in the states next, current and retired, and the rotation between the states.

`states.json` names the current key and the retired keys, and when they entered these states. A key that the file does
not name is a next key: it is published, but does not sign. If there is only one key, it is the current one, and the
file is not needed.
"""

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from config.errors import ConfigurationError, Problem
from config.reloading import read_consistently
from services.keys import pem
from services.keys.ring import Key

State = Literal["next", "current", "retired"]
STATES_FILE = "states.json"


class UnusableKeyDirectory(ConfigurationError):
    """The key directory cannot be used."""

    def __init__(self, found: str, remedy: str | None = None, file: str | None = None) -> None:
        """`found` is a predicate about the file of this name, or about the directory."""
        super().__init__([Problem(f"SIGNING_KEYS_DIR, {file}" if file else "SIGNING_KEYS_DIR", found, remedy)])


@dataclass(frozen=True)
class StoredKey:
    """A key in the directory."""

    key: Key
    path: Path
    state: State
    since: datetime
    """When the key entered this state."""


class _States(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    current: str
    since: AwareDatetime
    retired: dict[str, AwareDatetime] = {}


class KeyDirectory:
    """A directory of keys. Every call reads the directory. A lock lets only one process change it at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def files(self) -> list[Path]:
        """Return the files of the keys and of their states; an empty list if the directory does not exist."""
        try:
            names = os.listdir(self.path)
        except FileNotFoundError:
            return []
        return [self.path / name for name in sorted(names) if name == STATES_FILE or name.endswith(".pem")]

    def read(self) -> list[StoredKey]:
        """Return the next keys, the current key and the retired keys; an empty list if there are no keys.

        Raises UnusableKeyDirectory if a key is invalid, or if no key is current.
        """
        try:
            return read_consistently(self.files, self._read)
        except OSError as error:
            raise UnusableKeyDirectory(f"cannot be read: {error.strerror}") from None

    def add(self, algorithm: str) -> StoredKey:
        """Generate a key: the current key if it is the first one, otherwise a next key. Raises OSError."""
        with self._locked():
            keys = self.read()
            if keys:
                self._write_states(_states_of(keys))  # without the file, two keys have no states
            else:
                (self.path / STATES_FILE).unlink(missing_ok=True)  # its keys were deleted by hand
            content = pem.generate(algorithm)
            key_id = pem.parse(content, "the new key").id
            _write_atomically(self.path / f"{key_id}.pem", content)
            return next(stored for stored in self.read() if stored.key.id == key_id)

    def rotate(self, successor: StoredKey) -> None:
        """Make a next key the current one, and retire the current key. Raises OSError."""
        with self._locked():
            self._write_states(_states_with_current(self.read(), successor, datetime.now(UTC)))

    def remove(self, stored: StoredKey) -> None:
        """Delete a key that is not current. Tokens signed with it become invalid. Raises OSError."""
        with self._locked():
            for path in self._pem_files():
                if pem.read(path).id == stored.key.id:
                    path.unlink()
            self._write_states(_states_of(self.read()))

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Wait until no other process changes the directory, and prevent changes until the context ends."""
        descriptor = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _pem_files(self) -> list[Path]:
        return [file for file in self.files() if file.name != STATES_FILE]

    def _read(self) -> list[StoredKey]:
        try:
            keys = {key.id: (key, path) for path in self._pem_files() for key in [pem.read(path)]}
        except pem.InvalidKeyFile as error:
            raise UnusableKeyDirectory(error.found, error.remedy, error.name) from None
        if not keys:
            return []
        states = self._read_states(keys)
        order: list[State] = ["next", "current", "retired"]
        stored_keys = [_stored_key(key, path, states) for key, path in keys.values()]
        return sorted(stored_keys, key=lambda stored: (order.index(stored.state), stored.since))

    def _read_states(self, keys: dict[str, tuple[Key, Path]]) -> _States:
        try:
            states = _States.model_validate_json((self.path / STATES_FILE).read_bytes())
        except FileNotFoundError:
            return self._states_of_single_key(keys)
        except (OSError, ValidationError):
            raise UnusableKeyDirectory("cannot be read, or is invalid", file=STATES_FILE) from None
        if states.current not in keys:
            raise UnusableKeyDirectory("names a current key that is missing", file=STATES_FILE)
        return states

    def _states_of_single_key(self, keys: dict[str, tuple[Key, Path]]) -> _States:
        if len(keys) > 1:
            raise UnusableKeyDirectory(
                f"contains several keys, but no {STATES_FILE} that names the current one",
                "Leave only the current key in it, run `flask keys generate`, and move the other keys back",
            )
        ((key_id, (_, path)),) = keys.items()
        return _States(current=key_id, since=_modified_at(path))

    def _write_states(self, states: _States) -> None:
        _write_atomically(self.path / STATES_FILE, states.model_dump_json(indent=2).encode())


def _stored_key(key: Key, path: Path, states: _States) -> StoredKey:
    if key.id == states.current:
        return StoredKey(key, path, "current", states.since)
    if key.id in states.retired:
        return StoredKey(key, path, "retired", states.retired[key.id])
    return StoredKey(key, path, "next", _modified_at(path))


def _states_of(keys: list[StoredKey]) -> _States:
    current = next(stored for stored in keys if stored.state == "current")
    return _states_with_current(keys, current, current.since)


def _states_with_current(keys: list[StoredKey], current: StoredKey, since: datetime) -> _States:
    """Return the states in which this key is current and a previous current key is retired, both from `since` on."""
    retired = {stored.key.id: stored.since for stored in keys if stored.state == "retired"}
    retired |= {
        stored.key.id: since for stored in keys if stored.state == "current" and stored.key.id != current.key.id
    }
    return _States(current=current.key.id, since=since, retired=retired)


def _modified_at(path: Path) -> datetime:
    return datetime.fromtimestamp(path.stat().st_mtime, UTC)


def _write_atomically(path: Path, content: bytes) -> None:
    """Create or replace a file that only its owner can read: the process's user, or for root the directory's owner.

    If root owns the directory, but its group is not root's, the group can read the file too.
    """
    descriptor, temporary = tempfile.mkstemp(dir=path.parent)  # with mode 0600
    try:
        with open(descriptor, "wb") as file:
            if os.geteuid() == 0:  # an administrator manages the keys of a service that runs as another user
                owner = path.parent.stat()
                os.fchown(descriptor, owner.st_uid, owner.st_gid)
                os.fchmod(descriptor, 0o640 if owner.st_uid == 0 != owner.st_gid else 0o600)
            file.write(content)
            file.flush()
            os.fsync(descriptor)
        os.replace(temporary, path)
    except OSError:
        os.unlink(temporary)
        raise
