"""Search filters (RFC 4515) with placeholders, and their encoding (RFC 4511 §4.5.1.7)."""

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

from providers.ldap.client.messages import element, octet_string

_PLACEHOLDER = re.compile(r"\{([\w.;-]+)\}")
_ATTRIBUTE = re.compile(r"[A-Za-z0-9.;-]+")
_SET_TAGS = {AND: 0xA0, OR: 0xA1, NOT: 0xA2}
_COMPARISON_TAGS = {MATCH_EQUAL: 0xA3, MATCH_GREATER_OR_EQUAL: 0xA5, MATCH_LESS_OR_EQUAL: 0xA6, MATCH_APPROX: 0xA8}

Encoder = Callable[[Mapping[str, bytes]], bytes]


def placeholders(template: str) -> set[str]:
    """Return the names in braces in the filter."""
    return set(_PLACEHOLDER.findall(template))


def with_wildcards(template: str) -> str:
    """Return the filter with `*` in place of each placeholder, so that any value matches."""
    return _PLACEHOLDER.sub("*", template)


class Filter:
    """A filter that may have placeholders, such as `(uid={login})`. Immutable.

    Values are inserted into the encoded filter, not into its text, so they need no escaping and cannot change the
    meaning of the filter.
    """

    def __init__(self, text: str) -> None:
        """Raises ValueError if the text is not a filter. The message is a predicate, and never quotes the text."""
        try:
            root = parse_filter(text, None, False, False, None, False)  # type: ignore[no-untyped-call]
            self._encoder = _compile(root.elements[0])
        except (LDAPException, ValueError, IndexError):
            raise ValueError("is not an LDAP filter (RFC 4515)") from None

    def encode(self, **values: str | bytes) -> bytes:
        """Return the encoded filter. Every placeholder needs a value."""
        return self._encoder({name: _octets(value) for name, value in values.items()})


def equality(attribute: str, value: bytes) -> bytes:
    """Return the encoded filter that matches entries whose attribute has this value."""
    return element(0xA3, octet_string(attribute.encode()), octet_string(value))


def all_of(*filters: bytes) -> bytes:
    """Return the encoded filter that matches the entries that all `filters` match."""
    return element(0xA0, *filters)


ANY_ENTRY = element(0x87, b"objectClass")
"""The encoded filter that matches every entry."""


def _compile(node: Any) -> Encoder:
    if node.tag in _SET_TAGS:
        return _sequence(_SET_TAGS[node.tag], [_compile(child) for child in node.elements])
    assertion = node.assertion
    if assertion["attr"] is not False and not _ATTRIBUTE.fullmatch(assertion["attr"]):
        raise ValueError
    attribute = (assertion["attr"] or "").encode()
    if node.tag == MATCH_PRESENT:
        return _constant(element(0x87, attribute))
    if node.tag == MATCH_SUBSTRING:
        return _sequence(0xA4, [_constant(octet_string(attribute)), _sequence(0x30, _substrings(assertion))])
    if node.tag == MATCH_EXTENSIBLE:
        return _sequence(0xA9, _extensible(assertion, attribute))
    return _sequence(_COMPARISON_TAGS[node.tag], [_constant(octet_string(attribute)), _value(0x04, assertion["value"])])


def _substrings(assertion: Mapping[str, Any]) -> list[Encoder]:
    ends = [(0x80, [assertion["initial"]] if "initial" in assertion else []), (0x81, assertion.get("any", []))]
    ends.append((0x82, [assertion["final"]] if "final" in assertion else []))
    parts = [_value(tag, text) for tag, texts in ends for text in texts]
    if not parts:
        raise ValueError
    return parts


def _extensible(assertion: Mapping[str, Any], attribute: bytes) -> list[Encoder]:
    rule = assertion["matchingRule"]
    return [
        *([_constant(element(0x81, rule.encode()))] if rule else []),
        *([_constant(element(0x82, attribute))] if attribute else []),
        _value(0x83, assertion["value"]),
        *([_constant(b"\x84\x01\xff")] if assertion["dnAttributes"] else []),
    ]


def _sequence(tag: int, parts: Iterable[Encoder]) -> Encoder:
    fixed = tuple(parts)
    return lambda values: element(tag, *[part(values) for part in fixed])


def _value(tag: int, text: bytes) -> Encoder:
    # The text is split before it is unescaped: `\7b` is a literal brace, never the start of a placeholder.
    pieces = _PLACEHOLDER.split(text.decode())
    fixed = [prepare_filter_for_sending(piece) for piece in pieces[::2]]  # type: ignore[no-untyped-call]
    names = pieces[1::2]
    if not names:
        return _constant(element(tag, fixed[0]))

    def fill(values: Mapping[str, bytes]) -> bytes:
        body = fixed[0]
        for name, after in zip(names, fixed[1:], strict=True):
            body += values[name] + after
        return element(tag, body)

    return fill


def _octets(value: str | bytes) -> bytes:
    return value.encode("utf-8", "surrogateescape") if isinstance(value, str) else value


def _constant(octets: bytes) -> Encoder:
    return lambda _: octets
