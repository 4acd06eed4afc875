"""Distinguished names: parsing, escaping, and comparison (RFC 4514, RFC 4518)."""

import re
from functools import lru_cache

DN = tuple[frozenset[tuple[str, str]], ...]
"""A parsed DN: its RDNs from the entry up, each a set of (attribute, value). Equal parsed DNs name the same entry."""

_ATTRIBUTE_VALUE = re.compile(
    r"\s*(?P<type>[A-Za-z][A-Za-z0-9-]*|[0-9]+(?:\.[0-9]+)*)\s*=\s*"
    # The alternatives exclude each other. If one escape matched two of them, n escapes would take 2^n steps.
    r"(?P<value>(?:\\[0-9A-Fa-f]{2}|\\(?![0-9A-Fa-f]{2}).|[^\\,+;])*?)\s*(?P<end>[,+;]|$)",
    re.DOTALL,
)
_SPECIAL = re.compile(r'[,+"\\<>;=#\x00]|^ | $')
_ESCAPED = re.compile(r"((?:\\[0-9A-Fa-f]{2})+)|\\(.)", re.DOTALL)


def parse_dn(text: str) -> DN:
    """Return the parsed DN. Raises ValueError if the text is not a DN; the message is a predicate without the text.

    The result does not depend on case, on spaces around attributes and values, on the length of runs of spaces, on how
    special characters are escaped, and on the order of the attributes in one RDN (`cn=a+ou=b`).
    """
    rdns: list[frozenset[tuple[str, str]]] = []
    rdn: set[tuple[str, str]] = set()
    position, end = 0, ","
    while end:
        match = _ATTRIBUTE_VALUE.match(text, position)
        if not match:
            raise ValueError("is not a distinguished name such as cn=admins,dc=example,dc=org")
        try:
            rdn.add((match["type"].lower(), _normalize(match["value"])))
        except UnicodeDecodeError:
            raise ValueError("has escapes that are not UTF-8") from None
        position, end = match.end(), match["end"]
        if end != "+":
            rdns.append(frozenset(rdn))
            rdn = set()
    return tuple(rdns)


@lru_cache(16_384)
def dn_key(dn: str) -> DN | str:
    """Return a key that is equal for two spellings of the same DN; the text itself if it is not a DN."""
    try:
        return parse_dn(dn)
    except ValueError:
        return dn


def rdn_values(dn: str, attribute: str) -> set[str]:
    """Return the values of the attribute in the first RDN, normalized as in a parsed DN."""
    try:
        return {value for name, value in parse_dn(dn)[0] if name == attribute.lower()}
    except ValueError:
        return set()


def escape_dn_value(text: str) -> str:
    """Return the text as an attribute value in a DN (RFC 4514 §2.4)."""
    return _SPECIAL.sub(lambda special: f"\\{ord(special[0]):02x}", text)


def _normalize(value: str) -> str:
    return " ".join(_ESCAPED.sub(_unescape, value).casefold().split())


def _unescape(match: re.Match[str]) -> str:
    if match[1]:
        return bytes.fromhex(match[1].replace("\\", "")).decode("utf-8")
    return match[2]
