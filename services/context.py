"""The services of the running application.

The functions of the tutorial (`generate_jwt`, `authenticate`) take no application. They use the services of
Flask's current application; outside an application context, those of the application that was created last.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flask import current_app

from config.errors import Problem
from passwords.policy import PasswordPolicy
from services.chain import Chain
from services.clients import Clients
from services.keys.ring import KeySource
from services.tokens.issuer import TokenIssuer

if TYPE_CHECKING:  # these import SQLAlchemy, which a stateless service never does
    from database.user_editor import UserEditor
    from services.sessions.sessions import Sessions

EXTENSION = "latchkey"
"""The key of the services in `Flask.extensions`."""


@dataclass(frozen=True)
class Services:
    """Everything that one application authenticates with."""

    chain: Chain
    keys: KeySource
    issuer: TokenIssuer
    sessions: "Sessions | None"
    """`None` without a database."""
    clients: Clients
    policy: PasswordPolicy
    users: "Callable[[str], UserEditor] | None"
    """Returns the editor of the user table for the operator of this name; `None` without a user table."""
    schema_problem: Callable[[], Problem | None]
    """Returns why the schema of the database cannot be used; `None` if it can, or there is no database."""


_default: Services | None = None


def set_default_services(services: Services) -> None:
    """Set the services to use outside an application context."""
    global _default  # noqa: PLW0603 - one for the process, since the tutorial's functions take no application
    _default = services


def current_services() -> Services:
    """Return the services of the running application; RuntimeError if none was created."""
    services: Services | None = current_app.extensions.get(EXTENSION) if current_app else None
    services = services or _default
    if services is None:
        raise RuntimeError("no application has been created: call app.create_app() first")
    return services
