"""The encoding of LDAP requests (RFC 4511), for the few kinds that a login needs."""

from collections.abc import Iterable

BASE, SUBTREE = 0, 2
"""Search scopes: the entry alone, or the entry and all entries below it (RFC 4511 §4.5.1.2)."""

NO_ATTRIBUTES = ("1.1",)
"""The attributes of a search that returns entries without attributes (RFC 4511 §4.5.1.8)."""

UNBIND = b"\x42\x00"
PASSWORD_POLICY = "1.3.6.1.4.1.42.2.27.8.5.1"  # noqa: S105 - the OID of a control (draft-behera-ldap-password-policy)
PAGED_RESULTS = "1.2.840.113556.1.4.319"
_START_TLS = b"1.3.6.1.4.1.1466.20037"
_LONG_FORM = 0x80  # this size and all larger ones are encoded in several octets
_NEVER_DEREFERENCE = 0  # aliases may lead out of the base DN, and cost the server a lookup for each entry


def element(tag: int, *contents: bytes) -> bytes:
    """Return a BER element (X.690 §8.1): tag, length, contents."""
    body = b"".join(contents)
    size = len(body)
    if size < _LONG_FORM:
        return bytes((tag, size)) + body
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, _LONG_FORM | len(length))) + length + body


def integer(value: int, tag: int = 0x02) -> bytes:
    """Return an INTEGER, or another type with the same encoding, such as ENUMERATED, with its `tag`."""
    return element(tag, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


def octet_string(value: bytes) -> bytes:
    """Return an OCTET STRING."""
    return element(0x04, value)


def message(message_id: int, operation: bytes, controls: Iterable[bytes] = ()) -> bytes:
    """Return an LDAPMessage (RFC 4511 §4.1.1)."""
    attached = b"".join(controls)
    return element(0x30, integer(message_id), operation, element(0xA0, attached) if attached else b"")


def control(oid: str, value: bytes | None = None) -> bytes:
    """Return a control that is not critical: a server ignores controls that it does not know."""
    return element(0x30, octet_string(oid.encode()), b"" if value is None else octet_string(value))


def page_control(size: int, cookie: bytes) -> bytes:
    """Return the control that requests the next page of a search (RFC 2696)."""
    return control(PAGED_RESULTS, element(0x30, integer(size), octet_string(cookie)))


def bind_request(name: str, password: bytes) -> bytes:
    """Return a simple bind request (RFC 4511 §4.2)."""
    return element(0x60, integer(3), octet_string(name.encode("utf-8", "surrogateescape")), element(0x80, password))


def search_request(
    base: str, scope: int, search_filter: bytes, attributes: Iterable[str], *, size_limit: int, time_limit: int
) -> bytes:
    """Return a search request (RFC 4511 §4.5.1). `time_limit` is in seconds; 0 means no limit for both limits."""
    selection = (octet_string(name.encode()) for name in attributes)
    return element(
        0x63,
        octet_string(base.encode("utf-8", "surrogateescape")),
        integer(scope, 0x0A),
        integer(_NEVER_DEREFERENCE, 0x0A),
        integer(size_limit),
        integer(time_limit),
        b"\x01\x01\x00",
        search_filter,
        element(0x30, *selection),
    )


def start_tls_request() -> bytes:
    """Return a StartTLS request (RFC 4511 §4.14)."""
    return element(0x77, element(0x80, _START_TLS))
