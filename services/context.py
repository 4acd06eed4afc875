"""The services of the running application.

The tutorial's functions, such as `generate_jwt` and `authenticate`, do not take an application. They use the
services of Flask's current application; outside an application context, those of the application that was
created last. Only functions that HTTP views or scripts call look the services up here. Classes receive what they
need when they are created.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flask import Flask, Request, current_app, g, has_request_context, request
from pydantic import SecretStr

from config.errors import Problem
from config.text import escape
from config.trusted_proxies import Networks
from database.session_row import MAX_USER_AGENT_LENGTH, UNKNOWN_ORIGIN, LoginOrigin
from passwords.policy import PasswordPolicy
from services.chain import Chain
from services.clients import Clients
from services.keys.ring import KeySource
from services.sessions.errors import SessionsDisabled
from services.throttle.client_address import Address, client_address, is_trusted_peer
from services.tokens.issuer import TokenIssuer

if TYPE_CHECKING:  # they import SQLAlchemy, which a service without a database never does, or take long to import
    from database.service_token_table import ServiceTokenTable
    from database.user_editor import UserEditor
    from services.sessions.sessions import Sessions
    from services.throttle.login_throttle import LoginThrottle

# The objects behind Flask's proxies, for what each request does: reading two attributes of a proxy takes as long as the
# checks of the expiry, the revocation and the roles of a token. Outside its context, each function raises RuntimeError.
current_request: Callable[[], Request] = request._get_current_object  # type: ignore[attr-defined]  # noqa: SLF001 - in Flask's documentation
current_globals: Callable[[], Any] = g._get_current_object  # noqa: SLF001 - in Flask's documentation
_current_app: Callable[[], Flask] = current_app._get_current_object  # type: ignore[attr-defined]  # noqa: SLF001 - in Flask's documentation

EXTENSION = "latchkey"
"""The key of the services in `Flask.extensions`."""


@dataclass(frozen=True)
class Services:
    """The services of one application."""

    chain: Chain
    throttle: "LoginThrottle"
    trusted_proxies: int | Networks
    """The reverse proxies that report the address of the client: their number, or their networks."""
    cors_origins: tuple[str, ...]
    """The origins of the web pages that may call the service."""
    keys: KeySource
    issuer: TokenIssuer
    sessions: "Sessions | None"
    """`None` without a database."""
    service_tokens: "ServiceTokenTable | None"
    """`None` without a database."""
    clients: Clients
    password_policy: PasswordPolicy
    user_editor: "Callable[[str, frozenset[str] | None], UserEditor] | None"
    """Returns an editor of the user table for the name of an operator and the roles that the operator may grant.

    `None` if no provider uses the table.
    """
    grantable_roles: frozenset[str]
    """The roles that every administrator may grant, also without having them."""
    metrics_token: SecretStr | None
    """The secret that Prometheus sends; `None` if there are no metrics."""
    metrics_directory: str | None
    """Where the processes of one server share their metrics; `None` if there is one process."""
    schema_problem: Callable[[], Problem | None]
    """Returns why the database schema cannot be used; `None` if it can, or without a database.

    Raises DatabaseUnavailable.
    """


_default: Services | None = None


def register_services(app: Flask, services: Services) -> None:
    """Give an application its services, which are also the default outside an application context."""
    global _default  # noqa: PLW0603 - one for the process, since the tutorial's functions take no application
    app.extensions[EXTENSION] = _default = services


def services_of(app: Flask) -> Services:
    """Return the services of an application that `create_app` has returned."""
    services: Services = app.extensions[EXTENSION]
    return services


def current_services() -> Services:
    """Return the services of the running application. Raises RuntimeError if the process has created none."""
    try:
        services: Services | None = _current_app().extensions.get(EXTENSION)
    except RuntimeError:  # outside an application context
        services = None
    services = services or _default
    if services is None:
        raise RuntimeError(
            "no application has Latchkey's services: call install(app, open_services()), or create_app()"
        )
    return services


def current_sessions() -> "Sessions":
    """Return the sessions of the running application. Raises SessionsDisabled if it has no database."""
    sessions = current_services().sessions
    if sessions is None:
        raise SessionsDisabled
    return sessions


def current_login_origin() -> LoginOrigin:
    """Return where the client of the current request is; nothing outside a request."""
    if not has_request_context():
        return UNKNOWN_ORIGIN
    address = current_client_address()
    user_agent = escape(request.headers.get("User-Agent", ""))[:MAX_USER_AGENT_LENGTH]
    return LoginOrigin(str(address) if address else None, user_agent or None)


def current_client_address() -> Address | None:
    """Return the address of the client of the current request; `None` outside a request, or if it is unknown."""
    try:
        environ = current_request().environ
    except RuntimeError:
        return None
    peer, forwarded_for = environ.get("REMOTE_ADDR") or "", environ.get("HTTP_X_FORWARDED_FOR", "")
    return client_address(peer, forwarded_for, current_services().trusted_proxies)


def is_from_trusted_proxy() -> bool:
    """Return whether the current request comes directly from a reverse proxy of TRUSTED_PROXIES."""
    return is_trusted_peer(current_request().environ.get("REMOTE_ADDR") or "", current_services().trusted_proxies)
