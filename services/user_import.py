"""From a file of users to the user table: every user checked, nobody lost."""

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import islice

from config.names import accept_name, fold
from database.user_import import Candidate, Refusal, UserImport
from providers.hash_schemes import UnusableHash, recognise
from services.user_files.entries import Entry

BATCH = 5_000
"""Users that are held in memory at a time."""


def stage(users: UserImport, entries: Iterable[Entry], roles: Sequence[str]) -> Iterator[int]:
    """Check every entry and take it in, its user with these roles too; yields how many more, as it goes on.

    Raises what reading the entries raises, and DatabaseUnavailable.
    """
    remaining = iter(entries)
    while batch := list(islice(remaining, BATCH)):
        checked = [_checked(entry) for entry in batch]
        users.stage(
            [one for one in checked if isinstance(one, Candidate)],
            [
                held
                for entry, one in zip(batch, checked, strict=True)
                if isinstance(one, Candidate)
                for held in _held(entry, roles)
            ],
            [one for one in checked if isinstance(one, Refusal)],
        )
        yield len(batch)


def _checked(entry: Entry) -> Candidate | Refusal:
    if entry.fields is None:
        return Refusal(entry.place, entry.fault or "it cannot be read")
    try:
        username = _name("username", entry.fields.username)
        email = _name("e-mail address", entry.fields.email) if entry.fields.email else None
        for role in entry.fields.roles:
            _role(role)
        kind = recognise(entry.fields.password_hash)
    except UnusableHash as error:
        return Refusal(entry.place, f"its password hash cannot be used: {error}")
    except ValueError as error:
        return Refusal(entry.place, str(error))
    folded_email = fold(email) if email else None
    return Candidate(
        entry.place,
        username,
        fold(username),
        email,
        folded_email,
        entry.fields.password_hash,
        entry.fields.active,
        kind.weak,
    )


def _name(what: str, text: str) -> str:
    try:
        return accept_name(text)
    except ValueError as error:
        raise ValueError(f"its {what} cannot be used: {error}") from None


# There are few, and each stands in many entries.
@lru_cache(1024)
def _role(text: str) -> str:
    return _name("role", text)


def _held(entry: Entry, roles: Sequence[str]) -> Iterator[tuple[int, str]]:
    """Yield the place and the name of each role of an entry, once."""
    of_entry = entry.fields.roles if entry.fields else ()
    return ((entry.place, name) for name in dict.fromkeys([*map(_role, of_entry), *roles]))
