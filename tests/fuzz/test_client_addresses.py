"""Any `X-Forwarded-For`: a client cannot choose its address with any text before what proxies append."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from hypothesis import given
from hypothesis import strategies as st

from services.throttle.client_address import client_address, client_network, parse_address
from tests.fuzz.strategies import HEADER_VALUES, damaged_text

PROXIES = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))
FORGED = ["203.0.113.7", "10.0.0.1, 203.0.113.7", "[2001:db8::1]:443", "unknown", "::ffff:10.0.0.1", "fe80::1%eth0"]

forged = HEADER_VALUES | damaged_text(FORGED)
addresses = st.ip_addresses().filter(lambda address: not any(address in network for network in PROXIES))


def without_mapping(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """Return an IPv4-mapped address as IPv4."""
    return getattr(address, "ipv4_mapped", None) or address


@given(forged, addresses)
def test_text_before_the_entry_of_a_trusted_proxy_is_ignored(sent: str, client: IPv4Address | IPv6Address) -> None:
    expected = without_mapping(client)
    assert client_address("10.0.0.2", f"{sent}, {client}", 1) == expected
    assert client_address("10.0.0.2", f"{sent}, {client}, 10.0.0.1", 2) == expected
    if not any(expected in network for network in PROXIES):
        assert client_address("10.0.0.2", f"{sent}, {client}, 10.0.0.1", PROXIES) == expected


@given(forged, addresses)
def test_header_is_ignored_without_a_trusted_proxy(sent: str, peer: IPv4Address | IPv6Address) -> None:
    expected = without_mapping(peer)
    assert client_address(str(peer), sent, 0) == client_address(str(peer), sent, ()) == expected
    if not any(expected in network for network in PROXIES):
        assert client_address(str(peer), sent, PROXIES) == expected


@given(forged, st.integers(0, 16))
def test_any_header_gives_an_address_or_none(sent: str, hops: int) -> None:
    for trusted in (hops, PROXIES):
        address = client_address("", sent, trusted)
        assert address is None or ip_address(client_network(address))
    assert parse_address(sent) is None or isinstance(parse_address(sent), IPv4Address | IPv6Address)
