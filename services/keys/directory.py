"""The key folder: private keys, each next, current or retired; and how one becomes the other.

`states.json` says which key is current and since when others are retired. A key that it does not name is
next: published, but not signing. A key that is alone in its folder is current, and needs no such file.
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
STATES = "states.json"


class UnusableKeyDirectory(ConfigurationError):
    """The folder cannot be used."""

    def __init__(self, found: str, remedy: str | None = None) -> None:
        super().__init__([Problem("SIGNING_KEYS_DIR", found, remedy)])


@dataclass(frozen=True)
class StoredKey:
    """A key in the folder."""

    key: Key
    path: Path
    state: State
    since: datetime
    """Since when it is in this state."""


class _States(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    current: str
    since: AwareDatetime
    retired: dict[str, AwareDatetime] = {}


class KeyDirectory:
    """A folder of keys. It is read at each call; whoever changes it waits for whoever else does."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def files(self) -> list[Path]:
        """Return the files that the keys and their states are in; none if there is no folder."""
        try:
            names = os.listdir(self.path)
        except FileNotFoundError:
            return []
        return [self.path / name for name in sorted(names) if name == STATES or name.endswith(".pem")]

    def read(self) -> list[StoredKey]:
        """Return the keys, next, current and retired; UnusableFolder if one of them is none, or none is current."""
        try:
            return read_consistently(self.files, self._read)
        except OSError as error:
            raise UnusableKeyDirectory(f"cannot be read: {error.strerror}") from None

    def add(self, algorithm: str) -> StoredKey:
        """Make a key: the current one if it is the first, else the next one."""
        with self._locked():
            stored = self.read()
            if stored:
                self._write_states(_unchanged(stored))  # else nobody could tell which of the two is current
            else:
                (self.path / STATES).unlink(missing_ok=True)  # it is about keys that are gone
            octets = pem.generate(algorithm)
            key = pem.parse(octets, "the new key")
            _write(self.path / f"{key.id}.pem", octets)
            return next(one for one in self.read() if one.key.id == key.id)

    def rotate(self, successor: StoredKey) -> None:
        """Make a next key the current one, at once; what was current is retired."""
        with self._locked():
            self._write_states(_states_of(self.read(), successor, datetime.now(UTC)))

    def remove(self, stored: StoredKey) -> None:
        """Remove a key that is not current. What it signed is not good any more."""
        with self._locked():
            for path in self._pems():
                if pem.read(path).id == stored.key.id:
                    path.unlink()
            self._write_states(_unchanged(self.read()))

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Wait until nobody else changes the folder."""
        descriptor = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _pems(self) -> list[Path]:
        return [file for file in self.files() if file.name != STATES]

    def _read(self) -> list[StoredKey]:
        try:
            keys = {key.id: (key, path) for path in self._pems() for key in [pem.read(path)]}
        except ValueError as error:
            raise UnusableKeyDirectory(f"has an unusable key: {error}") from None
        if not keys:
            return []
        states = self._states(keys)
        order: list[State] = ["next", "current", "retired"]
        stored = [_stored(key, path, states) for key, path in keys.values()]
        return sorted(stored, key=lambda one: (order.index(one.state), one.since))

    def _write_states(self, states: _States) -> None:
        _write(self.path / STATES, states.model_dump_json(indent=2).encode())

    def _states(self, keys: dict[str, tuple[Key, Path]]) -> _States:
        try:
            states = _States.model_validate_json((self.path / STATES).read_bytes())
        except FileNotFoundError:
            if len(keys) > 1:
                raise UnusableKeyDirectory(
                    f"has several keys, and no {STATES} that names the current one",
                    "Leave only the current key there, run `flask keys generate`, and put the others back",
                ) from None
            ((only, (_, path)),) = keys.items()
            return _States(current=only, since=_made(path))
        except (OSError, ValidationError):
            raise UnusableKeyDirectory(f"has a {STATES} that cannot be read") from None
        if states.current not in keys:
            raise UnusableKeyDirectory(f"lacks the key that {STATES} names as current")
        return states


def _stored(key: Key, path: Path, states: _States) -> StoredKey:
    if key.id == states.current:
        return StoredKey(key, path, "current", states.since)
    if key.id in states.retired:
        return StoredKey(key, path, "retired", states.retired[key.id])
    return StoredKey(key, path, "next", _made(path))


def _unchanged(stored: list[StoredKey]) -> _States:
    current = next(one for one in stored if one.state == "current")
    return _states_of(stored, current, current.since)


def _states_of(stored: list[StoredKey], current: StoredKey, since: datetime) -> _States:
    """Return the states in which `current` is so since `since`, and the one before it is retired since then."""
    retired = {one.key.id: one.since for one in stored if one.state == "retired"}
    retired |= {one.key.id: since for one in stored if one.state == "current" and one.key.id != current.key.id}
    return _States(current=current.key.id, since=since, retired=retired)


def _made(path: Path) -> datetime:
    return datetime.fromtimestamp(path.stat().st_mtime, UTC)


def _write(path: Path, octets: bytes) -> None:
    """Put a file there as a whole or not at all, for whoever has the folder: its owner, and with root the group."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent)  # with mode 0600
    try:
        with open(descriptor, "wb") as file:
            if os.geteuid() == 0:  # an admin who tends the keys of a service that is somebody else
                owner = path.parent.stat()
                os.fchown(descriptor, owner.st_uid, owner.st_gid)
                os.fchmod(descriptor, 0o640 if owner.st_uid == 0 != owner.st_gid else 0o600)
            file.write(octets)
            file.flush()
            os.fsync(descriptor)
        os.replace(temporary, path)
    except OSError:
        os.unlink(temporary)
        raise
