"""What there is to say of a users file."""

import os
from collections.abc import Iterator
from pathlib import Path
from shlex import quote

from config.errors import ConfigurationError, Problem
from config.permissions import is_readable_by_others, is_writable_by_others
from passwords.schemes import identify
from providers.interface import Check
from providers.static.users_file import VARIABLE, UsersFile


def check_users_file(path: Path) -> Iterator[Check]:
    """Yield what was found, as `SupportsCheck` has it."""
    try:
        users = UsersFile.read(path)
        status = os.stat(path)
    except ConfigurationError as error:
        yield from (_unusable_file(problem) for problem in error.problems)
        return
    except OSError as error:  # it went between the two
        yield _unusable_file(Problem(VARIABLE, f"names a file that cannot be read: {error.strerror}"))
        return
    yield Check("users file", "ok", f"{path} can be read, and is a users file")
    yield _permissions(path, status)
    yield _users(users)
    yield _hashes(users)


def _unusable_file(problem: Problem) -> Check:
    remedy = problem.remedy or "Correct the file, or set STATIC_USERS_FILE to another one"
    return Check("users file", "failure", problem.statement, remedy)


def _permissions(path: Path, status: os.stat_result) -> Check:
    chmod = f"Run: chmod 600 {quote(str(path))} (as its owner, whom the service runs as)"
    if is_writable_by_others(status):
        return Check("permissions", "failure", "others can write to it, and so make themselves admins", chmod)
    if is_readable_by_others(status):
        return Check("permissions", "warning", "others can read it, and try the password hashes at leisure", chmod)
    return Check("permissions", "ok", "only its owner, or the service's group, can read it")


def _users(users: UsersFile) -> Check:
    active = sum(entry.active for entry in users.entries)
    found = f"{len(users.entries)}, of whom {active} can log in"
    if active:
        return Check("users", "ok", found)
    return Check("users", "warning", found, "Add a [[users]] table, or take `active = false` out of one")


def _hashes(users: UsersFile) -> Check:
    weak = [entry.username for entry in users.entries if identify(entry.password_hash).weak]
    if not weak:
        return Check("hashes", "ok", "all are as strong as the policy asks")
    found = f"{len(weak)} weaker than the policy, such as that of {weak[0]}"
    return Check("hashes", "warning", found, "Make new ones with: flask users hash")
