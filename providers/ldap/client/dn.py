"""Distinguished names: parsing, spelling, and comparison (RFC 4514, RFC 4518)."""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from string import ascii_lowercase, ascii_uppercase
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
_ESCAPES = re.compile(r'[\\"#+;]')  # without these, each comma ends an RDN
_SPACES = " \t\n\r\f\v"
_SPECIAL = re.compile(r'[,+"\\<>;=#\x00]|\A\s|\s\Z', re.ASCII)
_ESCAPED = re.compile(r"((?:\\[0-9A-Fa-f]{2})+)|\\(.)", re.DOTALL)
_SHORT_STRING = re.compile(rb"[\x04\x0c\x13\x16]([\x00-\x7f])(.*)", re.DOTALL)  # BER strings of up to 127 octets

_ASCII_LOWER = str.maketrans(ascii_uppercase, ascii_lowercase)

_IGNORED_CATEGORIES = frozenset({"Mn", "Me", "Cc", "Cf"})  # accents, and marks without a glyph
# 389 Directory Server folds the dotless i. Windows ignores whether a kana is Hiragana or Katakana.
_ALIKE = {0x1806: None, 0xFFFC: None, ord("ı"): "i"} | {kana: chr(kana + 0x60) for kana in range(0x3041, 0x3097)}


def parse_dn(text: str) -> DN:
    """Return the parsed DN. Raises ValueError if the text is not a DN; the message is a predicate without the text.

    The result does not depend on the case of ASCII letters, on spaces around attributes and values, on how special
    characters are escaped, on quotes, on whether a value is hexadecimal, on whether an attribute has its short name,
    long name or OID, and on the order of the attributes in one RDN (`cn=a+ou=b`).
    """
    return tuple(frozenset((name, value.translate(_ASCII_LOWER)) for name, value in rdn) for rdn in _rdns(text))


@lru_cache(16_384)
def dn_key(dn: str) -> DN | str:
    """Return a key that is equal only for DNs that are the same for every server; the text itself if it is not a DN."""
    first, comma, rest = dn.partition(",")
    try:
        if comma and not _ESCAPES.search(dn):
            return parse_dn(first) + _parse_parent(rest)  # a user may have 100,000 groups, which have few parents
        return parse_dn(dn)
    except ValueError:
        return dn


_parse_parent = lru_cache(1024)(parse_dn)


def similar_key(key: DN | str) -> DN | str:
    """Return a key that is equal for all DNs that any server could take for the same, given their `dn_key`.

    Servers differ. OpenLDAP prepares strings (RFC 4518): it ignores compatible forms (`ｆ` and `f`), composition (NFC
    and NFD), and the number of spaces. Active Directory ignores accents, and takes `ß` for `ss` ([MS-ADTS] §6.5.1).
    """
    if isinstance(key, str):
        return key
    return tuple(map(_similar_rdn, key))


@lru_cache(16_384)
def _similar_rdn(rdn: frozenset[tuple[str, str]]) -> frozenset[tuple[str, str]]:
    return frozenset((name, similar_text(value)) for name, value in rdn)


def similar_text(value: str) -> str:
    """Return a text that is equal for all attribute values that any server could take for the same."""
    if value.isascii() and value.isprintable():
        return " ".join(value.lower().split())
    folded = normalize("NFKD", normalize("NFKD", " ".join(value.split())).casefold())
    letters = "".join(char for char in folded if category(char) not in _IGNORED_CATEGORIES)
    return " ".join(letters.translate(_ALIKE).split())


def canonical_spelling(dn: str) -> str:
    """Return the DN as RFC 4514 §2 defines, with short names of attributes. Raises ValueError as `parse_dn` does.

    Some servers find an entry only by this spelling.
    """
    return _join(_rdns(dn))


def parent_dn(dn: str) -> str:
    """Return the DN of the parent of an entry, in its `canonical_spelling`."""
    return _join(list(_rdns(dn))[1:])


def rdn_values(dn: str, attribute: str) -> set[str]:
    """Return the values of the attribute in the first RDN, without escapes."""
    try:
        return {value for name, value in next(_rdns(dn)) if name == short_name(attribute)}
    except ValueError:
        return set()


def escape_dn_value(text: str) -> str:
    """Return the text as an attribute value in a DN (RFC 4514 §2.4)."""
    return _SPECIAL.sub(lambda special: f"\\{ord(special[0]):02x}", text)


def _join(rdns: Iterable[list[tuple[str, str]]]) -> str:
    return ",".join("+".join(f"{name}={escape_dn_value(value)}" for name, value in rdn) for rdn in rdns)


def _rdns(text: str) -> Iterator[list[tuple[str, str]]]:
    """Yield the RDNs, each a list of (attribute, value), without escapes."""
    rdn: list[tuple[str, str]] = []
    position, end = 0, ","
    while end:
        match = _ATTRIBUTE_VALUE.match(text, position)
        if not match:
            raise ValueError("is not a distinguished name such as cn=admins,dc=example,dc=org")
        try:
            rdn.append((short_name(match["type"]), _decode(match)))
        except UnicodeDecodeError:
            raise ValueError("has escapes that are not UTF-8") from None
        position, end = match.end(), match["end"]
        if end != "+":
            yield rdn
            rdn = []


def _decode(match: re.Match[str]) -> str:
    """Return the value of an attribute without escapes, quotes, the hexadecimal form, or spaces at its end."""
    if match["quoted"] is not None:
        return _ESCAPED.sub(_unescape, match["quoted"])
    if match["value"].startswith("#"):
        return _decode_hexadecimal(match["value"].rstrip())
    return _ESCAPED.sub(_unescape, _without_spaces_at_end(match["value"]))


def _without_spaces_at_end(value: str) -> str:
    """Return the escaped value without the spaces at its end, except one that is escaped."""
    stripped = value.rstrip(_SPACES)
    backslashes = len(stripped) - len(stripped.rstrip("\\"))
    return value[: len(stripped) + backslashes % 2]


def _decode_hexadecimal(text: str) -> str:
    """Return the string that `#` and hexadecimal digits encode (RFC 4514 §2.4). Raises ValueError for other values."""
    try:
        encoded = _SHORT_STRING.fullmatch(bytes.fromhex(text[1:]))
    except ValueError:
        encoded = None
    if not encoded or encoded[1][0] != len(encoded[2]):
        raise ValueError("has a value that begins with # and does not encode a text; write # as \\#")
    return encoded[2].decode("utf-8")


def _unescape(match: re.Match[str]) -> str:
    if match[1]:
        return bytes.fromhex(match[1].replace("\\", "")).decode("utf-8")
    return match[2]
