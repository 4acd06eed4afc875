"""From an environment to the services of one application."""

import logging
from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

from config.clients import OAuthSettings
from config.environment import has_database
from config.errors import ConfigurationError, gather
from config.settings import ProviderSettings, SessionSettings, TokenSettings
from database.errors import DatabaseUnavailable
from passwords.policy import PasswordPolicy
from providers.registry import open_provider
from services.chain import Chain, Link
from services.clients import Clients
from services.context import Services
from services.jwt_handler import TokenIssuer
from services.keys.sources import open_keys

if TYPE_CHECKING:
    from database.user_editor import UserEditor
    from services.sessions.sessions import SessionStore

log = logging.getLogger(__name__)


def assemble(environ: Mapping[str, str]) -> Services:
    """Build the services. ConfigurationError lists every problem of every section at once."""
    keys, tokens, chain, oauth, policy, store = gather(
        lambda: open_keys(environ),
        lambda: TokenSettings.read(environ),
        lambda: _open_chain(environ),
        lambda: OAuthSettings.read(environ),
        lambda: PasswordPolicy.read(environ),
        lambda: _open_store(environ),
    )
    issuer = TokenIssuer(keys, tokens, store.revocations if store else None)
    sessions = store.sessions(chain, issuer) if store else None
    clients = Clients(oauth.registered(), oauth.password_grant)
    misfit = partial(_misfit, _engine(environ)) if store else _fits
    return Services(chain, keys, issuer, sessions, clients, policy, _users(environ), misfit)


def require_fitting_database(environ: Mapping[str, str]) -> None:
    """Raise ConfigurationError if the database's tables are older than this version's.

    A database that cannot be asked is an outage, which keeps nothing from starting.
    """
    if not has_database(environ):
        return
    engine = _engine(environ)
    try:
        why = _misfit(engine)
    except DatabaseUnavailable as error:
        log.warning("the database cannot be asked: %s", error)
        return
    finally:
        engine.dispose()  # a server forks its workers now, and two processes must not share a connection
    if why:
        raise ConfigurationError([f"DATABASE_URL cannot be used yet: {why}."])


def _engine(environ: Mapping[str, str]) -> Any:
    return import_module("database.engine").open_engine(environ)


def _misfit(engine: Any) -> str | None:
    return import_module("database.schema").misfit(engine)  # type: ignore[no-any-return]


def _users(environ: Mapping[str, str]) -> "Callable[[str], UserEditor] | None":
    if "database" not in ProviderSettings.read(environ).provider:
        return None
    return partial(import_module("database.user_editor").UserEditor, _engine(environ))


def _fits() -> None:
    """Answer for a service that has no database."""


def _open_store(environ: Mapping[str, str]) -> "SessionStore | None":
    settings = SessionSettings.read(environ)
    if not has_database(environ):
        return None
    return import_module("services.sessions.sessions").open_store(environ, settings)  # type: ignore[no-any-return]


def _open_chain(environ: Mapping[str, str]) -> Chain:
    settings = ProviderSettings.read(environ)
    opened = (partial(open_provider, name, environ) for name in dict.fromkeys(settings.provider))
    _, *providers = gather(lambda: _check_names(settings), *opened)
    return Chain(
        [
            Link(name, provider, next_on_outage=name in settings.next_on_outage)
            for name, provider in zip(settings.provider, providers, strict=True)
        ]
    )


def _check_names(settings: ProviderSettings) -> None:
    problems = []
    if len(set(settings.provider)) < len(settings.provider):
        problems.append("AUTH_PROVIDER cannot be used: a name stands there twice. Write each once.")
    if not set(settings.next_on_outage) <= set(settings.provider):
        problems.append("AUTH_NEXT_ON_OUTAGE cannot be used. Write only names that AUTH_PROVIDER has.")
    if problems:
        raise ConfigurationError(problems)
