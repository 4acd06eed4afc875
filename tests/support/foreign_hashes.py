"""Hashes in the formats of other programs, and their password."""

import base64
import hashlib

import bcrypt
from passlib.hash import apr_md5_crypt, md5_crypt, phpass, sha256_crypt, sha512_crypt
from werkzeug.security import generate_password_hash

from tests.support.stores import hashed

PASSWORD = "a password that is already in use"


def _salted(name: str) -> str:
    digest = hashlib.new(name, PASSWORD.encode() + b"salt").digest()
    return (
        f"{{{ {'sha1': 'SSHA', 'sha256': 'SSHA256', 'sha512': 'SSHA512'}[name] }}}"
        + base64.b64encode(digest + b"salt").decode()
    )


def _django_pbkdf2() -> str:
    digest = hashlib.pbkdf2_hmac("sha256", PASSWORD.encode(), b"salt", 1000)
    return f"pbkdf2_sha256$1000$salt${base64.b64encode(digest).decode()}"


_BCRYPT = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()

WEAK = {
    "bcrypt": _BCRYPT,
    "bcrypt-of-php": _BCRYPT.replace("$2b$", "$2y$"),
    "bcrypt-of-django": f"bcrypt${_BCRYPT}",
    "pbkdf2-of-django": _django_pbkdf2(),
    "pbkdf2-of-werkzeug": generate_password_hash(PASSWORD, "pbkdf2:sha256:1000"),
    "scrypt-of-werkzeug": generate_password_hash(PASSWORD, "scrypt:1024:8:1"),
    "ssha": _salted("sha1"),
    "ssha256": _salted("sha256"),
    "ssha512": _salted("sha512"),
    "sha512-crypt": sha512_crypt.using(rounds=1000).hash(PASSWORD),
    "crypt-of-slapd": "{CRYPT}" + sha256_crypt.using(rounds=1000).hash(PASSWORD),
    "md5-crypt": md5_crypt.hash(PASSWORD),
    "apr1": apr_md5_crypt.hash(PASSWORD),
    "phpass": phpass.using(rounds=7).hash(PASSWORD),
}
"""By username: hashes that are weaker than the policy."""

STRONG = hashed(PASSWORD)
ALL_USERS = {**WEAK, "argon2": STRONG}

UNUSABLE = "{SHA}" + base64.b64encode(hashlib.sha1(PASSWORD.encode(), usedforsecurity=False).digest()).decode()
"""Unusable: it has no salt."""
