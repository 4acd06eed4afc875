"""The services of the application that is running.

The functions people know from the tutorial (`generate_jwt`, `authenticate`) take no application.
They work for the one whose context is entered; outside of any, for the one created last, which in
a program with a single application is always that one.
"""

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from database.user_editor import UserEditor
    from passwords.policy import PasswordPolicy
    from services.chain import Chain
    from services.clients import Clients
    from services.jwt_handler import TokenIssuer
    from services.keys.ring import KeySource
    from services.sessions.sessions import Sessions


@dataclass(frozen=True)
class Services:
    """All that one application authenticates with."""

    chain: "Chain"
    keys: "KeySource"
    issuer: "TokenIssuer"
    sessions: "Sessions | None"
    """`None` without a database."""
    clients: "Clients"
    policy: "PasswordPolicy"
    users: "Callable[[str], UserEditor] | None"
    """The user table in the hands of the operator who is named; `None` where this application has none."""
    misfit: "Callable[[], str | None]"
    """Says why the database does not fit this version, `None` if it does or there is none."""


_entered: ContextVar[Services | None] = ContextVar("services", default=None)
_created: Services | None = None


def created(services: Services) -> None:
    """Take note of a new application's services."""
    global _created  # noqa: PLW0603 - the process has one, as the tutorial's functions have no application to ask
    _created = services


def entered(services: Services | None) -> None:
    """Take note that an application's context was entered here; `None` that the last one was left."""
    _entered.set(services)


def current() -> Services:
    """Return the services to use here and now; RuntimeError if no application was created yet."""
    services = _entered.get() or _created
    if services is None:
        raise RuntimeError("no application has been created yet: call app.create_app() first")
    return services
