"""Users in a TOML file: for a handful of people, or as the way in when all else is down."""

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from pydantic import Field

from config.section import Section
from config.watched import Watched
from providers.interface import Denied, User
from providers.stored_users import as_user, judge
from providers.users_file import UsersFile


class StaticSettings(Section):
    """Where the users are."""

    prefix: ClassVar[str] = "STATIC_"

    users_file: Path = Field(description="the path of a TOML file with a [[users]] table for each user")


def open_static(environ: Mapping[str, str]) -> "StaticProvider":
    """Build the provider from STATIC_USERS_FILE; ConfigurationError if it cannot be used."""
    return StaticProvider(StaticSettings.read(environ).users_file)


class StaticProvider:
    """Asks a users file, and reads it again when it has changed. Thread-safe."""

    def __init__(self, path: Path) -> None:
        """Raises ConfigurationError if the file cannot be used now."""
        self._users = Watched("the users file", lambda: [path], lambda: UsersFile.read(path))

    def authenticate(self, login: str, password: str) -> User | Denied:
        """Return the user with this username or e-mail address, if the password is theirs."""
        return judge(self._users.current().matching(login), password)

    def find(self, username: str) -> User | None:
        """Return the user of this name as the file has them now."""
        return as_user(self._users.current().find(username))
