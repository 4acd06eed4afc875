"""Search filters (RFC 4515) with placeholders."""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, product, zip_longest

from providers.ldap.client.ldap3_internals import parse_filter

PLACEHOLDER = re.compile(r"\{([\w.;-]+)\}")

# A bracket in a value is escaped, so only comparisons have no other brackets inside.
COMPARISON = re.compile(
    r"\(\s*(?P<attribute>[A-Za-z0-9.;-]*)(?P<operator>[~<>]?=|:[A-Za-z0-9.:-]*=)(?P<value>[^()]*)\)", re.ASCII
)
_ANY_OF = re.compile(r"\(\|(?:\([^()&|!][^()]*\))+\)")
_BRACKET = re.compile(r"[()]")
_SPACE_BEFORE_OPERATOR = re.compile(r"\([^()=]*\s[~<>:]*=")
_SPACE_BESIDE_PLACEHOLDER = re.compile(r"=\s+\{|\}\s+\)")


def placeholders(template: str) -> set[str]:
    """Return the names in braces in the filter."""
    return set(PLACEHOLDER.findall(template))


def attributes(template: str) -> set[str]:
    """Return the attributes that the filter compares, with their options."""
    return {comparison["attribute"] for comparison in COMPARISON.finditer(template)} - {""}


class Filter:
    """A filter that may have placeholders, such as `(uid={login})`. Immutable."""

    def __init__(self, text: str) -> None:
        """Raises ValueError if the text is not a filter. The message is a predicate, and never quotes the text."""
        compared = "".join(comparison[0] for comparison in COMPARISON.finditer(text))
        try:
            parse_filter(text)
            if len(PLACEHOLDER.findall(compared)) != len(PLACEHOLDER.findall(text)):
                raise ValueError
        except ValueError:
            raise ValueError(f"is not an LDAP filter (RFC 4515){_reason(text)}") from None
        if _SPACE_BESIDE_PLACEHOLDER.search(text):
            raise ValueError("must not have a space beside a placeholder")
        self._text = text

    def fill(self, **values: str | bytes | list[bytes]) -> str:
        """Return the filter with the values in place of the placeholders. Every placeholder needs a value.

        If a placeholder has several values, a comparison matches any of them; if it has none, no value of a user.
        The values are escaped, so they cannot change the meaning of the filter.
        """
        escaped = {
            name: [*dict.fromkeys(map(_escape, value))] if isinstance(value, list) else [_escape(value)]
            for name, value in values.items()
        }
        return COMPARISON.sub(lambda comparison: any_of(*_filled(comparison[0], escaped)), self._text)


def presence(attribute: str) -> str:
    """Return the filter that matches entries with any value of this attribute."""
    return f"({attribute}=*)"


def equality(attribute: str, value: str | bytes) -> str:
    """Return the filter that matches entries whose attribute has this value."""
    return f"({attribute}={_escape(value)})"


def all_of(*filters: str) -> str:
    """Return the filter that matches the entries that all `filters` match."""
    return f"(&{''.join(filters)})"


def any_of(*filters: str) -> str:
    """Return the filter that matches the entries that at least one of the `filters` matches."""
    return filters[0] if len(filters) == 1 else f"(|{''.join(filters)})"


def negation(search_filter: str) -> str:
    """Return the filter that matches the entries that another filter does not match."""
    return f"(!{search_filter})"


def includes(search_filter: str, comparison: str) -> bool:
    """Return whether a filter is this comparison, or an OR of comparisons that has it.

    Then it matches every entry that the comparison matches.
    """
    return search_filter == comparison or (comparison in search_filter and bool(_ANY_OF.fullmatch(search_filter)))


ANY_ENTRY = "(objectClass=*)"
"""The filter that matches every entry."""


def _filled(comparison: str, escaped: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Yield the comparison with each combination of the values of its placeholders."""
    texts, names = PLACEHOLDER.split(comparison)[::2], PLACEHOLDER.findall(comparison)
    for values in product(*(escaped[name] or [_escape("")] for name in names)):
        yield "".join(chain.from_iterable(zip_longest(texts, values, fillvalue="")))


def _escape(value: str | bytes) -> str:
    """Return a value with every octet escaped, so that ldap3 does not remove the spaces at its ends.

    An empty value becomes NUL, which no value of a user contains. Otherwise `(cn={login}*)` would become `(cn=*)`.
    """
    octets = value.encode("utf-8", "surrogateescape") if isinstance(value, str) else value
    return "".join(f"\\{octet:02x}" for octet in octets or b"\0")


def _reason(text: str) -> str:
    """Return what is wrong with a filter, to be appended to a sentence; empty if the reason is not a common one."""
    if not text.startswith("("):
        return ": it does not begin with ("
    open_brackets = 0
    for bracket in _BRACKET.findall(text):
        open_brackets += 1 if bracket == "(" else -1
        if open_brackets < 0:
            return ": a ) has no ("
    if open_brackets:
        return ": a ( has no )"
    return ": there is a space beside =" if _SPACE_BEFORE_OPERATOR.search(text) else ""
