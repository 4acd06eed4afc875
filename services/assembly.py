"""From an environment to the services of one application."""

from collections.abc import Mapping
from functools import partial

from config.problems import ConfigurationError, gather
from config.settings import KeySettings, ProviderSettings, TokenSettings
from providers.registry import open_provider
from services.chain import Chain, Link
from services.current import Services
from services.jwt_handler import TokenIssuer
from services.keys import open_key_ring


def assemble(environ: Mapping[str, str]) -> Services:
    """Build the services. ConfigurationError lists every problem of every section at once."""
    keys, tokens, chain = gather(
        lambda: open_key_ring(KeySettings.read(environ)),
        lambda: TokenSettings.read(environ),
        lambda: _open_chain(environ),
    )
    return Services(chain=chain, issuer=TokenIssuer(keys, tokens))


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
