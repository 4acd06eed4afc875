"""The registry of providers: from a name in the configuration to a provider."""

import traceback
from collections.abc import Callable, Mapping
from importlib.metadata import EntryPoint, entry_points

from config.errors import ConfigurationError, Problem
from config.service_settings import USER_TABLE_PROVIDER
from providers.interface import AuthProvider

GROUP = "latchkey.providers"
"""The entry point group of third-party providers."""

# Import paths, so that only the configured providers are imported.
BUILT_IN = {
    "static": "providers.static.provider:open_static",
    USER_TABLE_PROVIDER: "providers.sql.provider:open_database",
    "ldap": "providers.ldap:open_ldap",
}

Factory = Callable[[Mapping[str, str]], object]


def open_provider(name: str, environ: Mapping[str, str], source: str = "AUTH_PROVIDER") -> AuthProvider:
    """Build the provider with this name: built in, an entry point of GROUP, or `package.module:factory`.

    The factory gets `environ` and reads its own settings from it. Raises ConfigurationError if the factory does not
    exist or fails; `source` is the variable or option that the problem names.
    """
    factory = _load_factory(name, source)
    try:
        provider = factory(environ)
    except ConfigurationError:
        raise
    except (Exception, SystemExit) as error:
        # The message is not shown, because it may contain the value of a setting.
        at = traceback.extract_tb(error.__traceback__)[-1]
        found = f"names a factory that failed with {type(error).__name__} at {at.filename}, line {at.lineno}"
        raise _unusable(source, found) from error
    if isinstance(provider, type) or not isinstance(provider, AuthProvider):
        raise _unusable(source, "names a factory whose result has no method authenticate(login, password)")
    return provider


def _load_factory(name: str, source: str) -> Factory:
    entry_point = _entry_point(BUILT_IN.get(name, name))
    if entry_point is None:
        remedy = f"Set it to {', '.join(BUILT_IN)} or package.module:factory"
        raise _unusable(source, "names an unknown provider", remedy)
    try:
        factory: Factory = entry_point.load()
    except (Exception, SystemExit) as error:
        raise _unusable(source, f"names a factory that cannot be imported: {type(error).__name__}") from error
    return factory


def _entry_point(reference: str) -> EntryPoint | None:
    if ":" in reference:
        return EntryPoint(reference, reference, GROUP)
    return next(iter(entry_points(group=GROUP, name=reference)), None)


def _unusable(source: str, found: str, remedy: str | None = None) -> ConfigurationError:
    return ConfigurationError([Problem(source, found, remedy)])
