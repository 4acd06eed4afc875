"""What every connection to a database has in common: the timeouts, and the checks of its URL."""

from sqlalchemy import URL

from config.errors import ConfigurationError, Problem
from config.service_settings import DatabaseSettings

TIMEOUT_SECONDS = 5
"""The timeout for opening a connection, for a lock, for a statement, and for a network that does not respond."""

RESPONSE_MARGIN_SECONDS = 1
"""How long after the timeout of a statement PostgreSQL has to report it."""

IS_SNAPSHOT = "latchkey_is_snapshot"
"""The execution option of a transaction whose queries see the same state, see `begin_snapshot`."""


def invalid_url(found: str) -> ConfigurationError:
    """Return the error of a DATABASE_URL: `found` is a predicate about it, without its values."""
    return ConfigurationError([Problem("DATABASE_URL", found, DatabaseSettings.remedy("url"))])


def validate_parameters(url: URL, known: frozenset[str]) -> None:
    """Raise ConfigurationError, without names or values: they may be a part of a password with an unescaped `?`."""
    repeated = {name for name, value in url.query.items() if not isinstance(value, str)}
    if not known.issuperset(url.query) or repeated - {"host"}:
        raise invalid_url("has an unknown or repeated parameter after the question mark")
