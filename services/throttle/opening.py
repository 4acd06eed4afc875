"""The login throttle that the settings describe."""

from config.errors import ConfigurationError, Problem
from config.rate_limit import parse_rate_limit
from config.service_settings import LoginSettings
from config.throttle_settings import ThrottleSettings
from services.throttle.login_throttle import LoginThrottle
from services.throttle.memory_storage import BoundedMemoryStorage
from services.throttle.storage import CounterStorage


def open_throttle(logins: LoginSettings, throttle: ThrottleSettings) -> LoginThrottle:
    """Return the throttle. Does not connect to Redis. Raises ConfigurationError."""
    storage = _open_storage(throttle)
    limits = (logins.failures_per_account, logins.attempts_per_address)
    return LoginThrottle(storage, *map(parse_rate_limit, limits))


def _open_storage(settings: ThrottleSettings) -> CounterStorage:
    local = BoundedMemoryStorage()
    if settings.storage_url is None:
        return local
    from services.throttle.shared_storage import SharedStorage, open_redis

    try:
        return SharedStorage(open_redis(settings.storage_url.get_secret_value()), local)
    except (ValueError, TypeError):  # an option in the query of the URL
        found, remedy = "has an invalid option", "Correct the query of the URL"
        raise ConfigurationError([Problem(ThrottleSettings.variable("storage_url"), found, remedy)]) from None
