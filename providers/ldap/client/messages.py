"""LDAP requests as they go over the wire (RFC 4511), in the few forms that a login needs."""

from collections.abc import Iterable

BASE, SUBTREE = 0, 2
"""The scopes of a search: an entry alone, or all below it too (RFC 4511 §4.5.1.2)."""

UNBIND = b"\x42\x00"
PASSWORD_POLICY = "1.3.6.1.4.1.42.2.27.8.5.1"  # noqa: S105 - a control's name (draft-behera-ldap-password-policy)
PAGED_RESULTS = "1.2.840.113556.1.4.319"
_START_TLS = b"1.3.6.1.4.1.1466.20037"
_LONG = 0x80  # from here on a length has a length of its own
_NEVER = 0  # aliases lead wherever somebody wrote, and cost the server a lookup for each entry


def element(tag: int, *contents: bytes) -> bytes:
    """Return an element of BER (X.690 §8.1): its tag, the length, what is in it."""
    body = b"".join(contents)
    size = len(body)
    if size < _LONG:
        return bytes((tag, size)) + body
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, _LONG | len(length))) + length + body


def integer(value: int, tag: int = 0x02) -> bytes:
    """Return a whole number as an element."""
    return element(tag, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


def octets(value: bytes) -> bytes:
    """Return an octet string as an element."""
    return element(0x04, value)


def message(number: int, request: bytes, controls: Iterable[bytes] = ()) -> bytes:
    """Return the request as a whole message."""
    attached = b"".join(controls)
    return element(0x30, integer(number), request, element(0xA0, attached) if attached else b"")


def control(name: str, value: bytes | None = None) -> bytes:
    """Return a control that a server may ignore."""
    return element(0x30, octets(name.encode()), b"" if value is None else octets(value))


def page_control(size: int, cookie: bytes) -> bytes:
    """Return the control that asks for the next page of a search (RFC 2696)."""
    return control(PAGED_RESULTS, element(0x30, integer(size), octets(cookie)))


def bind_request(name: str, password: bytes) -> bytes:
    """Return a simple bind (RFC 4511 §4.2)."""
    return element(0x60, integer(3), octets(name.encode()), element(0x80, password))


def search_request(
    base: str, scope: int, condition: bytes, attributes: Iterable[str], *, at_most: int, seconds: int
) -> bytes:
    """Return a search (RFC 4511 §4.5.1) for no more than `at_most` entries, 0 for all, in so many seconds."""
    wanted = (octets(name.encode()) for name in attributes)
    return element(
        0x63,
        octets(base.encode()),
        integer(scope, 0x0A),
        integer(_NEVER, 0x0A),
        integer(at_most),
        integer(seconds),
        b"\x01\x01\x00",
        condition,
        element(0x30, *wanted),
    )


def start_tls_request() -> bytes:
    """Return the request for TLS on this connection (RFC 4511 §4.14)."""
    return element(0x77, element(0x80, _START_TLS))
