"""One-time codes with which users set a new password. Only hashes of them are stored."""

import hashlib
import secrets

_ALPHABET = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"  # without characters that look alike
_GROUPS, _GROUP_LENGTH = 5, 5
"""25 characters of 31: 123 bits, so that a fast hash is sufficient."""


def generate_code() -> str:
    """Return a new code, in groups that are easy to type."""
    groups = ("".join(secrets.choice(_ALPHABET) for _ in range(_GROUP_LENGTH)) for _ in range(_GROUPS))
    return "-".join(groups)


def hash_code(code: str) -> str:
    """Return the hash of a code as a user has typed it: without regard to case, spaces and hyphens."""
    plain = "".join(code.split()).replace("-", "").upper()
    return hashlib.sha256(plain.encode("utf-8", "surrogatepass")).hexdigest()
