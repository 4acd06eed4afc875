"""What the machine and the network around the service are to do."""

from collections.abc import Iterator

from providers.interface import Check

_LIMIT = "Limit POST /api/auth and POST /oauth/token by address at the proxy, as with nginx's limit_req"


def check_deployment() -> Iterator[Check]:
    """Yield what we leave to others."""
    yield Check(
        "throttling", "warning", "failed logins are not counted here, so passwords can be tried at will", _LIMIT
    )
    yield Check(
        "proxies",
        "ok",
        "no X-Forwarded-… header is believed: behind a proxy every call has the proxy's address, and nobody can "
        "pretend to another",
    )
