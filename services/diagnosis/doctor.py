"""The doctor: what works, what does not, and what will hurt later."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from time import monotonic

from config.errors import ConfigurationError, collect_errors
from config.settings import Settings
from providers.interface import Check
from services.context import Services
from services.diagnosis.checks.configuration import as_failed_check, check_usable
from services.diagnosis.checks.deployment import check_deployment
from services.diagnosis.checks.errors import caught
from services.diagnosis.checks.keys import check_keys
from services.diagnosis.checks.providers import check_providers
from services.diagnosis.checks.routes import Routes, check_routes
from services.diagnosis.checks.user import check_user
from services.factory import create_services


def diagnose(
    settings: Settings, load_routes: Callable[[], Routes], login: str | None = None, password: str | None = None
) -> Iterator[Check]:
    """Yield what is found, as it is found, each with the time that it took.

    `login`, gated as for a login, is followed through the chain, and `password` tried at the one provider that knows
    them. A store whose own checks fail is asked nothing more: nobody is to be locked out by a diagnosis.
    """
    began = monotonic()
    for check in _steps(settings, load_routes, login, password):
        yield check if check.seconds else replace(check, seconds=monotonic() - began)
        began = monotonic()


def _steps(
    settings: Settings, load_routes: Callable[[], Routes], login: str | None, password: str | None
) -> Iterator[Check]:
    try:
        services: Services = collect_errors(lambda: create_services(settings), lambda: settings.server)[0]
    except ConfigurationError as error:
        yield from map(as_failed_check, error.problems)
        return
    yield from check_usable(services.chain)
    yield from check_keys(settings.keys, settings.signing_keys.keys_dir)
    if settings.has_database:
        from services.diagnosis.checks.database import check_database

        yield from check_database(settings.database)
    broken: set[str] = set()
    yield from check_providers(services.chain, broken)
    if login is not None:
        yield from caught("user", check_user(services, login, password, broken))
    yield from caught("routes", check_routes(services.chain, load_routes, broken))
    yield from check_deployment()
