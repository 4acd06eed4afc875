"""Hosts that other hosts of the network cannot reach, or pose as."""

from ipaddress import ip_address


def is_local_host(host: str) -> bool:
    """Return whether `host` is `localhost` or a loopback address, in brackets or not."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.rstrip(".").lower() == "localhost"
