"""The diagnosis of a deployment: configuration, keys, database, providers, a user and routes."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from time import monotonic

from config.errors import ConfigurationError, collect_errors
from config.settings import Settings
from providers.interface import Check
from services.context import Services
from services.diagnosis.checks.configuration import as_failed_check, check_configuration
from services.diagnosis.checks.deployment import check_deployment
from services.diagnosis.checks.errors import report_exceptions
from services.diagnosis.checks.keys import check_keys
from services.diagnosis.checks.providers import check_providers
from services.diagnosis.checks.routes import Routes, check_routes
from services.diagnosis.checks.throttle import check_throttle
from services.diagnosis.checks.user import check_user
from services.diagnosis.checks.usernames import check_usernames
from services.factory import create_services
from services.keys.directory import KeyDirectory
from services.roles import possible_roles


def diagnose(
    settings: Settings,
    load_routes: Callable[[], Routes],
    login: str | None = None,
    password: str | None = None,
    operator: str | None = None,
) -> Iterator[Check]:
    """Yield each finding immediately, with the time that the check took.

    `login` (normalized by `normalize_name`) is explained for each provider. `password` is then tried once, with the
    provider that decides the login, otherwise with the first one that cannot explain logins. A provider with a failed
    check is not asked about the user, so that a diagnosis does not lock an account. `operator` is named in the event
    of this login.
    """
    began = monotonic()
    for check in _check_all(settings, load_routes, login, password, operator):
        yield check if check.seconds else replace(check, seconds=monotonic() - began)
        began = monotonic()


def _check_all(
    settings: Settings,
    load_routes: Callable[[], Routes],
    login: str | None,
    password: str | None,
    operator: str | None,
) -> Iterator[Check]:
    try:
        services: Services = collect_errors(
            lambda: create_services(settings),
            lambda: settings.server,
            lambda: settings.log,
            lambda: settings.examples,
        )[0]
    except ConfigurationError as error:
        yield from map(as_failed_check, error.problems)
        return
    yield from check_configuration(services, settings)
    yield from _check_keys_and_database(settings)
    failed = yield from check_providers(services.chain)
    if not failed:
        yield from report_exceptions("usernames", check_usernames(services.chain))
    if login is not None:
        yield from report_exceptions("user", check_user(services, login, password, failed, operator))
    yield from report_exceptions("routes", check_routes(load_routes, partial(possible_roles, services, failed)))
    yield check_throttle(settings.throttle)
    yield from check_deployment(settings.proxies.proxies)


def _check_keys_and_database(settings: Settings) -> Iterator[Check]:
    keys_dir = settings.signing_keys.keys_dir
    yield from check_keys(
        settings.keys, KeyDirectory(keys_dir, settings.files.insecure_permissions) if keys_dir else None
    )
    if settings.has_database:
        from services.diagnosis.checks.database import check_database

        yield from check_database(settings.database, settings.providers.provider)
