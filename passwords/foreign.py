"""Verification of hashes that other applications made and libpass cannot verify.

The arguments come from a hash that matched a format of `passwords.formats`, which limits the costs. Digests are
compared in constant time. All functions are thread-safe. Those that verify PBKDF2, scrypt and bcrypt release the GIL.
"""

import hashlib
from hmac import compare_digest

import bcrypt

_MAX_BCRYPT_BYTES = 72
# Django's and Werkzeug's default parameters need more than OpenSSL's default limit of 32 MiB.
_SCRYPT_MEMORY_LIMIT = 2**30


def verify_pbkdf2(secret: bytes, salt: bytes, digest: bytes, *, name: str, rounds: int) -> bool:
    """Verify PBKDF2 (RFC 8018 §5.2) with the hash function `name`."""
    return compare_digest(hashlib.pbkdf2_hmac(name, secret, salt, rounds, len(digest)), digest)


def verify_scrypt(secret: bytes, salt: bytes, digest: bytes, *, n: int, r: int, p: int) -> bool:
    """Verify scrypt (RFC 7914) with 64 bytes of output. Raises ValueError if OpenSSL rejects the parameters."""
    computed = hashlib.scrypt(secret, salt=salt, n=n, r=r, p=p, maxmem=_SCRYPT_MEMORY_LIMIT)
    return compare_digest(computed, digest)


def verify_salted(secret: bytes, name: str, digest_and_salt: bytes) -> bool:
    """Verify one round of the hash function `name` over password and salt, as LDAP directories store it."""
    size = hashlib.new(name).digest_size
    digest, salt = digest_and_salt[:size], digest_and_salt[size:]
    return compare_digest(hashlib.new(name, secret + salt).digest(), digest)


def verify_bcrypt(secret: bytes, stored: str) -> bool:
    """Verify bcrypt over the first 72 bytes of the password.

    Older bcrypt libraries silently ignored the bytes after 72. Users with such a hash must still be able to log in, so
    these bytes are ignored here too.
    """
    return bcrypt.checkpw(secret[:_MAX_BCRYPT_BYTES], stored.encode())


def fits_bcrypt(secret: bytes) -> bool:
    """Return whether bcrypt uses the whole password."""
    return len(secret) <= _MAX_BCRYPT_BYTES


def verify_bcrypt_sha256(secret: bytes, stored: str) -> bool:
    """Verify bcrypt over the hexadecimal SHA-256 digest of the password, as Django stores it."""
    return verify_bcrypt(hashlib.sha256(secret).hexdigest().encode(), stored)
