"""Logins at directory servers behind faulty proxies."""

import time

from providers.ldap import SearchProvider
from tests.servers.faulty import FaultyProxy
from tests.servers.slapd import Slapd
from tests.support.users import ZOE

TIMEOUT_SECONDS = 2


def failover_environ(slapd: Slapd, *proxies: FaultyProxy, **changed: str) -> dict[str, str]:
    """Return an environment with these proxies as servers, in order."""
    urls = ",".join(f"ldap://localhost:{proxy.port}" for proxy in proxies)
    return slapd.environ(LDAP_URL=urls, LDAP_TIMEOUT_SECONDS=str(TIMEOUT_SECONDS), **changed)


def login_seconds(provider: SearchProvider) -> float:
    """Return the duration of a login of Zoé, which must succeed."""
    start = time.monotonic()
    assert provider.authenticate(ZOE.username, ZOE.password)
    return time.monotonic() - start


def login_uses(provider: SearchProvider, proxy: FaultyProxy) -> bool:
    """Return whether a login uses this proxy."""
    before = proxy.responses
    login_seconds(provider)
    return proxy.responses > before


def make_unavailable(proxy: FaultyProxy, fault: str) -> None:
    """Make the server behind the proxy refuse, hang or drop all connections."""
    if fault == "refuse":
        proxy.refuse()
    else:
        proxy.fault = "hang" if fault == "hang" else "drop"
