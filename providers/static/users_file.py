"""The TOML file of users: its form, and all that can be wrong with it."""

import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError

from config.errors import ConfigurationError, Problem, validation_message
from config.text import Name, casefold_name
from passwords.hashing import is_policy_hash

VARIABLE = "STATIC_USERS_FILE"


def _usable_hash(text: str) -> str:
    if not is_policy_hash(text):
        raise ValueError("must be a hash that `flask users hash` has printed")
    return text


class UserEntry(BaseModel):
    """One `[[users]]` table."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    username: Name
    email: Name | None = None
    password_hash: Annotated[str, AfterValidator(_usable_hash)]
    roles: list[Name] = []
    active: bool = True


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    users: list[UserEntry]


class UsersFile:
    """One reading of the file. It never changes, so threads can share it."""

    def __init__(self, entries: list[UserEntry]) -> None:
        self.entries = tuple(entries)
        self._by_username = {casefold_name(entry.username): entry for entry in entries}
        if len(self._by_username) < len(entries):
            raise ConfigurationError([Problem(VARIABLE, "has two users of the same username", "Rename one of them")])
        self._by_login: dict[str, list[UserEntry]] = {}
        for entry in entries:
            for login in {casefold_name(entry.username), casefold_name(entry.email or entry.username)}:
                self._by_login.setdefault(login, []).append(entry)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Return what the file holds; ConfigurationError tells every problem by its place, never by value."""
        try:
            return cls(_Document.model_validate(tomllib.loads(path.read_text("utf-8"))).users)
        except OSError as error:
            problems = [Problem(VARIABLE, f"names a file that cannot be read: {error.strerror}")]
        except ValidationError as error:
            problems = [_explain(fault) for fault in error.errors(include_input=False, include_url=False)]
        except ValueError as error:  # not TOML, or not UTF-8; the message may quote the line, so only the place is told
            place = re.search(r"\(at [^()]*\)$", str(error))
            found = f"names a file that is not TOML in UTF-8 {place[0] if place else ''}".rstrip()
            problems = [Problem(VARIABLE, found)]
        raise ConfigurationError(problems)

    def find(self, username: str) -> UserEntry | None:
        """Return the entry of this username, whatever its case."""
        return self._by_username.get(casefold_name(username))

    def matching(self, login: str) -> list[UserEntry]:
        """Return every entry that has this username or e-mail address, whatever its case."""
        return self._by_login.get(casefold_name(login), [])


def _explain(fault: Any) -> Problem:
    path = list(fault["loc"])
    message = validation_message(fault)
    if path[0] == "users" and len(path) > 1:
        path[:2] = [f"user {path[1] + 1}"]
    if fault["type"] == "extra_forbidden":
        message = "is not a setting"
        if path[-1] == "password":
            message = "must not be in the file. Write a password_hash, made with `flask users hash`"
    return Problem(f"{VARIABLE}, {', '.join(str(part) for part in path)}", message)
