"""What there is to say of the user table."""

from collections.abc import Iterator

from database.errors import DatabaseUnavailable
from database.user_filter import UserFilter
from database.user_table import ADMIN_ROLE, UserTable
from providers.interface import Check
from providers.stored_users import unusable_reason

LOOKED_AT = 1000
"""Password hashes: to count those of a million users takes a second, and `flask users inventory` does."""


def check_user_table(table: UserTable) -> Iterator[Check]:
    """Yield what was found, as `SupportsCheck` has it."""
    try:
        yield _users(table)
        yield _admin(table)
        yield _hashes(table)
    except DatabaseUnavailable as error:
        yield Check("user table", "failure", f"unavailable: {error.reason}", error.remedy or "Check DATABASE_URL")


def _users(table: UserTable) -> Check:
    total, active = table.count(), table.count(active=True)
    found = f"{total:,}, of whom {active:,} are active"
    return Check("users", "ok", found) if active else Check("users", "warning", found, "Run: flask users add")


def _admin(table: UserTable) -> Check:
    if table.page(UserFilter(role=ADMIN_ROLE, active=True), 1):
        return Check("admin", "ok", f"somebody active has the role {ADMIN_ROLE}")
    found = f"nobody active has the role {ADMIN_ROLE}, so nobody can tend the users over HTTP"
    return Check("admin", "warning", found, f"Run: flask users grant LOGIN {ADMIN_ROLE}")


def _hashes(table: UserTable) -> Check:
    stored = table.newest_hashes(LOOKED_AT)
    unusable = sum(unusable_reason(one) is not None for one in stored)
    found = f"of the {len(stored):,} newest, {unusable:,} are such that nobody can log in with them"
    if unusable:
        return Check("hashes", "warning", found, "Run: flask users inventory, then flask users set-password")
    return Check("hashes", "ok", found)
