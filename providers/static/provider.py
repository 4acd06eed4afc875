"""The provider `static`: a TOML file for a few users, or for emergency access while other stores are unavailable."""

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import ClassVar

from pydantic import Field

from audit.events import Event, write_process_event
from config.errors import translate_errors
from config.reloading import FileUnavailable, ReloadingFile
from config.section import Section
from providers.interface import Check, Denied, Explanation, ProviderUnavailable, User
from providers.static.users_file import UserEntry, UsersFile
from providers.stored_users import authenticate, explain_matches, to_user, users_able_to_log_in


class StaticSettings(Section):
    """The settings of the provider."""

    prefix: ClassVar[str] = "STATIC_"

    users_file: Path = Field(description="the path of a TOML file with a [[users]] table for each user")


def open_static(environ: Mapping[str, str]) -> "StaticProvider":
    """Return the provider for STATIC_USERS_FILE. Raises ConfigurationError if the file is invalid."""
    return StaticProvider(StaticSettings.read(environ).users_file)


def _write_change(before: UsersFile | None, after: UsersFile | None) -> None:
    """Write an event if users were added, removed or changed."""
    old, new = ({entry.username: entry for entry in file.entries} if file else {} for file in (before, after))
    names = [f"+{name}" for name in new if name not in old]
    names += [f"~{name}" for name, entry in new.items() if old.get(name, entry) != entry]
    names += [f"-{name}" for name in old if name not in new]
    if names:
        write_process_event(Event.USERS_FILE_CHANGED, provider="static", details=" ".join(names))


class StaticProvider:
    """Authenticates the users in a TOML file, which is read again when it has changed. Thread-safe."""

    def __init__(self, path: Path) -> None:
        """Raises ConfigurationError if the file is invalid.

        If the file becomes invalid later, the error is logged and the last valid version stays in use. If it is deleted
        later, every method except `check` raises ProviderUnavailable.
        """
        self._path = path
        self._users = ReloadingFile(
            "the users file", lambda: [path], lambda: UsersFile.read(path), on_change=_write_change
        )

    def authenticate(self, login: str, password: str) -> User | Denied:
        """Return the user with this username or email if the password is right."""
        users = self._current_users()
        return authenticate(users.find_by_login(login), login, password, users.decoys)

    def find(self, username: str) -> User | None:
        """Return the user with this username; `None` if the user does not exist or is disabled."""
        return to_user(self._current_users().find(username))

    def has_username(self, username: str) -> bool:
        """Return whether the file has this username, even if the user is disabled."""
        return self._current_users().find(username) is not None

    def check(self) -> Iterator[Check]:
        """Yield the findings about the current file, which may have become invalid."""
        from providers.static.checks import check_users_file

        return check_users_file(self._path)

    def explain(self, login: str) -> Explanation:
        """Explain a login with this username or email."""
        users = self._current_users()
        return explain_matches(users.find_by_login(login), partial(self._describe, users))

    def list_users(self) -> Iterator[User]:
        """Yield the users who can log in."""
        return users_able_to_log_in(self._current_users().entries)

    def list_roles(self) -> frozenset[str]:
        """Return the roles of the users who can log in."""
        return frozenset(role for user in self.list_users() for role in user["roles"])

    def _current_users(self) -> UsersFile:
        with translate_errors(FileUnavailable, to=lambda error: ProviderUnavailable(str(error))):
            return self._users.current()

    def _describe(self, users: UsersFile, entry: UserEntry) -> str:
        return f"user {users.entries.index(entry) + 1} in {self._path.name}"
