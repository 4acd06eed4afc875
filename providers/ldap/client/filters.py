"""Search filters with places in them, and the form in which they go over the wire."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ldap3.core.exceptions import LDAPException
from ldap3.operation.search import (
    AND,
    MATCH_APPROX,
    MATCH_EQUAL,
    MATCH_EXTENSIBLE,
    MATCH_GREATER_OR_EQUAL,
    MATCH_LESS_OR_EQUAL,
    MATCH_PRESENT,
    MATCH_SUBSTRING,
    NOT,
    OR,
    parse_filter,
)
from ldap3.protocol.convert import prepare_filter_for_sending

from providers.ldap.client.messages import element, octets

_PLACE = re.compile(r"\{([\w.;-]+)\}")
_ATTRIBUTE = re.compile(r"[A-Za-z0-9.;-]+")
_SETS = {AND: 0xA0, OR: 0xA1, NOT: 0xA2}
_COMPARISONS = {MATCH_EQUAL: 0xA3, MATCH_GREATER_OR_EQUAL: 0xA5, MATCH_LESS_OR_EQUAL: 0xA6, MATCH_APPROX: 0xA8}

Part = Callable[[Mapping[str, bytes]], bytes]


def places_in(template: str) -> set[str]:
    """Return the names that stand in braces in the filter."""
    return set(_PLACE.findall(template))


def with_wildcards(template: str) -> str:
    """Return the filter with `*` in its places: whatever has the attributes at all matches."""
    return _PLACE.sub("*", template)


class Filter:
    """A filter (RFC 4515) that may have places, such as `(uid={login})`. It never changes.

    A value is put into its place on the wire, as octets: there is no text in which it could be read
    as anything else, and so nothing to escape.
    """

    def __init__(self, text: str) -> None:
        """Raises ValueError, without the text, if it is no filter."""
        try:
            root = parse_filter(text, None, False, False, None, False)  # type: ignore[no-untyped-call]
            self._part = _compiled(root.elements[0])
        except (LDAPException, ValueError, IndexError):
            raise ValueError("it is not an LDAP filter (RFC 4515)") from None

    def encode(self, **values: str) -> bytes:
        """Return it for the wire; every place needs a value."""
        return self._part({name: value.encode() for name, value in values.items()})


def equality(attribute: str, value: bytes) -> bytes:
    """Return the filter that an attribute has a value."""
    return element(0xA3, octets(attribute.encode()), octets(value))


def every(*conditions: bytes) -> bytes:
    """Return the filter that all of them hold."""
    return element(0xA0, *conditions)


ANY = element(0x87, b"objectClass")
"""The filter that every entry matches."""


def _compiled(node: Any) -> Part:
    if node.tag in _SETS:
        return _together(_SETS[node.tag], [_compiled(child) for child in node.elements])
    held = node.assertion
    if held["attr"] is not False and not _ATTRIBUTE.fullmatch(held["attr"]):
        raise ValueError
    attribute = (held["attr"] or "").encode()
    if node.tag == MATCH_PRESENT:
        return _constant(element(0x87, attribute))
    if node.tag == MATCH_SUBSTRING:
        return _together(0xA4, [_constant(octets(attribute)), _together(0x30, _substrings(held))])
    if node.tag == MATCH_EXTENSIBLE:
        return _together(0xA9, _extensible(held, attribute))
    return _together(_COMPARISONS[node.tag], [_constant(octets(attribute)), _value(0x04, held["value"])])


def _substrings(held: Mapping[str, Any]) -> list[Part]:
    ends = [(0x80, [held["initial"]] if "initial" in held else []), (0x81, held.get("any", []))]
    ends.append((0x82, [held["final"]] if "final" in held else []))
    parts = [_value(tag, text) for tag, texts in ends for text in texts]
    if not parts:
        raise ValueError
    return parts


def _extensible(held: Mapping[str, Any], attribute: bytes) -> list[Part]:
    rule = held["matchingRule"]
    return [
        *([_constant(element(0x81, rule.encode()))] if rule else []),
        *([_constant(element(0x82, attribute))] if attribute else []),
        _value(0x83, held["value"]),
        *([_constant(b"\x84\x01\xff")] if held["dnAttributes"] else []),
    ]


def _together(tag: int, parts: Iterable[Part]) -> Part:
    held = tuple(parts)
    return lambda values: element(tag, *[part(values) for part in held])


def _value(tag: int, text: bytes) -> Part:
    # Divided before it is unescaped: `\7b` is a brace, and never the beginning of a place.
    pieces = _PLACE.split(text.decode())
    fixed = [prepare_filter_for_sending(piece) for piece in pieces[::2]]  # type: ignore[no-untyped-call]
    names = pieces[1::2]
    if not names:
        return _constant(element(tag, fixed[0]))

    def filled(values: Mapping[str, bytes]) -> bytes:
        body = fixed[0]
        for name, after in zip(names, fixed[1:], strict=True):
            body += values[name] + after
        return element(tag, body)

    return filled


def _constant(octet_string: bytes) -> Part:
    return lambda _: octet_string
