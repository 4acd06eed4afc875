"""Search filters with places in them."""

import re

from ldap3.core.exceptions import LDAPInvalidFilterError
from ldap3.operation.search import parse_filter
from ldap3.utils.conv import escape_filter_chars

_PLACE = re.compile(r"\{(\w+)\}")


def check_filter(text: str) -> None:
    """Raise ValueError, without the text, if it is no search filter."""
    try:
        parse_filter(text, None, False, False, None, False)  # type: ignore[no-untyped-call]
    except LDAPInvalidFilterError:
        raise ValueError("it is not an LDAP filter (RFC 4515)") from None


def places_in(template: str) -> set[str]:
    """Return the names that stand in braces in the filter."""
    return set(_PLACE.findall(template))


def fill(template: str, **values: str) -> str:
    """Return the filter with `{name}` replaced by each value, escaped once (RFC 4515 §3)."""
    return _replace(template, {name: escape_filter_chars(value) for name, value in values.items()})


def fill_any(template: str, *names: str) -> str:
    """Return the filter with `{name}` replaced by `*`: whatever has the attribute at all matches."""
    return _replace(template, dict.fromkeys(names, "*"))


def _replace(template: str, texts: dict[str, str]) -> str:
    # In one pass: a value that holds `{dn}` is not a place.
    return _PLACE.sub(lambda place: texts.get(place[1], place[0]), template)
