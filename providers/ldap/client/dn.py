"""Distinguished names: parsing, escaping, and comparison (RFC 4514, RFC 4518)."""

import re
from functools import lru_cache
from unicodedata import category, normalize

from providers.ldap.client.attribute_types import short_name

DN = tuple[frozenset[tuple[str, str]], ...]
"""A parsed DN: its RDNs from the entry up, each a set of (attribute, value). Equal parsed DNs name the same entry."""

# All repetitions are possessive and their alternatives exclude each other, so the time is linear in the length.
_ATTRIBUTE_VALUE = re.compile(
    r"\s*+(?:oid\.)?(?P<type>[a-z][a-z0-9-]*+|[0-9]++(?:\.[0-9]++)*+)\s*+=\s*+"
    r'(?:"(?P<quoted>(?:\\.|[^"\\])*+)"\s*+|'  # RFC 4514 §3 permits the quotes of RFC 1779
    r"(?P<value>(?:\\[0-9a-f]{2}|\\(?![0-9a-f]{2}).|[^\\,+;])*+))(?P<end>[,+;]|\Z)",
    re.DOTALL | re.IGNORECASE | re.ASCII,
)
_SPECIAL = re.compile(r'[,+"\\<>;=#\x00]|^ | $')
_ESCAPED = re.compile(r"((?:\\[0-9A-Fa-f]{2})+)|\\(.)", re.DOTALL)
_SHORT_STRING = re.compile(rb"[\x04\x0c\x13\x16]([\x00-\x7f])(.*)", re.DOTALL)  # BER strings of up to 127 octets

_INVISIBLE_MARKS = re.compile("[\u034f\u1806\u180b-\u180d\ufe00-\ufe0f\ufffc]")  # RFC 4518 §2.2


def parse_dn(text: str) -> DN:
    """Return the parsed DN. Raises ValueError if the text is not a DN; the message is a predicate without the text.

    The result does not depend on case, on Unicode composition, on spaces around attributes and values, on the length of
    runs of spaces, on how special characters are escaped, on quotes, on whether an attribute has its short name, long
    name or OID, and on the order of the attributes in one RDN (`cn=a+ou=b`).
    """
    rdns: list[frozenset[tuple[str, str]]] = []
    rdn: set[tuple[str, str]] = set()
    position, end = 0, ","
    while end:
        match = _ATTRIBUTE_VALUE.match(text, position)
        if not match:
            raise ValueError("is not a distinguished name such as cn=admins,dc=example,dc=org")
        try:
            rdn.add((short_name(match["type"]), _fold(_decode(match))))
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


@lru_cache(16_384)
def similar_key(key: DN | str) -> DN | str:
    """Return a key that is also equal for two DNs that only some servers distinguish.

    A server that prepares strings as RFC 4518 §2 defines, such as OpenLDAP, ignores the differences between compatible
    characters (`ｆ` and `f`), and invisible characters. Others do not.
    """
    if isinstance(key, str):
        return key
    return tuple(frozenset((name, _fold(_without_invisible(value))) for name, value in rdn) for rdn in key)


def rdn_values(dn: str, attribute: str) -> set[str]:
    """Return the values of the attribute in the first RDN, normalized as in a parsed DN."""
    try:
        return {value for name, value in parse_dn(dn)[0] if name == short_name(attribute)}
    except ValueError:
        return set()


def escape_dn_value(text: str) -> str:
    """Return the text as an attribute value in a DN (RFC 4514 §2.4)."""
    return _SPECIAL.sub(lambda special: f"\\{ord(special[0]):02x}", text)


def _decode(match: re.Match[str]) -> str:
    """Return the value of an attribute without escapes, quotes, or the hexadecimal form of a string."""
    if match["quoted"] is not None:
        return _ESCAPED.sub(_unescape, match["quoted"])
    if match["value"].startswith("#"):
        return _decode_hexadecimal(match["value"].rstrip())
    return _ESCAPED.sub(_unescape, match["value"])


def _decode_hexadecimal(text: str) -> str:
    """Return the string that `#` and hexadecimal digits encode (RFC 4514 §2.4); other encodings unchanged."""
    try:
        encoded = _SHORT_STRING.fullmatch(bytes.fromhex(text[1:]))
    except ValueError:
        return text
    return encoded[2].decode("utf-8") if encoded and encoded[1][0] == len(encoded[2]) else text


def _fold(value: str) -> str:
    return normalize("NFC", " ".join(normalize("NFC", value).casefold().split()))


def _without_invisible(value: str) -> str:
    visible = (char for char in normalize("NFKC", value) if category(char) not in {"Cc", "Cf"})
    return _INVISIBLE_MARKS.sub("", "".join(visible))


def _unescape(match: re.Match[str]) -> str:
    if match[1]:
        return bytes.fromhex(match[1].replace("\\", "")).decode("utf-8")
    return match[2]
