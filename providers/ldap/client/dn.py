"""Distinguished names: when two of them are the same (RFC 4514, RFC 4518)."""

import re
from functools import lru_cache

DN = tuple[frozenset[tuple[str, str]], ...]
"""A name as it compares: its parts from the entry up, each a set of attribute and value."""

_PART = re.compile(
    r"\s*(?P<type>[A-Za-z][A-Za-z0-9-]*|[0-9]+(?:\.[0-9]+)*)\s*=\s*"
    # Either escape or neither, never both: where each could be read in two ways, so could the whole, times two each.
    r"(?P<value>(?:\\[0-9A-Fa-f]{2}|\\(?![0-9A-Fa-f]{2}).|[^\\,+;])*?)\s*(?P<end>[,+;]|$)",
    re.DOTALL,
)
_SPECIAL = re.compile(r'[,+"\\<>;=#\x00]|^ | $')
_ESCAPED = re.compile(r"((?:\\[0-9A-Fa-f]{2})+)|\\(.)", re.DOTALL)


def parse_dn(text: str) -> DN:
    """Return the name in the form that compares; ValueError, without the text, if it is none.

    Case, spaces around the parts, runs of spaces, and the way special characters are escaped make
    no difference, nor does the order within a part of several attributes (`cn=a+ou=b`).
    """
    parts: list[frozenset[tuple[str, str]]] = []
    pending: set[tuple[str, str]] = set()
    position, end = 0, ","
    while end:
        match = _PART.match(text, position)
        if not match:
            raise ValueError("it is not a distinguished name such as cn=admins,dc=example,dc=org")
        try:
            pending.add((match["type"].lower(), _comparable(match["value"])))
        except UnicodeDecodeError:
            raise ValueError("it has escapes that are not UTF-8") from None
        position, end = match.end(), match["end"]
        if end != "+":
            parts.append(frozenset(pending))
            pending = set()
    return tuple(parts)


@lru_cache(16_384)
def comparable(dn: str) -> DN | str:
    """Return the DN as it compares; as it is if it is none, which no rule can name."""
    try:
        return parse_dn(dn)
    except ValueError:
        return dn


def naming_values(dn: str, attribute: str) -> set[str]:
    """Return the values of the attribute that name the entry itself, as they compare."""
    try:
        return {value for name, value in parse_dn(dn)[0] if name == attribute.lower()}
    except ValueError:
        return set()


def escape_value(text: str) -> str:
    """Return the text as it stands for itself in a DN (RFC 4514 §2.4)."""
    return _SPECIAL.sub(lambda special: f"\\{ord(special[0]):02x}", text)


def _comparable(value: str) -> str:
    return " ".join(_ESCAPED.sub(_unescape, value).casefold().split())


def _unescape(match: re.Match[str]) -> str:
    if match[1]:
        return bytes.fromhex(match[1].replace("\\", "")).decode("utf-8")
    return match[2]
