"""The address of the client of a request, also behind trusted reverse proxies."""

from contextlib import suppress
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

from config.trusted_proxies import Networks

Address = IPv4Address | IPv6Address

_SHARED_PREFIX = 64
"""The prefix length of the IPv6 network of one client, which can use every address in it."""
MAX_CACHED_PEERS = 64


# A request needs its address up to four times, and parsing it takes as long as the checks of a guard.
@lru_cache(MAX_CACHED_PEERS)
def client_address(peer: str, forwarded_for: str, trusted: int | Networks) -> Address | None:
    """Return the address of the client; `None` if it is unknown, such as that of a Unix socket.

    `peer` is the address of the connection, and `forwarded_for` is the header `X-Forwarded-For`. Each proxy appends the
    address of its own peer to the header, so only the right end of the header is not forged. `trusted` is the number of
    proxies that every request passes, or their networks. An invalid entry ends the search: the address to the right of
    it is returned.
    """
    entries = [text for part in forwarded_for.split(",") if (text := part.strip())]
    if isinstance(trusted, int):
        return _skip_hops([*entries, peer], trusted)
    return _skip_trusted(entries, parse_address(peer), trusted)


@lru_cache(MAX_CACHED_PEERS)
def is_trusted_peer(peer: str, trusted: int | Networks) -> bool:
    """Return whether a connection from this address comes from a trusted proxy."""
    if isinstance(trusted, int):
        return trusted > 0
    return _is_in(parse_address(peer), trusted)


def _skip_hops(entries: list[str], hops: int) -> Address | None:
    """Return the entry before the last `hops` entries, or the next valid one to the right of it."""
    nearest = entries[-hops - 1 :]
    return next((address for text in nearest if (address := parse_address(text))), None)


def _skip_trusted(entries: list[str], address: Address | None, trusted: Networks) -> Address | None:
    for text in reversed(entries):
        if not _is_in(address, trusted):
            break
        before = parse_address(text)
        if before is None:
            break
        address = before
    return address


def _is_in(address: Address | None, networks: Networks) -> bool:
    return address is not None and any(address in network for network in networks)


def parse_address(text: str) -> Address | None:
    """Return the address in a text such as `192.0.2.1:5000`, `[2001:db8::1]:5000` or `fe80::1%eth0`.

    An IPv4-mapped IPv6 address is returned as IPv4 (RFC 4291 §2.5.5.2). Return `None` if the text is not an address.
    """
    host = text.strip().strip('"')
    if host.startswith("["):
        host = host[1:].partition("]")[0]
    elif host.count(":") == 1:
        host = host.partition(":")[0]
    with suppress(ValueError):
        address = ip_address(host.partition("%")[0])
        return getattr(address, "ipv4_mapped", None) or address
    return None


def client_network(address: Address) -> str:
    """Return the name under which the logins of this address are counted: for IPv6, that of its /64 network."""
    if isinstance(address, IPv4Address):
        return str(address)
    return str(IPv6Network((int(address), _SHARED_PREFIX), strict=False).network_address)
