"""From an environment to the services of one application."""

from collections.abc import Mapping
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING

from config.clients import OAuthSettings
from config.environment import has_database
from config.problems import ConfigurationError, gather
from config.settings import ProviderSettings, SessionSettings, TokenSettings
from providers.registry import open_provider
from services.chain import Chain, Link
from services.clients import Clients
from services.current import Services
from services.jwt_handler import TokenIssuer
from services.key_sources import open_keys

if TYPE_CHECKING:
    from services.sessions import SessionStore


def assemble(environ: Mapping[str, str]) -> Services:
    """Build the services. ConfigurationError lists every problem of every section at once."""
    keys, tokens, chain, oauth, store = gather(
        lambda: open_keys(environ),
        lambda: TokenSettings.read(environ),
        lambda: _open_chain(environ),
        lambda: OAuthSettings.read(environ),
        lambda: _open_store(environ),
    )
    issuer = TokenIssuer(keys, tokens, store.revocations if store else None)
    sessions = store.sessions(chain, issuer) if store else None
    return Services(chain, keys, issuer, sessions, Clients(oauth.registered(), oauth.password_grant))


def _open_store(environ: Mapping[str, str]) -> "SessionStore | None":
    settings = SessionSettings.read(environ)
    if not has_database(environ):
        return None
    return import_module("services.sessions").open_store(environ, settings)  # type: ignore[no-any-return]


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
