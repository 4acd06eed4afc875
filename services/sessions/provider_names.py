"""Sessions of a provider that AUTH_PROVIDER does not name, or spells in another way. Imports SQLAlchemy."""

from collections.abc import Collection
from typing import Any

from config.errors import Problem
from database.session_providers import providers_of_sessions


def renamed_provider(engine: Any, names: Collection[str]) -> Problem | None:
    """Return the problem that the newest sessions are of a provider that is not among `names`; `None` if none is.

    Raises DatabaseUnavailable.
    """
    others = sorted(providers_of_sessions(engine) - {*names})
    if not others:
        return None
    found = f"does not name {', '.join(others)}, of which there are sessions: they end at their next refresh"
    remedy = (
        "If this is another spelling of the same provider, restore the former one: the spelling is the claim `idp`, and"
        " with another one every user is another user to the services that verify tokens"
    )
    return Problem("AUTH_PROVIDER", found, remedy)
