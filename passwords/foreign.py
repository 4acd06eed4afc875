"""Verification of hashes, also of those that other applications made and libpass cannot verify.

A function imports the library that it needs, because most processes verify hashes of one scheme, or none. The arguments
come from a hash that matched a format of `passwords.formats`, which limits the costs. Digests are
compared in constant time. All functions are thread-safe. No function holds the GIL for more than about a millisecond.
"""

import hashlib
import hmac
import time
from base64 import b64encode
from hmac import compare_digest

_MAX_BCRYPT_BYTES = 72
# Django's and Werkzeug's default parameters need more than OpenSSL's default limit of 32 MiB.
_SCRYPT_MEMORY_LIMIT = 2**30
_ROUNDS_WITHOUT_PAUSE = 512  # about 0.3 ms
_PAUSE = 1e-5  # seconds; 0 would not let another thread take the GIL


def verify_pbkdf2(secret: bytes, salt: bytes, digest: bytes, *, name: str, rounds: int) -> bool:
    """Verify PBKDF2 (RFC 8018 §5.2) with the hash function `name`."""
    return compare_digest(hashlib.pbkdf2_hmac(name, secret, salt, rounds, len(digest)), digest)


def verify_scrypt(secret: bytes, salt: bytes, digest: bytes, *, n: int, r: int, p: int) -> bool:
    """Verify scrypt (RFC 7914). Raises ValueError if OpenSSL rejects the parameters."""
    computed = hashlib.scrypt(secret, salt=salt, n=n, r=r, p=p, maxmem=_SCRYPT_MEMORY_LIMIT, dklen=len(digest))
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
    import bcrypt

    return bcrypt.checkpw(secret[:_MAX_BCRYPT_BYTES], stored.encode())


def fits_bcrypt(secret: bytes) -> bool:
    """Return whether bcrypt uses the whole password."""
    return len(secret) <= _MAX_BCRYPT_BYTES


def verify_bcrypt_sha256(secret: bytes, stored: str) -> bool:
    """Verify bcrypt over the hexadecimal SHA-256 digest of the password, as Django stores it."""
    return verify_bcrypt(hashlib.sha256(secret).hexdigest().encode(), stored)


def verify_bcrypt_wordpress(secret: bytes, stored: str) -> bool:
    """Verify bcrypt over the HMAC of the password, as WordPress 6.8 stores it. It ignores space around a password."""
    digest = hmac.digest(b"wp-sha384", secret.strip(b" \t\n\r\x0b"), "sha384")
    return verify_bcrypt(b64encode(digest), stored)


def verify_salted_once(secret: bytes, salt: bytes, digest: bytes, *, name: str) -> bool:
    """Verify one round of a hash function, as old versions of Django (salt and password) or Werkzeug (HMAC) used it."""
    computed = (hashlib.new(name, salt + secret).digest(), hmac.digest(salt, secret, name))
    return any(compare_digest(one, digest) for one in computed)


def verify_directory389(secret: bytes, stored: bytes) -> bool:
    """Verify PBKDF2 with SHA-256 as older versions of 389 Directory Server store it."""
    rounds, salt, digest = int.from_bytes(stored[:4]), stored[4:68], stored[68:]
    return verify_pbkdf2(secret, salt, digest, name="sha256", rounds=rounds)


def verify_libpass(secret: bytes, stored: str, handler: str) -> bool:
    """Verify with the libpass handler of this name."""
    from passlib import hash as handlers

    return bool(getattr(handlers, handler).verify(secret, stored))


def verify_crypt(secret: bytes, stored: str, handler: str) -> bool:
    """Verify SHA-crypt or MD5-crypt. The libpass handler computes what the system cannot compute."""
    from passwords.system_crypt import system_crypt

    computed = system_crypt(secret, stored)
    if computed is None:
        return verify_libpass(secret, stored, handler)
    # Only the digests, because the default cost has two spellings.
    return compare_digest(computed.rpartition(b"$")[2], stored.rpartition("$")[2].encode())


def verify_apr1(secret: bytes, stored: str, handler: str) -> bool:
    """Verify Apache's variant of MD5-crypt with its libpass handler, which takes about a millisecond."""
    matches = verify_libpass(secret, stored, handler)
    time.sleep(_PAUSE)
    return matches


def verify_phpass(secret: bytes, salt: bytes, digest: str, *, rounds: int) -> bool:
    """Verify the portable hashes of phpass."""
    from passlib.utils.binary import h64

    computed = hashlib.md5(salt + secret, usedforsecurity=False).digest()
    for done in range(rounds):
        if done % _ROUNDS_WITHOUT_PAUSE == 0:
            time.sleep(_PAUSE)
        computed = hashlib.md5(computed + secret, usedforsecurity=False).digest()
    return compare_digest(h64.encode_bytes(computed), digest.encode())
