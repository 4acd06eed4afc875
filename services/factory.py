"""The services of one application, built from its settings."""

import os
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from config.errors import ConfigurationError, Problem, collect_errors
from config.quoting import resolve
from config.section import require_known_variables
from config.service_settings import USER_TABLE_PROVIDER, ProviderSettings
from config.settings import Settings
from database.errors import DatabaseUnavailable, UnusableDatabaseFile
from passwords.hashing import CAPACITY
from passwords.policy import PasswordPolicy
from providers.registry import open_provider
from services.chain import Chain
from services.clients import Clients
from services.context import Services
from services.debug_mode import require_local_debugging
from services.default_passwords import require_no_default_passwords
from services.keys.sources import open_keys
from services.links import Link
from services.readiness import Readiness
from services.sensitive_files import require_private_files
from services.start_report import log
from services.tokens.issuer import TokenIssuer

if TYPE_CHECKING:
    from database.user_editor import UserEditor
    from services.sessions.sessions import Sessions
    from services.sessions.store import SessionStore
    from services.throttle.login_throttle import LoginThrottle

METRICS_DIRECTORY = "PROMETHEUS_MULTIPROC_DIR"
"""The variable of the Prometheus client: where the processes of one server share their metrics."""


def create_services(settings: Settings) -> Services:
    """Build the services. Raises ConfigurationError with every problem of every section."""
    keys, tokens, chain, throttle, proxies, cors, oauth, password_policy, store, user_editor, admins, metrics, *_ = (
        collect_errors(
            lambda: open_keys(settings),
            lambda: settings.tokens,
            lambda: _open_chain(settings),
            lambda: _open_throttle(settings),
            lambda: settings.proxies,
            lambda: settings.cors,
            lambda: settings.oauth,
            lambda: PasswordPolicy(settings.passwords),
            lambda: _open_session_store(settings),
            lambda: _user_editor(settings),
            lambda: settings.admins,
            lambda: settings.metrics,
            lambda: _require_metrics_directory(settings),
            lambda: require_known_variables(settings.environ),
        )
    )
    issuer = TokenIssuer(keys, tokens, store.revocations if store else None)
    return Services(
        chain=chain,
        throttle=throttle,
        trusted_proxies=proxies.proxies,
        cors_origins=cors.origins,
        keys=keys,
        issuer=issuer,
        sessions=_create_sessions(chain, issuer, store),
        service_tokens=store.service_tokens if store else None,
        clients=Clients(oauth.registered_clients(), oauth.password_grant),
        password_policy=password_policy,
        user_editor=user_editor,
        grantable_roles=frozenset(admins.grantable_roles),
        metrics_token=metrics.token,
        metrics_directory=settings.environ.get(METRICS_DIRECTORY),
        schema_problem=Readiness(partial(_schema_problem, settings)).problem,
    )


def require_safe_start(settings: Settings, host: str, is_debug_mode: bool) -> None:
    """Raise ConfigurationError with each fault of the deployment that would give strangers secrets or tokens.

    `host` is the address on which the service listens. Commands work in spite of these faults.
    """
    collect_errors(
        lambda: require_private_files(settings),
        lambda: require_local_debugging(host, is_debug_mode),
        lambda: require_no_default_passwords(settings),
    )


def require_current_schema(settings: Settings) -> None:
    """Raise ConfigurationError if the database schema is older than this version of the service needs.

    If the newest sessions are of a provider that is not in AUTH_PROVIDER, log a warning.
    A database server that is unavailable does not prevent a start; an SQLite file that cannot be used does.
    """
    if not settings.has_database:
        return
    from database.engine import open_engine
    from database.schema import schema_problem
    from services.sessions.provider_names import renamed_provider

    engine = open_engine(settings.database)
    try:
        problem = schema_problem(engine)
        if not problem and (renamed := renamed_provider(engine, settings.providers.provider)):
            log.warning("%s", renamed)
    except UnusableDatabaseFile as error:
        raise ConfigurationError([Problem("DATABASE_URL", f"cannot be used: {error.reason}", error.remedy)]) from None
    except DatabaseUnavailable as error:
        log.warning("the database is unavailable: %s", error)
        return
    finally:
        engine.dispose()  # the server forks its workers next, and two processes must not share a connection
    if problem:
        raise ConfigurationError([problem])


def _schema_problem(settings: Settings) -> Problem | None:
    if not settings.has_database:
        return None
    from database.engine import open_engine
    from database.schema import schema_problem

    return schema_problem(open_engine(settings.database))


def _require_metrics_directory(settings: Settings) -> None:
    directory = settings.environ.get(METRICS_DIRECTORY)
    if directory and settings.metrics.token and not os.access(f"{directory}/.", os.W_OK | os.X_OK):
        found = f"is not a directory that the service can write to ({resolve(Path(directory))})"
        raise ConfigurationError([Problem(METRICS_DIRECTORY, found, "Create it, or remove the variable")])


def _user_editor(settings: Settings) -> "Callable[[str, frozenset[str] | None], UserEditor] | None":
    if USER_TABLE_PROVIDER not in settings.providers.provider:
        return None
    from database.engine import open_engine
    from database.user_editor import UserEditor

    return partial(UserEditor, open_engine(settings.database))


def _open_session_store(settings: Settings) -> "SessionStore | None":
    sessions, revocations = collect_errors(lambda: settings.sessions, lambda: settings.revocations)
    if not settings.has_database:
        return None
    from services.sessions.store import open_session_store

    return open_session_store(settings.database, sessions, revocations)


def _create_sessions(chain: Chain, issuer: TokenIssuer, store: "SessionStore | None") -> "Sessions | None":
    if store is None:
        return None
    from services.sessions.sessions import Sessions

    return Sessions(chain, issuer, store)


def _open_throttle(settings: Settings) -> "LoginThrottle":
    from services.throttle.opening import open_throttle  # commands that accept no logins start faster without it

    return open_throttle(*collect_errors(lambda: settings.logins, lambda: settings.throttle))


def _open_chain(settings: Settings) -> Chain:
    max_logins, links = collect_errors(lambda: max_concurrent_logins(settings), lambda: open_links(settings))
    return Chain(links, max_logins)


def max_concurrent_logins(settings: Settings) -> int:
    """Return how many logins a process accepts concurrently. Raises ConfigurationError.

    The default is the capacity of the hash pool, which bounds the logins that need a hash in any case.
    """
    return settings.logins.concurrency or CAPACITY


def open_links(settings: Settings) -> list[Link]:
    """Return the providers of AUTH_PROVIDER, in order. Raises ConfigurationError."""
    names = settings.providers.provider
    factories = (partial(open_provider, name, settings.environ) for name in dict.fromkeys(names))
    _, *providers = collect_errors(lambda: _check_names(settings.providers), *factories)
    skipped = settings.providers.skip_unavailable
    return [Link(name, provider, name in skipped) for name, provider in zip(names, providers, strict=True)]


def _check_names(settings: ProviderSettings) -> None:
    names = Counter(settings.provider)
    problems = []
    if repeated := [name for name, count in names.items() if count > 1]:
        problems.append(Problem("AUTH_PROVIDER", f"names {repeated[0]} twice", "Name each provider once"))
    if unknown := [name for name in settings.skip_unavailable if name not in names]:
        found = f"names {unknown[0]}, which is not in AUTH_PROVIDER ({', '.join(names)})"
        problems.append(Problem("AUTH_SKIP_UNAVAILABLE", found, "Name only providers of AUTH_PROVIDER"))
    if problems:
        raise ConfigurationError(problems)
