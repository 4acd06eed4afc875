"""From the name of a provider to the provider: the one place that knows them all."""

import traceback
from collections.abc import Callable, Mapping
from importlib.metadata import EntryPoint, entry_points

from config.errors import ConfigurationError
from providers.interface import AuthProvider

GROUP = "latchkey.providers"

# Named as text, so that only the chosen ones are imported.
BUILT_IN = {
    "static": "providers.static.provider:open_static",
    "database": "providers.sql.provider:open_database",
    "ldap": "providers.ldap:open_ldap",
}


def open_provider(name: str, environ: Mapping[str, str]) -> AuthProvider:
    """Build a provider by its name: one of ours, an entry point of GROUP, or `package.module:factory`.

    The factory is called with the environment and reads its own settings there. Raises
    ConfigurationError if there is no such factory, or it cannot build a provider.
    """
    factory = _factory(name)
    try:
        provider = factory(environ)
    except ConfigurationError:
        raise
    except (Exception, SystemExit) as error:
        # The message may hold a value; the place is enough to find the fault.
        at = traceback.extract_tb(error.__traceback__)[-1]
        raise _unusable(f"a factory failed with {type(error).__name__} at {at.filename}, line {at.lineno}") from error
    if isinstance(provider, type) or not isinstance(provider, AuthProvider):
        raise _unusable("a factory returned something that has no method authenticate(login, password)")
    return provider


def _factory(name: str) -> Callable[[Mapping[str, str]], object]:
    reference = BUILT_IN.get(name, name)
    if ":" in reference:
        found = EntryPoint(name, reference, GROUP)
    else:
        installed = entry_points(group=GROUP, name=name)
        if not installed:
            raise _unusable(f"a name is unknown. Write {', '.join(BUILT_IN)}, or package.module:factory")
        found = next(iter(installed))
    try:
        factory: Callable[[Mapping[str, str]], object] = found.load()
    except (Exception, SystemExit) as error:
        raise _unusable(f"a factory cannot be imported: {type(error).__name__}") from error
    return factory


def _unusable(why: str) -> ConfigurationError:
    return ConfigurationError([f"AUTH_PROVIDER cannot be used: {why}."])
