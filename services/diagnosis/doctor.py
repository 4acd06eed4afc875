"""The doctor: what works, what does not, and what will hurt later."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from importlib import import_module
from time import monotonic

from config.environment import has_database
from config.errors import ConfigurationError, gather
from config.settings import ServerSettings
from providers.interface import Check
from services.context import Services
from services.diagnosis.checks.configuration import check_problem, check_usable
from services.diagnosis.checks.deployment import check_deployment
from services.diagnosis.checks.errors import caught
from services.diagnosis.checks.keys import check_keys
from services.diagnosis.checks.providers import check_providers
from services.diagnosis.checks.routes import Routes, check_routes
from services.diagnosis.checks.user import check_user
from services.factory import assemble


def diagnose(
    environ: Mapping[str, str], load_routes: Callable[[], Routes], login: str | None = None, password: str | None = None
) -> Iterator[Check]:
    """Yield what is found, as it is found, each with the time that it took.

    `login`, gated as for a login, is followed through the chain, and `password` tried at the one provider that knows
    them. A store whose own checks fail is asked nothing more: nobody is to be locked out by a diagnosis.
    """
    began = monotonic()
    for check in _steps(environ, load_routes, login, password):
        yield check if check.seconds else replace(check, seconds=monotonic() - began)
        began = monotonic()


def _steps(
    environ: Mapping[str, str], load_routes: Callable[[], Routes], login: str | None, password: str | None
) -> Iterator[Check]:
    try:
        services: Services = gather(lambda: assemble(environ), lambda: ServerSettings.read(environ))[0]
    except ConfigurationError as error:
        yield from map(check_problem, error.problems)
        return
    yield from check_usable(services.chain)
    yield from check_keys(environ)
    if has_database(environ):
        yield from import_module("services.diagnosis.checks.database").check_database(environ)
    broken: set[str] = set()
    yield from check_providers(services.chain, broken)
    if login is not None:
        yield from caught("user", check_user(services, login, password, broken))
    yield from caught("routes", check_routes(services.chain, load_routes, broken))
    yield from check_deployment()
