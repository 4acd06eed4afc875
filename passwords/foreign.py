"""The hashes of other programs that libpass cannot check.

The numbers and texts come from a stored hash that `passwords.schemes` has recognised, so their bounds
are kept there. Digests are compared in constant time. Everything here is thread-safe and lets go of the GIL.
"""

import hashlib
from hmac import compare_digest

import bcrypt

_BCRYPT_TAKES = 72
_SCRYPT_MEMORY = 2**30  # OpenSSL's own limit of 32 MiB is below the defaults of Django and Werkzeug


def verify_pbkdf2(secret: bytes, salt: bytes, digest: bytes, *, name: str, rounds: int) -> bool:
    """PBKDF2 (RFC 8018 §5.2) with the hash function of this name."""
    return compare_digest(hashlib.pbkdf2_hmac(name, secret, salt, rounds, len(digest)), digest)


def verify_scrypt(secret: bytes, salt: bytes, digest: bytes, *, n: int, r: int, p: int) -> bool:
    """Scrypt (RFC 7914) of 64 bytes; ValueError if OpenSSL does not take these parameters."""
    made = hashlib.scrypt(secret, salt=salt, n=n, r=r, p=p, maxmem=_SCRYPT_MEMORY)
    return compare_digest(made, digest)


def verify_salted(secret: bytes, name: str, digest_and_salt: bytes) -> bool:
    """One round of the hash function of this name over password and salt, as LDAP directories store it."""
    size = hashlib.new(name).digest_size
    digest, salt = digest_and_salt[:size], digest_and_salt[size:]
    return compare_digest(hashlib.new(name, secret + salt).digest(), digest)


def verify_bcrypt(secret: bytes, stored: str) -> bool:
    """Bcrypt, over the first 72 bytes of the password: see `fits_bcrypt`."""
    return bcrypt.checkpw(secret[:_BCRYPT_TAKES], stored.encode())


def fits_bcrypt(secret: bytes) -> bool:
    """Say whether bcrypt sees the whole password.

    Older libraries cut it off without a word, so who has a longer one must get in with its beginning.
    """
    return len(secret) <= _BCRYPT_TAKES


def verify_bcrypt_sha256(secret: bytes, stored: str) -> bool:
    """Bcrypt over the hexadecimal SHA-256 of the password, as Django has it."""
    return verify_bcrypt(hashlib.sha256(secret).hexdigest().encode(), stored)
