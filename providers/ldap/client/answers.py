"""What a directory says, read from the wire (RFC 4511); the octets are somebody else's."""

from collections.abc import Sequence
from dataclasses import dataclass

from ldap3.core.results import RESULT_CODES

_LONG = 0x80  # from here on a length has a length of its own
_LONGEST_LENGTH = 4
_SEARCH_ENTRY, _SEARCH_REFERENCE = 0x64, 0x73
_CONTROLS = 0xA0

Place = tuple[int, int, int]
"""An element: its tag, where its contents begin, and where they end."""


@dataclass(frozen=True)
class Entry:
    """An entry of the directory; attribute names are in lower case."""

    dn: str
    attributes: dict[str, list[bytes]]

    def texts(self, attribute: str) -> list[str]:
        """Return the attribute's values."""
        return [value.decode("utf-8", "replace") for value in self.attributes.get(attribute.lower(), ())]

    def first(self, attribute: str) -> str | None:
        """Return the attribute's first value, `None` if it has none."""
        return next(iter(self.texts(attribute)), None)


@dataclass(frozen=True)
class Answer:
    """How a request ended."""

    code: int
    """RFC 4511 §4.1.9."""
    text: str
    """The server's diagnostic message: for machines, and never shown."""
    controls: dict[str, bytes]
    entries: Sequence[Entry] = ()

    @property
    def name(self) -> str:
        """The code as RFC 4511 names it."""
        return str(RESULT_CODES.get(self.code, self.code))


def size_of(buffer: bytes) -> int | None:
    """Return how long the message is that begins here, `None` if too little of it is there to say.

    Raises ValueError if it is no message.
    """
    try:
        _, start, end = _measured(buffer, 0)
    except IndexError:
        return None
    return end if start <= len(buffer) else None


def read_message(octets: bytes, entries: Sequence[Entry] = ()) -> tuple[int, Answer | Entry | None]:
    """Return a whole message's number and what it says: `None` for a referral, which nobody follows.

    An answer is given the `entries` that came before it. Raises ValueError if it is no message of LDAP.
    """
    try:
        (whole,) = children(octets, 0, len(octets))
        number, told, *rest = children(octets, *whole[1:])
        said: Answer | Entry | None = None
        if told[0] == _SEARCH_ENTRY:
            said = _entry(octets, told)
        elif told[0] != _SEARCH_REFERENCE:
            said = _answer(octets, told, rest, entries)
        return int.from_bytes(octets[number[1] : number[2]], "big", signed=True), said
    except IndexError:
        raise ValueError from None


def children(octets: bytes, start: int, end: int) -> list[Place]:
    """Return the elements between two places; ValueError if they do not fill it exactly."""
    found = []
    while start < end:
        found.append(place := _measured(octets, start))
        start = place[2]
    if start > end:
        raise ValueError
    return found


def _measured(octets: bytes, at: int) -> Place:
    length, start = octets[at + 1], at + 2
    if length >= _LONG:
        # Without a length (X.690 §8.1.3.6) LDAP knows nothing, and none is that long (RFC 4511 §5.1).
        width = length - _LONG
        if not 0 < width <= _LONGEST_LENGTH:
            raise ValueError
        length, start = int.from_bytes(octets[start : start + width], "big"), start + width
    return octets[at], start, start + length


def _answer(octets: bytes, told: Place, rest: list[Place], entries: Sequence[Entry]) -> Answer:
    code, _, text, *_ = children(octets, *told[1:])
    controls = {}
    if rest and rest[0][0] == _CONTROLS:
        for _, start, end in children(octets, *rest[0][1:]):
            name, *more = children(octets, start, end)
            value = octets[more[-1][1] : more[-1][2]] if more else b""
            controls[octets[name[1] : name[2]].decode("ascii", "replace")] = value
    message = octets[text[1] : text[2]].decode("utf-8", "replace")
    return Answer(int.from_bytes(octets[code[1] : code[2]], "big"), message, controls, entries)


def _entry(octets: bytes, told: Place) -> Entry:
    dn, listed = children(octets, *told[1:])
    attributes = {}
    for _, start, end in children(octets, *listed[1:]):
        name, values = children(octets, start, end)
        attributes[octets[name[1] : name[2]].decode("ascii", "replace").lower()] = [
            octets[first:last] for _, first, last in children(octets, *values[1:])
        ]
    return Entry(octets[dn[1] : dn[2]].decode("utf-8", "replace"), attributes)
