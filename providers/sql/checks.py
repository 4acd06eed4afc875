"""The checks of the user table."""

from collections.abc import Iterator

from config.service_settings import ADMIN_ROLE
from database.errors import DatabaseUnavailable
from database.user_filter import UserFilter
from database.user_table import UserTable
from providers.interface import Check
from providers.stored_users import describe_users, unusable_reason

CHECKED_USERS = 1000
"""Only the names of so many of the newest users are checked. A login checks the names of its user."""
CHECKED_HASHES = 1000
"""Only so many of the newest password hashes are checked. `flask users hash-report` checks all hashes."""


def check_user_table(table: UserTable) -> Iterator[Check]:
    """Yield the findings about the table, as defined by `SupportsCheck`."""
    try:
        yield _check_users(table)
        yield _check_admins(table)
        yield _check_names(table)
        yield _check_hashes(table)
    except DatabaseUnavailable as error:
        yield Check("user table", "failure", f"unavailable: {error.reason}", error.remedy or "Check DATABASE_URL")


def _check_users(table: UserTable) -> Check:
    total, active = table.count(), table.count(active=True)
    found = describe_users(total, active)
    return Check("users", "ok", found) if active else Check("users", "warning", found, "Run: flask users add")


def _check_admins(table: UserTable) -> Check:
    if table.page(UserFilter(role=ADMIN_ROLE, active=True), 1):
        return Check("admin", "ok", f"an active user has the role {ADMIN_ROLE}")
    found = f"no active user has the role {ADMIN_ROLE}, so users cannot be managed over HTTP"
    return Check("admin", "warning", found, f"Run: flask users add-role LOGIN {ADMIN_ROLE}")


def _check_names(table: UserTable) -> Check:
    rows = table.page(UserFilter(sort="created", reverse=True), CHECKED_USERS)
    invalid = [row.id for row in rows if not row.has_valid_names]
    if not invalid:
        return Check("names", "ok", f"the names of the newest users are consistent ({len(rows):,} checked)")
    found = (
        f"{len(invalid):,} of the newest {len(rows):,} users are denied: a name was changed with SQL. Id {invalid[0]}"
    )
    return Check("names", "warning", found, "Undo the change, then run: flask users update")


def _check_hashes(table: UserTable) -> Check:
    hashes = table.newest_hashes(CHECKED_HASHES)
    unusable = sum(unusable_reason(password_hash) is not None for password_hash in hashes)
    if unusable:
        found = f"{unusable:,} of the {len(hashes):,} newest hashes are unusable: no password matches them"
        return Check(
            "hashes",
            "warning",
            found,
            "Run: flask users hash-report, then flask users reset LOGIN for each of these users",
        )
    return Check("hashes", "ok", f"the newest hashes are usable ({len(hashes):,} checked)")
