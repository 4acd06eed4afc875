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
from config.files import UnusableFile, read_file
from config.quoting import resolve
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


class MissingCurrentKey(UnusableKeyDirectory):
    """The current key was deleted, so no key signs."""

    def __init__(self, keys: "list[StoredKey]") -> None:
        """`keys` are the other keys."""
        has_next = any(stored.state == "next" for stored in keys)
        remedy = "Run: flask keys rotate" if has_next else "Run: flask keys generate"
        super().__init__("names a current key that is missing, so no key signs", remedy, STATES_FILE)
        self.keys = keys


@dataclass(frozen=True)
class StoredKey:
    """A key in the directory."""

    key: Key
    path: Path
    state: State
    since: datetime
    """When the key entered this state."""

    def is_deleted(self) -> bool:
        """Return whether the file was deleted, or no longer contains the key. It is not if the file cannot be read."""
        try:
            return pem.parse(read_file(self.path)[0], self.path.name).id != self.key.id
        except UnusableFile as error:
            return error.missing
        except pem.InvalidKeyFile:
            return True


class _States(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    current: str
    since: AwareDatetime
    retired: dict[str, AwareDatetime] = {}


class KeyDirectory:
    """A directory of keys. Every call reads the directory. A lock lets only one process change it at a time."""

    def __init__(self, path: Path, insecure_permissions: bool = False) -> None:
        """With `insecure_permissions`, other users may be able to read the keys."""
        self.path = path
        self._insecure_permissions = insecure_permissions

    def __str__(self) -> str:
        return resolve(self.path)

    def files(self) -> list[Path]:
        """Return the files of the keys and of their states. Raises OSError."""
        names = os.listdir(self.path)
        return [self.path / name for name in sorted(names) if name == STATES_FILE or name.endswith(".pem")]

    def read(self) -> list[StoredKey]:
        """Return the next keys, the current key and the retired keys; an empty list if there are no keys.

        Raises MissingCurrentKey, and UnusableKeyDirectory if there is no directory, or a key is invalid.
        """
        try:
            return read_consistently(self.files, self._read)
        except OSError as error:
            if isinstance(error, FileNotFoundError):
                remedy = "Correct the path, or create the directory and a key: flask keys generate"
                raise UnusableKeyDirectory(f"names a directory that does not exist ({self})", remedy) from None
            permit = "Run as the user of the service, who must be able to read the directory and its files"
            raise UnusableKeyDirectory(
                f"cannot be read: {error.strerror} ({self})", permit if isinstance(error, PermissionError) else None
            ) from None

    def read_remaining(self) -> list[StoredKey]:
        """Return what `read` returns, even if the current key was deleted. Raises UnusableKeyDirectory."""
        try:
            return self.read()
        except MissingCurrentKey as error:
            return error.keys

    def add(self, algorithm: str) -> StoredKey:
        """Generate a key: the current key if there is none, otherwise a next key. Raises OSError."""
        with self._locked():
            keys = self.read_remaining()
            current = _current(keys)
            content = pem.generate(algorithm)
            added = pem.parse(content, "the new key")
            if current:
                self._write_states(_states_with_current(keys, current.key, current.since))  # two keys need the file
            elif not keys:
                (self.path / STATES_FILE).unlink(missing_ok=True)  # its keys were deleted by hand
            _write_atomically(self.path / f"{added.id}.pem", content)
            if keys and not current:
                self._write_states(_states_with_current(keys, added, datetime.now(UTC)))
            return next(stored for stored in self.read() if stored.key.id == added.id)

    def rotate(self, successor: StoredKey) -> None:
        """Make a next key the current one, and retire the current key. Raises OSError."""
        with self._locked():
            self._write_states(_states_with_current(self.read_remaining(), successor.key, datetime.now(UTC)))

    def remove(self, stored: StoredKey) -> None:
        """Delete a key that is not current. Tokens signed with it become invalid. Raises OSError."""
        with self._locked():
            for path in self._pem_files():
                if self._read_key(path).id == stored.key.id:
                    path.unlink()
            keys = self.read_remaining()
            if current := _current(keys):
                self._write_states(_states_with_current(keys, current.key, current.since))

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
            keys = {key.id: (key, path) for path in self._pem_files() for key in [self._read_key(path)]}
        except pem.InvalidKeyFile as error:
            raise UnusableKeyDirectory(error.found, error.remedy, error.name) from None
        if not keys:
            return []
        states = self._read_states(keys)
        order: list[State] = ["next", "current", "retired"]
        stored_keys = [_stored_key(key, path, states) for key, path in keys.values()]
        stored_keys.sort(key=lambda stored: (order.index(stored.state), stored.since))
        if states.current not in keys:
            raise MissingCurrentKey(stored_keys)
        return stored_keys

    def _read_key(self, path: Path) -> Key:
        return pem.read(path, self._insecure_permissions)

    def _read_states(self, keys: dict[str, tuple[Key, Path]]) -> _States:
        try:
            return _States.model_validate_json(read_file(self.path / STATES_FILE)[0])
        except UnusableFile as error:
            if error.missing:
                return self._states_of_single_key(keys)
            raise UnusableKeyDirectory(str(error), file=STATES_FILE) from None
        except ValidationError:
            raise UnusableKeyDirectory("is invalid", file=STATES_FILE) from None

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


def _current(keys: list[StoredKey]) -> StoredKey | None:
    return next((stored for stored in keys if stored.state == "current"), None)


def _states_with_current(keys: list[StoredKey], current: Key, since: datetime) -> _States:
    """Return the states in which this key is current and a previous current key is retired, both from `since` on."""
    retired = {stored.key.id: stored.since for stored in keys if stored.state == "retired"}
    retired |= {stored.key.id: since for stored in keys if stored.state == "current" and stored.key.id != current.id}
    return _States(current=current.id, since=since, retired=retired)


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
    except BaseException:
        os.unlink(temporary)
        raise
