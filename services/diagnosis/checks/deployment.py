"""What the service leaves to the deployment: limits, threads and the reverse proxy."""

from collections.abc import Iterator

from providers.interface import Check
from services.chain import MAX_LOOKUPS

_RATE_LIMIT = (
    "Rate-limit POST /api/auth, /api/auth/password and /oauth/token by client address in the reverse proxy "
    "(nginx: limit_req)"
)


def check_deployment() -> Iterator[Check]:
    """Yield reminders. They do not depend on the configuration."""
    found = (
        "gunicorn.conf.py gives a worker enough threads for slow logins. "
        f"Another server needs more than LOGIN_CONCURRENCY + {MAX_LOOKUPS} threads for each process"
    )
    yield Check("threads", "ok", found)
    yield Check("throttling", "warning", "login attempts are not rate-limited", _RATE_LIMIT)
    found = (
        "no path, scheme, host or address is taken from proxy headers such as X-Forwarded-*, so clients cannot forge "
        "one. Behind a reverse proxy, all requests have the address of the proxy"
    )
    yield Check("proxies", "ok", found)
