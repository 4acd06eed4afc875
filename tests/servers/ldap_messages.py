"""Encoded LDAP messages, valid or not, for servers that tests script (RFC 4511)."""

from collections.abc import Iterable

BIND_RESPONSE, SEARCH_ENTRY, SEARCH_DONE, SEARCH_REFERENCE = 0x61, 0x64, 0x65, 0x73
MODIFY_RESPONSE, EXTENDED_RESPONSE, INTERMEDIATE_RESPONSE = 0x67, 0x78, 0x79
_LONG_FORM = 0x80  # this size and all larger ones are encoded in several octets


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


def octet_string(value: bytes = b"") -> bytes:
    """Return an OCTET STRING."""
    return element(0x04, value)


def message(message_id: int, operation: bytes, controls: Iterable[bytes] = ()) -> bytes:
    """Return an LDAPMessage."""
    attached = b"".join(controls)
    return element(0x30, integer(message_id), operation, element(0xA0, attached) if attached else b"")


def control(oid: str, value: bytes | None = None, *, critical: bool = False) -> bytes:
    """Return a control."""
    criticality = b"\x01\x01\xff" if critical else b""
    return element(0x30, octet_string(oid.encode()), criticality, b"" if value is None else octet_string(value))


def result(tag: int, code: int | bytes = 0, *more: bytes, text: str = "", matched_dn: str = "") -> bytes:
    """Return a final response with this result code, which may be encoded already, and `more` elements."""
    encoded = integer(code, 0x0A) if isinstance(code, int) else code
    return element(tag, encoded, octet_string(matched_dn.encode()), octet_string(text.encode()), *more)


def entry(dn: str, attributes: dict[str, list[str]]) -> bytes:
    """Return an entry that a search has found."""
    lists = (
        element(0x30, octet_string(name.encode()), element(0x31, *(octet_string(value.encode()) for value in values)))
        for name, values in attributes.items()
    )
    return element(SEARCH_ENTRY, octet_string(dn.encode()), element(0x30, *lists))


def elements(octets: bytes) -> list[tuple[int, bytes]]:
    """Return the tags and the contents of consecutive BER elements. Raises IndexError if one is not whole."""
    found = []
    while octets:
        size, start = octets[1], 2
        if size >= _LONG_FORM:
            start += size - _LONG_FORM
            size = int.from_bytes(octets[2:start], "big")
        if len(octets) < start + size:
            raise IndexError
        found.append((octets[0], octets[start : start + size]))
        octets = octets[start + size :]
    return found
