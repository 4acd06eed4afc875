"""The registry of providers: from a name in the configuration to a provider."""

import sys
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from importlib.metadata import EntryPoint, entry_points
from inspect import iscoroutinefunction, signature

from config.errors import ConfigurationError, Problem
from config.service_settings import USER_TABLE_PROVIDER
from providers.faults import describe_exception
from providers.interface import AuthProvider

GROUP = "latchkey.providers"
"""The entry point group of third-party providers."""

# Import paths, so that only the configured providers are imported.
BUILT_IN = {
    "static": "providers.static.provider:open_static",
    USER_TABLE_PROVIDER: "providers.sql.provider:open_database",
    "ldap": "providers.ldap:open_ldap",
}

METHODS = {
    "authenticate": 2,
    "find": 1,
    "has_username": 1,
    "check": 0,
    "explain": 1,
    "list_users": 0,
    "list_roles": 0,
}
"""The methods that a provider may have, and the number of their arguments."""

_ASK_AUTHOR = "Report this to the author of the provider"

Factory = Callable[[Mapping[str, str]], object]


class _MissingSetting(KeyError):
    """A factory has read a setting that does not exist. Its name is not a value."""


class _Environment(dict[str, str]):
    """The settings that a factory gets."""

    def __missing__(self, name: str) -> str:
        raise _MissingSetting(name)


def provider_entry_points() -> dict[str, EntryPoint]:
    """Return the entry points of the providers that are built in or installed, by name. A built-in name wins."""
    installed = {point.name: point for point in entry_points(group=GROUP)}
    return installed | {name: EntryPoint(name, reference, GROUP) for name, reference in BUILT_IN.items()}


def open_provider(name: str, environ: Mapping[str, str], source: str = "AUTH_PROVIDER") -> AuthProvider:
    """Build the provider with this name: built in, an entry point of GROUP, or `package.module:factory`.

    The factory gets `environ` and reads its own settings from it. Raises ConfigurationError if the factory does not
    exist or fails; `source` is the variable or option that the problem names.
    """
    entry_point = _entry_point(name, source)
    subject = entry_point.value if entry_point.name == entry_point.value else f"{name} ({entry_point.value})"
    factory = _load_factory(entry_point, subject, source)
    try:
        provider = factory(_Environment(environ))
    except ConfigurationError:
        raise
    except _MissingSetting as error:
        setting = str(error.args[0])
        raise _unusable(setting, f"is not set, and the provider {subject} requires it", f"Set {setting}") from error
    except (Exception, SystemExit) as error:
        # The message is not shown, because it may contain the value of a setting.
        found = f"names {subject}, a factory that failed with {describe_exception(error, entry_point.module)}"
        raise _unusable(source, found, _ASK_AUTHOR) from error
    if fault := _interface_fault(provider):
        raise _unusable(source, f"names {subject}, a factory whose result {fault}", "See docs/provider-contract.md")
    return provider  # type: ignore[return-value]  # it has the method


def _interface_fault(provider: object) -> str | None:
    """Return why the result of a factory is not a provider: the predicate of a sentence. `None` if it is one."""
    if isinstance(provider, type) or not isinstance(provider, AuthProvider):
        kind = f"the class {provider.__name__}" if isinstance(provider, type) else f"of type {type(provider).__name__}"
        return f"has no method authenticate(login, password): it is {kind}"
    for name, number in METHODS.items():
        method = getattr(provider, name, None)
        if method is not None and (fault := _method_fault(method, number)):
            return f"has a method {name} that {fault}: it is of type {type(provider).__name__}"
    return None


def _method_fault(method: object, number: int) -> str | None:
    if not callable(method):
        return "cannot be called"
    if iscoroutinefunction(method):
        return "is asynchronous"
    try:
        signature(method).bind(*[""] * number)
    except TypeError:
        return f"cannot be called with {number} argument{'' if number == 1 else 's'}"
    except ValueError:  # a method of an extension module, whose signature is not known
        return None
    return None


def _load_factory(entry_point: EntryPoint, subject: str, source: str) -> Factory:
    module = entry_point.value.partition(":")[0].strip()
    try:
        factory: Factory = entry_point.load()
    except (Exception, SystemExit) as error:
        found = f"names {subject}, a factory that cannot be imported: {describe_exception(error, module)}"
        raise _unusable(source, found, _import_remedy(error, entry_point.value)) from error
    if fault := _method_fault(factory, 1):
        remedy = "Name a function or a class that takes the settings as its only argument"
        raise _unusable(source, f"names {subject}, which {fault}", remedy)
    return factory


def _import_remedy(error: BaseException, reference: str) -> str:
    if isinstance(error, ModuleNotFoundError):
        return f"Install the package that contains {error.name} into the environment of Latchkey: {sys.prefix}"
    if isinstance(error, AttributeError) and (similar := _similar(reference.partition(":")[2], dir(error.obj))):
        return f"Did you mean {similar}? Name a function or a class of the module"
    return _ASK_AUTHOR


def _entry_point(name: str, source: str) -> EntryPoint:
    if reference := BUILT_IN.get(name):  # without a search of all installed packages, which takes as long as a start
        return EntryPoint(name, reference, GROUP)
    known = provider_entry_points()
    if name in known:
        return known[name]
    if ":" in name:
        return EntryPoint(name, name, GROUP)
    similar = _similar(name, known)
    remedy = f"Set it to {', '.join(BUILT_IN)} or package.module:factory. Installed providers: flask providers list"
    found = f"names {name}, an unknown provider"
    raise _unusable(source, found, f"Did you mean {similar}? {remedy}" if similar else remedy)


def _similar(name: str, known: Iterable[str]) -> str | None:
    by_folded = {one.casefold(): one for one in known}
    similar = get_close_matches(name.casefold(), by_folded, n=1, cutoff=0.6)
    return by_folded[similar[0]] if similar else None


def _unusable(subject: str, found: str, remedy: str) -> ConfigurationError:
    return ConfigurationError([Problem(subject, found, remedy)])
