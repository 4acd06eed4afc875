"""The reverse proxies whose `X-Forwarded-For` is believed: how many there are, or in which networks."""

from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated

from pydantic import BeforeValidator

MAX_HOPS = 16

Networks = tuple[IPv4Network | IPv6Network, ...]


def parse_trusted_proxies(value: object) -> object:
    """Return the number of proxies, or their networks. Raises ValueError if the text is neither."""
    if not isinstance(value, str):
        return value
    if value.isascii() and value.isdigit():
        if len(value) > len(str(MAX_HOPS)) or int(value) > MAX_HOPS:
            raise ValueError(f"is more than {MAX_HOPS} proxies")
        return int(value)
    parts = [part.strip() for part in value.split(",") if part.strip()]
    return tuple(_parse_network(part, position) for position, part in enumerate(parts, 1))


def _parse_network(text: str, position: int) -> IPv4Network | IPv6Network:
    try:
        return ip_network(text)
    except ValueError:
        raise ValueError(f"has a value {position} that is not an address or a network without host bits") from None


TrustedProxies = Annotated[int | Networks, BeforeValidator(parse_trusted_proxies)]
