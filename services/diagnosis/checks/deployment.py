"""What the service leaves to the deployment: limits, threads and the reverse proxy."""

from collections.abc import Iterator

from config.trusted_proxies import Networks
from providers.interface import Check
from services.chain import MAX_LOOKUPS

_NO_HEADERS = "no path, scheme or host is taken from proxy headers such as X-Forwarded-*, so clients cannot forge one"


def check_deployment(trusted_proxies: int | Networks) -> Iterator[Check]:
    """Yield reminders. `trusted_proxies` is the value of TRUSTED_PROXIES."""
    found = (
        "gunicorn.conf.py gives a worker enough threads for slow logins. "
        f"Another server needs more than LOGIN_CONCURRENCY + {MAX_LOOKUPS} threads for each process"
    )
    yield Check("threads", "info", found)
    yield Check("proxies", "info", f"{_NO_HEADERS}. {_describe(trusted_proxies)}")


def _describe(trusted_proxies: int | Networks) -> str:
    if not trusted_proxies:
        return (
            "TRUSTED_PROXIES is not set, so X-Forwarded-For is ignored: behind a reverse proxy, all clients have the "
            "address of the proxy, and share LOGIN_ATTEMPTS_PER_ADDRESS"
        )
    if isinstance(trusted_proxies, int):
        return f"The address of a client is number {trusted_proxies} from the right in X-Forwarded-For"
    networks = ", ".join(map(str, trusted_proxies))
    return f"The address of a client is the last one in X-Forwarded-For that is not in {networks}"
