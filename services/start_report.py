"""What a start logs: the providers, the database and the keys in force, and the routes without a guard.

The logger is disabled in all workers of a server but one, so that a start logs each line once.
"""

import logging
from collections.abc import Iterable

from config.quoting import resolve
from config.section import Section
from config.settings import Settings
from services.context import Services
from services.keys.ring import KeysUnavailable
from services.requirements import Route

log = logging.getLogger(__name__)


def report_start(settings: Settings, services: Services) -> None:
    """Log in one line what is in force, and the misspelled settings of providers that are not used."""
    log.info("in force: %s", describe_configuration(settings, services))
    for section in unused_sections(settings):
        for problem in section.misspelled_variables(settings.environ):
            log.warning("%s, and is ignored. %s", problem.statement, problem.remedy)


def report_unmarked_routes(routes: Iterable[Route]) -> None:
    """Log a warning for each of these routes, which are neither guarded nor public."""
    for route in routes:
        found = "%s is not guarded: add @auth_guard() or @public between @app.route and the view function %s (%s)"
        log.warning(found, route, route.view, route.source)


def describe_configuration(settings: Settings, services: Services) -> str:
    """Return the providers, the database without its password, and the keys, in one line."""
    parts = {
        "providers": ", ".join(link.name for link in services.chain.links),
        "database": _describe_database(settings),
        "keys": _describe_keys(settings, services),
    }
    if settings.development_file:
        parts["settings"] = f"{settings.development_file} and the environment"
    return "; ".join(f"{name}: {value}" for name, value in parts.items())


def unused_sections(settings: Settings) -> list[type[Section]]:
    """Return the sections of built-in providers that are not in AUTH_PROVIDER."""
    # Imported here, because a start imports only the providers that are used, unless a variable looks like theirs.
    sections: list[type[Section]] = []
    names = settings.providers.provider
    if "static" not in names and _mentions(settings, "STATIC"):
        from providers.static.provider import StaticSettings

        sections.append(StaticSettings)
    if "ldap" not in names and _mentions(settings, "LDAP"):
        from providers.ldap.settings import LdapSettings

        sections.append(LdapSettings)
    return sections


def _mentions(settings: Settings, word: str) -> bool:
    return any(word in name.upper() for name in settings.environ)


def _describe_database(settings: Settings) -> str:
    if not settings.has_database:
        return "none"
    from database.engine import open_engine
    from database.server_info import describe_database

    return describe_database(open_engine(settings.database))


def _describe_keys(settings: Settings, services: Services) -> str:
    directory = settings.signing_keys.keys_dir
    try:
        algorithm = services.keys.ring().current.algorithm
    except KeysUnavailable:
        algorithm = "no current key"
    name = resolve(directory) if directory else "SECRET_KEY"
    previous = len(settings.keys.key_fallbacks)
    return f"{name} ({algorithm})" + (f" and {previous} fallbacks" if previous else "")
