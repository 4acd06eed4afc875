"""Search filters (RFC 4515) with placeholders."""

import re

from providers.ldap.client.ldap3_internals import parse_filter

_PLACEHOLDER = re.compile(r"\{([\w.;-]+)\}")


def placeholders(template: str) -> set[str]:
    """Return the names in braces in the filter."""
    return set(_PLACEHOLDER.findall(template))


def with_wildcards(template: str) -> str:
    """Return the filter with `*` in place of each placeholder, so that any value matches."""
    return _PLACEHOLDER.sub("*", template)


class Filter:
    """A filter that may have placeholders, such as `(uid={login})`. Immutable."""

    def __init__(self, text: str) -> None:
        """Raises ValueError if the text is not a filter. The message is a predicate, and never quotes the text."""
        try:
            parse_filter(text)
        except ValueError:
            raise ValueError("is not an LDAP filter (RFC 4515)") from None
        self._text = text

    def fill(self, **values: str | bytes) -> str:
        """Return the filter with the values in place of the placeholders. Every placeholder needs a value.

        The values are escaped, so they cannot change the meaning of the filter.
        """
        return _PLACEHOLDER.sub(lambda place: _escape(values[place[1]]), self._text)


def equality(attribute: str, value: str | bytes) -> str:
    """Return the filter that matches entries whose attribute has this value."""
    return f"({attribute}={_escape(value)})"


def all_of(*filters: str) -> str:
    """Return the filter that matches the entries that all `filters` match."""
    return f"(&{''.join(filters)})"


ANY_ENTRY = "(objectClass=*)"
"""The filter that matches every entry."""


def _escape(value: str | bytes) -> str:
    """Return a value with every octet escaped, so that ldap3 does not remove the spaces at its ends.

    An empty value becomes NUL, which no value of a user contains. Otherwise `(cn={login}*)` would become `(cn=*)`.
    """
    octets = value.encode("utf-8", "surrogateescape") if isinstance(value, str) else value
    return "".join(f"\\{octet:02x}" for octet in octets or b"\0")
