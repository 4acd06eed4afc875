"""From a file of users to the user table: every user checked, nobody lost."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import islice

from config.text import casefold_name, normalize_name
from database.import_staging import Candidate, Refusal, UserImport
from passwords.schemes import UnusableHash, identify
from services.user_import.formats.entries import Entry, UserFields

BATCH = 5_000
"""Users that are held in memory at a time."""

RoleSet = Callable[[tuple[str, ...]], int]


def stage(users: UserImport, entries: Iterable[Entry], roles: Sequence[str]) -> Iterator[int]:
    """Check every entry and take it in, its user with these roles too; yields how many more, as it goes on.

    Raises what reading the entries raises, and DatabaseUnavailable.
    """

    # There are few combinations, and each stands in many entries.
    @lru_cache(256)
    def role_set(names: tuple[str, ...]) -> int:
        return users.role_set(dict.fromkeys([*(_name("role", name) for name in names), *roles]))

    # An entry is let go as soon as it is checked: what it was made of may be large.
    checked = (_checked(entry, role_set) for entry in entries)
    while batch := list(islice(checked, BATCH)):
        users.stage(
            [one for one in batch if isinstance(one, Candidate)],
            [one for one in batch if isinstance(one, Refusal)],
        )
        yield len(batch)


def _checked(entry: Entry, role_set: RoleSet) -> Candidate | Refusal:
    if entry.fields is None:
        return Refusal(entry.place, entry.fault or "it cannot be read")
    try:
        return _accepted(entry.place, entry.fields, role_set)
    except UnusableHash as error:
        return Refusal(entry.place, f"its password hash cannot be used: {error}")
    except ValueError as error:
        return Refusal(entry.place, str(error))


def _accepted(place: int, fields: UserFields, role_set: RoleSet) -> Candidate:
    username = _name("username", fields.username)
    email = _name("e-mail address", fields.email) if fields.email else None
    roles = role_set(fields.roles)
    weak = identify(fields.password_hash).weak
    folded_email = casefold_name(email) if email else None
    return Candidate(
        place, username, casefold_name(username), email, folded_email, fields.password_hash, fields.active, weak, roles
    )


def _name(what: str, text: str) -> str:
    try:
        return normalize_name(text)
    except ValueError as error:
        raise ValueError(f"its {what} cannot be used: {error}") from None
