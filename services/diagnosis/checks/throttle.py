"""The check of the login throttle: whether all workers and hosts count failed logins together."""

from config.throttle_settings import ThrottleSettings
from providers.interface import Check
from services.throttle.counters_in_redis import RedisCounters, StorageUnavailable

STEP = "throttling"


def check_throttle(settings: ThrottleSettings) -> Check:
    """Return whether the counters of failed logins are shared. Without Redis, the number of workers is not known."""
    if settings.storage_url is None:
        found = "each worker and host counts failed logins by itself, so an attacker has the limits of each of them"
        remedy = "With several workers or hosts, set THROTTLE_STORAGE_URL to a Redis server"
        return Check(STEP, "info", found, remedy)
    try:
        RedisCounters(settings.storage_url.get_secret_value()).ping()
    except StorageUnavailable as error:
        found = f"THROTTLE_STORAGE_URL is unavailable ({error}), so each process counts failed logins by itself"
        return Check(STEP, "failure", found, "Start the Redis server, or correct THROTTLE_STORAGE_URL")
    if settings.has_unverified_server:
        found = "the connection to THROTTLE_STORAGE_URL on another host is not encrypted, or the server is not verified"
        return Check(STEP, "warning", found, "Use rediss://, and unset THROTTLE_INSECURE_TLS")
    return Check(STEP, "ok", "all workers and hosts count failed logins together, in THROTTLE_STORAGE_URL")
