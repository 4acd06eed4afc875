"""The settings of the keys that sign tokens."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from config.section import Section

MIN_SECRET_BYTES = 32
"""The length that HS256 requires (RFC 7518 §3.2)."""

# The example secrets of Flask, FastAPI, jwt.io and Superset, and common placeholders.
_PUBLISHED = re.compile(
    r"192b9bdd22ab9ed4d12e236c78afcb9a393ec15f71bbf5dc987d54727823bcbf"
    r"|09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7"
    r"|a-string-secret-at-least-256-bits-long|your-256-bit-secret|django-insecure"
    r"|(change|replace).?(me|this|it)\b|change_me_to",
    re.IGNORECASE,
)
_KEY_FORMATS = re.compile(r'-----BEGIN|"kty"|^(sk-)?(ssh|ecdsa)-|^MII')


def require_strong_secret(secret: SecretStr) -> SecretStr:
    """Return the secret. Raises ValueError if it is too short for HS256, a published example, or another kind of key.

    The message is a predicate, such as "must be at least 32 bytes long", and never quotes the secret.
    """
    text = secret.get_secret_value().strip()
    try:
        length = len(text.encode())
    except UnicodeEncodeError:  # its message quotes the secret
        raise ValueError("must be UTF-8 text") from None
    if length < MIN_SECRET_BYTES:
        raise ValueError(f"must be at least {MIN_SECRET_BYTES} bytes long")
    # A public key is public: if it were an HMAC secret, all its readers could sign tokens (CVE-2022-29217).
    if _KEY_FORMATS.search(text):
        raise ValueError("must be a random secret, not a PEM, SSH or JWK key")
    if _PUBLISHED.search(text):
        raise ValueError("must be a random secret, not a published example")
    return secret


def _split(text: object) -> object:
    return [part.strip() for part in re.split(r"[,\n]", text) if part.strip()] if isinstance(text, str) else text


StrongSecret = Annotated[SecretStr, AfterValidator(require_strong_secret)]
SecretList = Annotated[tuple[SecretStr, ...], BeforeValidator(_split)]
"""Secrets that are comma-separated, as in a variable, or one per line, as in a file."""


class KeySettings(Section):
    """The secret that signs tokens with HS256, and its previous values."""

    prefix: ClassVar[str] = "SECRET_"

    key: StrongSecret | None = Field(
        None, description="at least 32 random bytes, as `openssl rand -base64 48` prints them, or set SIGNING_KEYS_DIR"
    )
    key_fallbacks: Annotated[tuple[StrongSecret, ...], BeforeValidator(_split)] = Field(
        (), description="the previous values of SECRET_KEY, comma-separated or one per line"
    )


class SigningKeysSettings(Section):
    """The directory of private keys that sign tokens."""

    prefix: ClassVar[str] = "SIGNING_"
    renamed: ClassVar[Mapping[str, str]] = {"KEY_FOLDER": "SIGNING_KEYS_DIR"}

    keys_dir: Path | None = Field(
        None, description="the path of a directory of private keys, as `flask keys generate` creates it"
    )
