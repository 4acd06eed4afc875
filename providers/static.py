"""Users in a TOML file: for a handful of people, or as the way in when all else is down."""

import logging
import os
from collections.abc import Mapping
from pathlib import Path
from threading import Lock
from typing import ClassVar

from pydantic import Field

from config.problems import ConfigurationError
from config.section import Section
from providers.interface import Denied, User
from providers.stored_users import as_user, judge
from providers.users_file import UsersFile

log = logging.getLogger(__name__)


class StaticSettings(Section):
    """Where the users are."""

    prefix: ClassVar[str] = "STATIC_"

    users_file: Path = Field(description="the path of a TOML file with a [[users]] table for each user")


def open_static(environ: Mapping[str, str]) -> "StaticProvider":
    """Build the provider from STATIC_USERS_FILE; ConfigurationError if it cannot be used."""
    return StaticProvider(StaticSettings.read(environ).users_file)


class StaticProvider:
    """Asks a users file, and reads it again when it has changed.

    An edit that breaks the file is logged, and the last good reading stays in force. Thread-safe.
    """

    def __init__(self, path: Path) -> None:
        """Raises ConfigurationError if the file cannot be used now."""
        self._path = path
        self._lock = Lock()
        self._seen = _state(path)
        self._users = UsersFile.read(path)

    def authenticate(self, login: str, password: str) -> User | Denied:
        """Return the user with this username or e-mail address, if the password is theirs."""
        return judge(self._current().matching(login), password)

    def find(self, username: str) -> User | None:
        """Return the user of this name as the file has them now."""
        return as_user(self._current().find(username))

    def _current(self) -> UsersFile:
        state = _state(self._path)
        if state != self._seen:
            with self._lock:
                if state != self._seen:
                    self._seen = state
                    self._reload()
        return self._users

    def _reload(self) -> None:
        try:
            self._users = UsersFile.read(self._path)
        except ConfigurationError as error:
            log.error("the users file is kept as it last was: %s", " ".join(error.problems))  # noqa: TRY400
        else:
            log.info("the users file has changed and was read again")


def _state(path: Path) -> tuple[int, ...] | None:
    """Return what differs between two versions of a file, `None` if there is none to read."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
