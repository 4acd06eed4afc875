"""The function `crypt_r` of the operating system: SHA-crypt and MD5-crypt, without holding the GIL.

libpass computes these hashes in Python. Two threads that do so make every other thread about 20 times slower,
even with hashes of a low cost.
"""

import ctypes
from collections.abc import Callable
from functools import lru_cache

_LIBRARIES = ("libcrypt.so.1", "libcrypt.so.2", None)  # None: the C library, which has the function on Alpine Linux
_DATA_SIZE = 2**18  # bytes; more than the `struct crypt_data` of each of these libraries

# A library may lack a scheme, and then compute another one.
_EXAMPLES = {
    "$1$": b"$1$latchkey$/4A3SiG0PvEir1RnWdDJK.",
    "$5$": b"$5$rounds=1000$latchkey$80Ul5nnXmtAx/vG2PFWOyLT5NR4BN0PGZPdkdhk4Sg3",
    "$6$": b"$6$rounds=1000$latchkey$"
    b"livs03FYU79FtsnJeKB//BjhwUsdjZidcszaU/Wsw2dX3DJzCUdPU7sAFL1ZXQOt1oH4FEPxBF8ZESP3qkMJR.",
}
_EXAMPLE_PASSWORD = b"a"

Crypt = Callable[[bytes, bytes], bytes | None]


def system_crypt(secret: bytes, stored: str) -> bytes | None:
    """Return the hash of the password with the scheme, cost and salt of a hash that begins with `$1$`, `$5$` or `$6$`.

    Return None if the system cannot compute it, for example because the password is too long. The password has no NUL.
    Thread-safe.
    """
    crypt = _find_crypt(stored[:3])
    return crypt(secret, stored.encode()) if crypt else None


@lru_cache
def _find_crypt(prefix: str) -> Crypt | None:
    """Return the first function that computes the scheme with this prefix; None if there is none."""
    example = _EXAMPLES[prefix]
    return next(
        (crypt for crypt in map(_load, _LIBRARIES) if crypt and crypt(_EXAMPLE_PASSWORD, example) == example), None
    )


def _load(library: str | None) -> Crypt | None:
    try:
        crypt_r = ctypes.CDLL(library).crypt_r
    except (OSError, AttributeError, TypeError):
        return None
    crypt_r.argtypes = (ctypes.c_char_p, ctypes.c_char_p, ctypes.c_void_p)
    crypt_r.restype = ctypes.c_char_p

    def crypt(secret: bytes, setting: bytes) -> bytes | None:
        data = ctypes.create_string_buffer(_DATA_SIZE)
        computed: bytes | None = crypt_r(secret, setting, data)
        return computed if computed and computed.startswith(b"$") else None  # a failure is NULL, or begins with *

    return crypt
