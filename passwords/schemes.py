"""Password hashes of all supported schemes: identify the scheme of a stored hash, and verify a password."""

import re
from dataclasses import dataclass, field

from passwords.costs import HashScheme
from passwords.errors import UnusableHash
from passwords.foreign import fits_bcrypt
from passwords.formats import FORMATS, HashFormat

MAX_HASH_LENGTH = 512
_MAX_SECRET_BYTES = 4096  # the limit of libpass

_NO_SALT = "has no salt"
_UNSUPPORTED_SCHEMES = {
    "{lanman}": "LAN Manager",
    "$2x$": "bcrypt of the faulty version 2x",
    "$sha1$": "sha1-crypt",
    "$y$": "yescrypt",
    "$gy$": "gost-yescrypt",
    "$7$": "the scrypt variant of libsodium",
    "$S$": "the SHA-512 variant of Drupal",
    "{cram-md5}": "CRAM-MD5",
    "{digest-md5}": "DIGEST-MD5",
    "{hmac-md5}": "CRAM-MD5",
    "{scram-sha-1}": "SCRAM",
    "{scram-sha-256}": "SCRAM",
    "{x-issha,": "the SHA variant of SAP",
}
_REASONS_BY_PREFIX = {
    **dict.fromkeys(
        ("{sha}", "{sha256}", "{sha512}", "{md5}", "{nt}", "{plain-md5}", "{ldap-md5}", "md5$$", "sha1$$", "$3$"),
        _NO_SALT,
    ),
    **dict.fromkeys(("{plain}", "{cleartext}", "{clear}"), "is plain text"),
    **{prefix: f"is {name}, which is not supported" for prefix, name in _UNSUPPORTED_SCHEMES.items()},
    **dict.fromkeys(FORMATS, "is cut off or damaged"),
}
_REASONS_BY_PATTERN = [
    ("", "is empty"),
    # MD5 or SHA; Windows, optionally after the hash of LAN Manager; or MySQL.
    (r"\*?(?:[0-9A-Fa-f]{8}){2,16}(?::[0-9A-Fa-f]{32})?", _NO_SALT),
    (
        r"(?s)(?:\{[\w-]+\})?\$\$\w.*",
        "has $$ in place of $, as in a compose file: write each $ once",
    ),
    ("SCRAM-SHA-256[$].*", "is SCRAM, which is not supported"),
    ("md5[0-9a-f]{32}", _NO_SALT),  # PostgreSQL
    (r"grub\.pbkdf2\..*", "is PBKDF2 of GRUB, which is not supported"),
    ("(?s)x|[!*].*", "is not a hash: the account is locked or has no password"),
    ("[./0-9A-Za-z]{13}", "is DES crypt, which is not supported, or plain text"),
    ("(?s).*", "is plain text or has an unknown scheme"),
]

# The prefixes of slapd, Dovecot and Django before a hash that has its own prefix.
_WRAPPER = re.compile(
    r"\{(?:crypt|argon2(?:id?)?|blf-crypt|(?:md5|sha256|sha512)-crypt)\}|argon2(?=\$argon2)|bcrypt\$(?=\$2)",
    re.ASCII | re.IGNORECASE,
)
_PREFIX = re.compile(r"\{[\w-]+(?:\}(?:\$1\$)?|,)|\$[\w-]+\$|pbkdf2:\w+:|\w+(?:\$\$?|:)", re.ASCII)


@dataclass(frozen=True)
class UsableHash:
    """A stored hash that a password can match."""

    scheme: HashScheme
    _format: HashFormat = field(repr=False)
    _match: re.Match[str] = field(repr=False)

    def matches(self, password: str) -> bool:
        """Return whether this is a hash of the password. The time and the memory depend on the costs of the hash.

        A password that the scheme cannot represent is wrong. Thread-safe.
        """
        try:
            secret = password.encode()
            # Some schemes end a password at a NUL byte, and others cannot distinguish it from their padding.
            return len(secret) <= _MAX_SECRET_BYTES and b"\0" not in secret and self._format.verify(secret, self._match)
        except (ValueError, TypeError, MemoryError):  # a lone surrogate, or a password that libpass or OpenSSL rejects
            return False


def parse(stored: str) -> UsableHash:
    """Return the hash, without hashing anything. Raises UnusableHash if no password can match it."""
    hash_format, match = _parse(stored)
    return UsableHash(hash_format.scheme(match), hash_format, match)


def identify(stored: str) -> HashScheme:
    """Return the scheme of a hash, without hashing anything. Raises UnusableHash if no password can match the hash."""
    return parse(stored).scheme


def verify(password: str, stored: str) -> bool:
    """Return whether `stored` is a hash of the password, see `UsableHash.matches`. Raises UnusableHash."""
    return parse(stored).matches(password)


def needs_rehash(password: str, stored: str) -> bool:
    """Return whether a new hash of the password, which the stored hash has matched, should replace the stored hash.

    A strong hash is not replaced, and neither is one of a scheme that ignores a part of this password: a typing error
    in that part would become part of the user's password.
    """
    scheme = identify(stored)
    ignores_a_part = {
        "bcrypt": not fits_bcrypt(password.encode()),
        "bcrypt-wordpress": password != password.strip(),
    }
    return scheme.weak and not ignores_a_part.get(scheme.name, False)


def _parse(stored: str) -> tuple[HashFormat, re.Match[str]]:
    if not isinstance(stored, str):  # SQLite stores values of any type
        raise UnusableHash("is not text")
    if len(stored) > MAX_HASH_LENGTH:
        raise UnusableHash(f"is longer than {MAX_HASH_LENGTH} characters")
    wrapper = _WRAPPER.match(stored)
    text = stored[wrapper.end() :] if wrapper else stored
    prefix = _prefix(text)
    hash_format = FORMATS.get(prefix)
    if hash_format and (match := re.fullmatch(hash_format.pattern, text)):
        return hash_format, match
    by_pattern = (reason for pattern, reason in _REASONS_BY_PATTERN if re.fullmatch(pattern, text))
    raise UnusableHash(_REASONS_BY_PREFIX.get(prefix) or next(by_pattern))


def _prefix(text: str) -> str:
    prefix = match[0] if (match := _PREFIX.match(text)) else ""
    return prefix.lower() if prefix.startswith("{") else prefix
