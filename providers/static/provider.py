"""Users in a TOML file: for a handful of people, or as the way in when all else is down."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import ClassVar

from pydantic import Field

from config.reloading import ReloadingFile
from config.section import Section
from providers.interface import Check, Denied, Explanation, User
from providers.static.checks import check_users_file
from providers.static.users_file import UserEntry, UsersFile
from providers.stored_users import explain_stored, judge, to_user, users_able_to_log_in


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
        self._path = path
        self._users = ReloadingFile("the users file", lambda: [path], lambda: UsersFile.read(path))

    def authenticate(self, login: str, password: str) -> User | Denied:
        """Return the user with this username or e-mail address, if the password is theirs."""
        return judge(self._users.current().matching(login), password)

    def find(self, username: str) -> User | None:
        """Return the user of this name as the file has them now."""
        return to_user(self._users.current().find(username))

    def check(self) -> Iterator[Check]:
        """Yield what is to be said of the file as it is now, broken or not."""
        return check_users_file(self._path)

    def explain(self, login: str) -> Explanation:
        """Return what this username or e-mail address would give."""
        users = self._users.current()
        return explain_stored(users.matching(login), lambda entry: self._place_of(users, entry))

    def list_users(self) -> Iterator[User]:
        """Yield everybody who could log in."""
        return users_able_to_log_in(self._users.current().entries)

    def list_roles(self) -> frozenset[str]:
        """Return the roles of all who could log in."""
        return frozenset(role for user in self.list_users() for role in user["roles"])

    def _place_of(self, users: UsersFile, entry: UserEntry) -> str:
        return f"user {users.entries.index(entry) + 1} in {self._path.name}"
