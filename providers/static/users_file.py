"""The TOML file of users: its format and its validation."""

from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError

from config.errors import ConfigurationError, Problem, validation_message
from config.files import read_toml
from config.text import Name, RoleName, casefold_name
from providers.decoys import Decoys
from providers.stored_users import unusable_reason

VARIABLE = "STATIC_USERS_FILE"


def _require_usable_hash(text: str) -> str:
    if reason := unusable_reason(text):
        raise ValueError(f"{reason}: replace it with the output of `flask users hash`")
    return text


class UserEntry(BaseModel):
    """One `[[users]]` table."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    username: Name
    email: Name | None = None
    password_hash: Annotated[str, AfterValidator(_require_usable_hash)]
    roles: list[RoleName] = []
    active: bool = True

    @property
    def has_valid_names(self) -> bool:
        """True: the names are validated when the file is read."""
        return True

    @property
    def record_id(self) -> None:
        """`None`: the file has only the username to identify a user."""
        return


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    users: list[UserEntry]


class UsersFile:
    """The users of one version of the file. Immutable, so threads can share it."""

    def __init__(self, entries: list[UserEntry]) -> None:
        """Raises ConfigurationError if two usernames differ at most in case."""
        self.entries = tuple(entries)
        self.decoys = Decoys(entry.password_hash for entry in entries)
        self._by_username: dict[str, UserEntry] = {}
        for entry in entries:
            if self._by_username.setdefault(casefold_name(entry.username), entry) is not entry:
                found = f"has two users of the same username, {entry.username}"
                raise ConfigurationError([Problem(VARIABLE, found, "Rename one of them")])
        self._by_email: dict[str, list[UserEntry]] = {}
        for entry in entries:
            if entry.email:
                self._by_email.setdefault(casefold_name(entry.email), []).append(entry)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read and validate the file.

        Raises MissingFile, and ConfigurationError with every problem. A problem names its place in the file and never
        quotes a value.
        """
        try:
            return cls(_Document.model_validate(read_toml(VARIABLE, path)).users)
        except ValidationError as error:
            problems = [_problem(fault) for fault in error.errors(include_input=False, include_url=False)]
        raise ConfigurationError(problems)

    def find(self, username: str) -> UserEntry | None:
        """Return the user with this username, ignoring case; `None` if there is no such user."""
        return self._by_username.get(casefold_name(username))

    def find_by_login(self, login: str) -> list[UserEntry]:
        """Return the user with this username, otherwise all users with this email, ignoring case."""
        entry = self.find(login)
        return [entry] if entry else self._by_email.get(casefold_name(login), [])

    def unusable_emails(self) -> list[str]:
        """Return the emails that log no user in, because another user has the same email, or has it as username."""
        return [entry.email for entry in self.entries if entry.email and self.find_by_login(entry.email) != [entry]]


def _problem(fault: Any) -> Problem:
    path = list(fault["loc"])
    found, remedy = validation_message(fault), None
    if path[0] == "users" and len(path) > 1:
        path[:2] = [f"user {path[1] + 1}"]
    if fault["type"] == "extra_forbidden":
        found = "is not a setting"
        if path[-1] == "password":
            found = "must not be in the file"
            remedy = "Write a password_hash instead, made with: flask users hash"
    return Problem(f"{VARIABLE}, {', '.join(map(str, path))}", found, remedy)
