"""The address of a client: what a trusted proxy appends to `X-Forwarded-For`, and nothing that a client forges."""

from ipaddress import ip_address, ip_network

import pytest

from config.errors import ConfigurationError
from config.service_settings import ProxySettings
from services.throttle.client_address import client_address, client_network, parse_address

PROXY, CDN, CLIENT, FORGED = "10.0.0.1", "10.0.0.2", "203.0.113.7", "198.51.100.9"
INTERNAL = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))


def found(peer: str, forwarded_for: str, trusted: object) -> str:
    return str(client_address(peer, forwarded_for, trusted))


@pytest.mark.parametrize(
    ("forwarded_for", "hops", "expected"),
    [
        (CLIENT, 0, PROXY),
        ("", 1, PROXY),
        (CLIENT, 1, CLIENT),
        (f"{FORGED}, {CLIENT}", 1, CLIENT),
        (f"{FORGED},{FORGED} , {CLIENT}, {CDN}", 2, CLIENT),
        (CLIENT, 2, CLIENT),
        (f" ,, {CLIENT} ,", 1, CLIENT),
    ],
)
def test_number_of_proxies_selects_the_entry_of_the_outermost_proxy(
    forwarded_for: str, hops: int, expected: str
) -> None:
    assert found(PROXY, forwarded_for, hops) == expected


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "expected"),
    [
        (PROXY, CLIENT, CLIENT),
        (PROXY, f"{FORGED}, {CLIENT}, {CDN}", CLIENT),
        (PROXY, f"{CDN}, {CDN}", CDN),
        (PROXY, "", PROXY),
        (CLIENT, FORGED, CLIENT),
        ("::ffff:10.0.0.1", CLIENT, CLIENT),
        ("fd00::1", f"{FORGED}, ::ffff:{CLIENT}", CLIENT),
        ("", CLIENT, "None"),
    ],
)
def test_networks_select_the_first_untrusted_address_from_the_right(
    peer: str, forwarded_for: str, expected: str
) -> None:
    assert found(peer, forwarded_for, INTERNAL) == expected


def test_unix_socket_has_no_address_but_the_proxy_in_front_of_it_reports_one() -> None:
    assert client_address("", "", 0) is None
    assert found("", f"{FORGED}, {CLIENT}", 1) == CLIENT


@pytest.mark.parametrize(
    "garbage", ["unknown", "_hidden", "1.2.3", "999.1.1.1", "[::1", "a" * 8000, "\x00", "１.2.3.4"]
)
def test_invalid_entry_never_uncovers_what_a_client_has_forged(garbage: str) -> None:
    assert found(PROXY, f"{FORGED}, {garbage}", 1) == ("::1" if garbage == "[::1" else PROXY)
    if garbage != "[::1":
        assert found(PROXY, f"{FORGED}, {garbage}, {CDN}", INTERNAL) == CDN


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("192.0.2.1:5000", "192.0.2.1"),
        ("2001:DB8::1", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("[2001:db8::1]:5000", "2001:db8::1"),
        ('"[2001:db8::1]:5000"', "2001:db8::1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("[::ffff:c000:201]:5000", "192.0.2.1"),
        ("fe80::1%eth0", "fe80::1"),
        (" 192.0.2.1 ", "192.0.2.1"),
    ],
)
def test_ports_brackets_zones_and_mapped_addresses_are_understood(text: str, expected: str) -> None:
    assert str(parse_address(text)) == expected


def test_ipv6_addresses_are_counted_by_their_network_and_ipv4_addresses_alone() -> None:
    assert client_network(ip_address("2001:db8:1:2:3:4:5:6")) == client_network(ip_address("2001:db8:1:2::"))
    assert client_network(ip_address("2001:db8:1:2::1")) != client_network(ip_address("2001:db8:1:3::1"))
    assert client_network(ip_address("192.0.2.1")) != client_network(ip_address("192.0.2.2"))


@pytest.mark.parametrize("value", ["1", "16", "10.0.0.1", "10.0.0.0/8, fd00::/8", "::1"])
def test_number_or_networks_are_valid(value: str) -> None:
    assert ProxySettings.read({"TRUSTED_PROXIES": value})


@pytest.mark.parametrize(
    "value", ["17", "-1", "1.5", "yes", "10.0.0.1/8", "proxy.example.org", "10.0.0.0/8 fd00::/8", "9" * 5000]
)
def test_other_values_are_refused_in_one_line(value: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        ProxySettings.read({"TRUSTED_PROXIES": value})
    (line,) = refused.value.lines
    assert line.startswith("TRUSTED_PROXIES ")
    assert len(line) < 500
