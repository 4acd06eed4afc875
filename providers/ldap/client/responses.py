"""The decoding of LDAP responses (RFC 4511). The bytes come from another system, so they may be invalid."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from ldap3.core.results import RESULT_CODES

from providers.ldap.client.attribute_types import short_name

_LONG_FORM = 0x80  # this bit of the first length octet is set if its other bits give the number of length octets
_MAX_LENGTH_OCTETS = 4
_SEARCH_ENTRY, _SEARCH_REFERENCE = 0x64, 0x73
_CONTROLS = 0xA0
_INTEGER, _ENUMERATED = 0x02, 0x0A

Element = tuple[int, int, int]
"""A BER element: its tag, and where its contents begin and end."""


@dataclass(frozen=True)
class Entry:
    """An entry of the directory. Texts are as `text_of` returns them."""

    dn: str
    attributes: dict[str, list[bytes]]
    """By the short name of the attribute, in lower case, with its options."""

    def texts(self, attribute: str) -> list[str]:
        """Return the values of the attribute, in the server's order."""
        return [text_of(value) for value in self.attributes.get(short_name(attribute), ())]

    def all_texts(self, attribute: str) -> list[str]:
        """Return the values of the attribute with any options or none, such as `cn;lang-de` (RFC 4512 §2.5)."""
        name, listed = short_name(attribute), self.attributes.items()
        return [text_of(value) for key, values in listed if key.partition(";")[0] == name for value in values]

    def first(self, attribute: str) -> str | None:
        """Return the first value of the attribute; `None` if the entry has no value."""
        return next(iter(self.texts(attribute)), None)


@dataclass(frozen=True)
class Response:
    """The final response to a request."""

    code: int
    """The result code (RFC 4511 §4.1.9)."""
    diagnostic_message: str
    """The text of the server, which may be parsed but must not be shown."""
    controls: dict[str, bytes]
    entries: Sequence[Entry] = ()
    tag: int = field(default=0, compare=False)
    """The type of the response, as the tag of its protocolOp (RFC 4511 §4.2)."""

    @property
    def code_name(self) -> str:
        """The name of the result code, such as `invalidCredentials`, or its number if the name is not known."""
        return str(RESULT_CODES.get(self.code, self.code))


def text_of(value: bytes) -> str:
    """Return a value as text. Octets that are not UTF-8 become lone surrogates, so that two values never become one."""
    return value.decode("utf-8", "surrogateescape")


def message_size(buffer: bytes) -> int | None:
    """Return the size of the message at the start of `buffer`; `None` if more bytes are needed to read the size.

    Raises ValueError if the bytes are not a message.
    """
    try:
        _, start, end = _element_at(buffer, 0)
    except IndexError:
        return None
    return end if start <= len(buffer) else None


def read_message(octets: bytes, entries: Sequence[Entry] = ()) -> tuple[int, Response | Entry | None]:
    """Return the id and the content of a complete message. The content is `None` for a search reference.

    A Response gets the `entries` that preceded it. Raises ValueError if the bytes are not an LDAP message.
    """
    try:
        (whole,) = children(octets, 0, len(octets))
        message_id, operation, *rest = children(octets, *whole[1:])
        content: Response | Entry | None = None
        if operation[0] == _SEARCH_ENTRY:
            content = _entry(octets, operation)
        elif operation[0] != _SEARCH_REFERENCE:
            content = _response(octets, operation, rest, entries)
        return _number(octets, message_id, _INTEGER), content
    except IndexError:
        raise ValueError from None


def _number(octets: bytes, element: Element, tag: int) -> int:
    """Return a number of the type `tag`. Raises ValueError if it has another type or no octets, which would be 0."""
    found, start, end = element
    if found != tag or start == end:
        raise ValueError
    return int.from_bytes(octets[start:end], "big", signed=True)


def children(octets: bytes, start: int, end: int) -> list[Element]:
    """Return the elements from `start` to `end`. Raises ValueError if the elements do not fill this range exactly."""
    elements = []
    while start < end:
        elements.append(element := _element_at(octets, start))
        start = element[2]
    if start > end:
        raise ValueError
    return elements


def _element_at(octets: bytes, at: int) -> Element:
    length, start = octets[at + 1], at + 2
    if length >= _LONG_FORM:
        # LDAP forbids the indefinite length of X.690 §8.1.3.6 (RFC 4511 §5.1).
        width = length - _LONG_FORM
        if not 0 < width <= _MAX_LENGTH_OCTETS:
            raise ValueError
        length, start = int.from_bytes(octets[start : start + width], "big"), start + width
    return octets[at], start, start + length


def _response(octets: bytes, operation: Element, rest: list[Element], entries: Sequence[Entry]) -> Response:
    code, _, text, *_ = children(octets, *operation[1:])
    controls = {}
    if rest and rest[0][0] == _CONTROLS:
        for _, start, end in children(octets, *rest[0][1:]):
            name, *more = children(octets, start, end)
            value = octets[more[-1][1] : more[-1][2]] if more else b""
            controls[octets[name[1] : name[2]].decode("ascii", "replace")] = value
    message = octets[text[1] : text[2]].decode("utf-8", "replace")
    return Response(_number(octets, code, _ENUMERATED), message, controls, entries, operation[0])


def _entry(octets: bytes, operation: Element) -> Entry:
    dn, listed = children(octets, *operation[1:])
    attributes = {}
    for _, start, end in children(octets, *listed[1:]):
        name, values = children(octets, start, end)
        attributes[short_name(octets[name[1] : name[2]].decode("ascii", "replace"))] = [
            octets[first:last] for _, first, last in children(octets, *values[1:])
        ]
    return Entry(text_of(octets[dn[1] : dn[2]]), attributes)
