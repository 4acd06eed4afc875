"""The checks of a users file."""

from collections.abc import Iterator
from pathlib import Path

from config.errors import ConfigurationError, Problem
from config.text import is_visible
from passwords.schemes import identify
from providers.interface import Check
from providers.static.users_file import UsersFile
from providers.stored_users import describe_users


def check_users_file(path: Path) -> Iterator[Check]:
    """Yield the findings about the file, as defined by `SupportsCheck`."""
    try:
        users = UsersFile.read(path)
    except ConfigurationError as error:
        yield from (_invalid_file(problem) for problem in error.problems)
        return
    yield Check("users file", "ok", f"{path} is valid")
    yield _check_users(users)
    yield _check_names(users)
    yield _check_hashes(users)


def _invalid_file(problem: Problem) -> Check:
    remedy = problem.remedy or "Correct the file, or set STATIC_USERS_FILE to another file"
    return Check("users file", "failure", problem.statement, remedy)


def _check_users(users: UsersFile) -> Check:
    active = sum(entry.active for entry in users.entries)
    found = describe_users(len(users.entries), active)
    if active:
        return Check("users", "ok", found)
    return Check("users", "warning", found, "Add a [[users]] table, or remove `active = false` from one")


def _check_names(users: UsersFile) -> Check:
    if unusable := users.unusable_emails():
        found = f"{len(unusable)} emails are another user's email or username too, for example {unusable[0]}"
        return Check("names", "warning", found, "Give each user another email; until then, they log in by username")
    names = (name for entry in users.entries for name in (entry.username, entry.email) if name)
    if invisible := [name for name in names if not is_visible(name)]:
        found = f"{len(invisible)} names have invisible characters, for example {invisible[0]!a}"
        return Check("names", "warning", found, "Rename these users: two users may have names that look the same")
    return Check("names", "ok", "no two users have the same name, and all characters are visible")


def _check_hashes(users: UsersFile) -> Check:
    weak = [entry.username for entry in users.entries if identify(entry.password_hash).weak]
    if not weak:
        return Check("hashes", "ok", "no password hash is weak")
    found = f"{len(weak)} password hashes are weak, for example that of {weak[0]}"
    return Check("hashes", "warning", found, "Run: flask users hash, and replace them in the file")
