"""The administrator who sends a request to `/api/users` or `/api/tokens`."""

from typing import NamedTuple

from config.service_settings import ADMIN_ROLE
from services.auth_guard import RoleRequired
from services.caller import current_caller
from services.context import current_services
from services.tokens.claims import Claims


class Administrator(NamedTuple):
    """A caller who has the role `admin` now."""

    name: str
    """The name for audit events."""
    grantable_roles: frozenset[str]
    """The roles that they have themselves, and those of ADMIN_GRANTABLE_ROLES."""


def current_administrator(claims: Claims) -> Administrator:
    """Return the caller with these claims, who must be an administrator now.

    Raises RoleRequired, and what `current_caller` raises.
    """
    caller = current_caller(claims)
    if ADMIN_ROLE not in caller["roles"]:
        raise RoleRequired
    name = caller_name(caller["idp"], caller["username"])
    return Administrator(name, current_services().grantable_roles.union(caller["roles"]))


def caller_name(provider: str, username: str) -> str:
    """Return the name of a caller for audit events."""
    return f"{provider}:{username}"
