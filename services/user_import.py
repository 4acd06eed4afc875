"""From a file of users to the user table: every user checked, nobody lost."""

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import islice
from typing import NamedTuple

from config.names import accept_name, fold
from database.user_import import Candidate, Refusal, UserImport
from providers.hash_schemes import UnusableHash, recognise
from services.user_files.entries import Entry, Fields

BATCH = 5_000
"""Users that are held in memory at a time."""


class _Accepted(NamedTuple):
    candidate: Candidate
    roles: Iterable[str]


def stage(users: UserImport, entries: Iterable[Entry], roles: Sequence[str]) -> Iterator[int]:
    """Check every entry and take it in, its user with these roles too; yields how many more, as it goes on.

    Raises what reading the entries raises, and DatabaseUnavailable.
    """
    # An entry is let go as soon as it is checked: what it was made of may be large.
    checked = (_checked(entry, roles) for entry in entries)
    while batch := list(islice(checked, BATCH)):
        accepted = [one for one in batch if isinstance(one, _Accepted)]
        users.stage(
            [one.candidate for one in accepted],
            [(one.candidate.place, name) for one in accepted for name in one.roles],
            [one for one in batch if isinstance(one, Refusal)],
        )
        yield len(batch)


def _checked(entry: Entry, roles: Sequence[str]) -> _Accepted | Refusal:
    if entry.fields is None:
        return Refusal(entry.place, entry.fault or "it cannot be read")
    try:
        return _accepted(entry.place, entry.fields, roles)
    except UnusableHash as error:
        return Refusal(entry.place, f"its password hash cannot be used: {error}")
    except ValueError as error:
        return Refusal(entry.place, str(error))


def _accepted(place: int, fields: Fields, roles: Sequence[str]) -> _Accepted:
    username = _name("username", fields.username)
    email = _name("e-mail address", fields.email) if fields.email else None
    names = dict.fromkeys([*map(_role, fields.roles), *roles])
    weak = recognise(fields.password_hash).weak
    folded_email = fold(email) if email else None
    candidate = Candidate(
        place, username, fold(username), email, folded_email, fields.password_hash, fields.active, weak
    )
    return _Accepted(candidate, names)


def _name(what: str, text: str) -> str:
    try:
        return accept_name(text)
    except ValueError as error:
        raise ValueError(f"its {what} cannot be used: {error}") from None


# There are few, and each stands in many entries.
@lru_cache(1024)
def _role(text: str) -> str:
    return _name("role", text)
