"""The check of every entry of a file, and its staging in the database."""

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from itertools import islice

from config.subjects import require_user_subject
from config.text import casefold_name, normalize_name, normalize_role, require_visible
from database.import_staging import CandidateUser, ExcludedRow, StagedImport
from database.tables import NO_PASSWORD
from passwords.errors import UnusableHash
from passwords.schemes import identify
from services.user_import.formats import Entry, UserFields

BATCH_ROWS = 5_000
"""How many rows are in memory at a time."""


class Staging:
    """Stages the entries of one file. Not thread-safe."""

    def __init__(self, staged: StagedImport, extra_roles: Iterable[str], *, without_password: bool) -> None:
        """Each user gets the extra roles, in addition to those of the entry.

        `without_password` accepts users without a usable hash, who then have no password.
        """
        self._staged = staged
        self._extra_roles = tuple(extra_roles)
        self._without_password = without_password
        # The rows of a file have few distinct sets of roles.
        self._role_set = lru_cache(256)(self._add_role_set)

    def stage(self, entries: Iterable[Entry]) -> Iterator[int]:
        """Check and stage every entry, and yield the number of entries of each batch.

        Raises UnreadableFile and DatabaseUnavailable.
        """
        # A generator, so that each entry is freed after its check: its source may be large.
        rows = (self._check(entry) for entry in entries)
        while batch := list(islice(rows, BATCH_ROWS)):
            self._staged.stage(
                [row for row in batch if isinstance(row, CandidateUser)],
                [row for row in batch if isinstance(row, ExcludedRow)],
            )
            yield len(batch)

    def _check(self, entry: Entry) -> CandidateUser | ExcludedRow:
        try:
            if entry.fields is None:
                raise ValueError(entry.error or "the entry is invalid")
            return self._candidate(entry.position, entry.fields)
        except UnusableHash as error:
            return ExcludedRow(entry.position, "rejected", f"the password hash {error}")
        except ValueError as error:
            return ExcludedRow(entry.position, "rejected", str(error))

    def _candidate(self, position: int, fields: UserFields) -> CandidateUser:
        username = _validate_name("username", fields.username, _normalize_username)
        email = _validate_name("email", fields.email, _normalize_new_name) if fields.email else None
        role_set = self._role_set(fields.roles)
        password_hash, is_weak = self._usable_hash(fields.password_hash)
        return CandidateUser(
            position,
            username,
            casefold_name(username),
            email,
            casefold_name(email) if email else None,
            password_hash,
            fields.active,
            is_weak,
            role_set,
        )

    def _usable_hash(self, stored: str | None) -> tuple[str, bool]:
        """Return the hash, and whether it is weak."""
        try:
            if stored is None:
                raise UnusableHash("is missing")
            return stored, identify(stored).weak
        except UnusableHash:
            if self._without_password:
                return NO_PASSWORD, False
            raise

    def _add_role_set(self, names: tuple[str, ...]) -> int:
        valid = [_validate_name("role", name, normalize_role) for name in names]
        return self._staged.add_role_set(dict.fromkeys([*valid, *self._extra_roles]))


def _normalize_new_name(text: str) -> str:
    name = normalize_name(text)
    require_visible(name)
    return name


def _normalize_username(text: str) -> str:
    name = _normalize_new_name(text)
    require_user_subject(name)
    return name


def _validate_name(kind: str, text: str, normalize: Callable[[str], str]) -> str:
    try:
        return normalize(text)
    except ValueError as error:
        raise ValueError(f"the {kind} {error}") from None
