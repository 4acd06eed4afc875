"""The check of every entry of a file, and its staging in the database."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import islice

from config.text import casefold_name, normalize_name, require_visible
from database.import_staging import CandidateUser, RejectedRow, StagedImport
from passwords.errors import UnusableHash
from passwords.schemes import identify
from services.user_import.formats import Entry, UserFields

BATCH_ROWS = 5_000
"""How many rows are in memory at a time."""

AddRoleSet = Callable[[tuple[str, ...]], int]


def stage_entries(staged: StagedImport, entries: Iterable[Entry], extra_roles: Sequence[str]) -> Iterator[int]:
    """Check and stage every entry, and yield the number of entries of each batch.

    Each user gets the extra roles, in addition to those of the entry. Raises UnreadableFile and DatabaseUnavailable.
    """

    # The rows of a file have few distinct sets of roles.
    @lru_cache(256)
    def add_role_set(names: tuple[str, ...]) -> int:
        valid = [_validate_name("role", name) for name in names]
        return staged.add_role_set(dict.fromkeys([*valid, *extra_roles]))

    # A generator, so that each entry is freed after its check: its source may be large.
    rows = (_check_entry(entry, add_role_set) for entry in entries)
    while batch := list(islice(rows, BATCH_ROWS)):
        staged.stage(
            [row for row in batch if isinstance(row, CandidateUser)],
            [row for row in batch if isinstance(row, RejectedRow)],
        )
        yield len(batch)


def _check_entry(entry: Entry, add_role_set: AddRoleSet) -> CandidateUser | RejectedRow:
    if entry.fields is None:
        return RejectedRow(entry.position, entry.error or "the entry is invalid")
    try:
        return _candidate(entry.position, entry.fields, add_role_set)
    except UnusableHash as error:
        return RejectedRow(entry.position, f"the password hash {error}")
    except ValueError as error:
        return RejectedRow(entry.position, str(error))


def _candidate(position: int, fields: UserFields, add_role_set: AddRoleSet) -> CandidateUser:
    username = _validate_name("username", fields.username, _normalize_new_name)
    email = _validate_name("email", fields.email, _normalize_new_name) if fields.email else None
    role_set = add_role_set(fields.roles)
    return CandidateUser(
        position,
        username,
        casefold_name(username),
        email,
        casefold_name(email) if email else None,
        fields.password_hash,
        fields.active,
        identify(fields.password_hash).weak,
        role_set,
    )


def _normalize_new_name(text: str) -> str:
    name = normalize_name(text)
    require_visible(name)
    return name


def _validate_name(kind: str, text: str, normalize: Callable[[str], str] = normalize_name) -> str:
    try:
        return normalize(text)
    except ValueError as error:
        raise ValueError(f"the {kind} {error}") from None
