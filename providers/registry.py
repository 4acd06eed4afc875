"""From the name of a provider to the provider: the one place that knows them all."""

import traceback
from collections.abc import Callable, Mapping
from importlib.metadata import EntryPoint, entry_points

from config.errors import ConfigurationError, Problem
from config.service_settings import USER_TABLE_PROVIDER
from providers.interface import AuthProvider

GROUP = "latchkey.providers"

# Named as text, so that only the chosen ones are imported.
BUILT_IN = {
    "static": "providers.static.provider:open_static",
    USER_TABLE_PROVIDER: "providers.sql.provider:open_database",
    "ldap": "providers.ldap:open_ldap",
}


def open_provider(name: str, environ: Mapping[str, str], source: str = "AUTH_PROVIDER") -> AuthProvider:
    """Build the provider of this name: a built-in one, an entry point of GROUP, or `package.module:factory`.

    The factory is called with the environment, and reads its own settings from it. Raises ConfigurationError if
    there is no such factory, or if it fails; `source` is the variable or option that errors then blame.
    """
    try:
        return _open(name, environ)
    except _UnusableProvider as error:
        raise ConfigurationError([Problem(source, error.found, error.remedy)]) from error


class _UnusableProvider(Exception):
    """No provider can be built from a name."""

    def __init__(self, found: str, remedy: str | None = None) -> None:
        super().__init__()
        self.found = found
        self.remedy = remedy


def _open(name: str, environ: Mapping[str, str]) -> AuthProvider:
    factory = _factory(name)
    try:
        provider = factory(environ)
    except ConfigurationError:
        raise
    except (Exception, SystemExit) as error:
        # The message may hold a value; the place is enough to find the fault.
        at = traceback.extract_tb(error.__traceback__)[-1]
        found = f"names a factory that failed with {type(error).__name__} at {at.filename}, line {at.lineno}"
        raise _UnusableProvider(found) from error
    if isinstance(provider, type) or not isinstance(provider, AuthProvider):
        raise _UnusableProvider("names a factory whose result has no method authenticate(login, password)")
    return provider


def _factory(name: str) -> Callable[[Mapping[str, str]], object]:
    reference = BUILT_IN.get(name, name)
    if ":" in reference:
        found = EntryPoint(name, reference, GROUP)
    else:
        installed = entry_points(group=GROUP, name=name)
        if not installed:
            raise _UnusableProvider(
                "names an unknown provider", f"Set it to {', '.join(BUILT_IN)} or package.module:factory"
            )
        found = next(iter(installed))
    try:
        factory: Callable[[Mapping[str, str]], object] = found.load()
    except (Exception, SystemExit) as error:
        raise _UnusableProvider(f"names a factory that cannot be imported: {type(error).__name__}") from error
    return factory
