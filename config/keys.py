"""The settings that say what tokens are signed with."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from config.section import Section

MIN_SECRET_BYTES = 32  # bytes, as HS256 needs them (RFC 7518 §3.2)

# The examples of Flask, FastAPI, jwt.io and Superset, and what people write instead of a secret.
_WELL_KNOWN = re.compile(
    r"192b9bdd22ab9ed4d12e236c78afcb9a393ec15f71bbf5dc987d54727823bcbf"
    r"|09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7"
    r"|a-string-secret-at-least-256-bits-long|your-256-bit-secret|django-insecure"
    r"|(change|replace).?(me|this|it)\b|change_me_to",
    re.IGNORECASE,
)
_LOOKS_LIKE_A_KEY = re.compile(r'-----BEGIN|"kty"|^(sk-)?(ssh|ecdsa)-|^MII')


def require_strong_secret(secret: SecretStr) -> SecretStr:
    """Return the secret; ValueError if it is too short to sign with, or no secret at all."""
    text = secret.get_secret_value().strip()
    try:
        length = len(text.encode())
    except UnicodeEncodeError:  # the message has a part of it
        raise ValueError("it is not Unicode text") from None
    if length < MIN_SECRET_BYTES:
        raise ValueError("it is shorter than 32 bytes")
    # A public key is public: as an HMAC secret, everyone could sign (CVE-2022-29217).
    if _LOOKS_LIKE_A_KEY.search(text):
        raise ValueError("it looks like a PEM, SSH or JWK key, not like a secret")
    if _WELL_KNOWN.search(text):
        raise ValueError("it is an example that everyone knows")
    return secret


def _listed(text: object) -> object:
    """Split what stands on lines of its own in a file, and between commas in a variable."""
    return [part.strip() for part in re.split(r"[,\n]", text) if part.strip()] if isinstance(text, str) else text


StrongSecret = Annotated[SecretStr, AfterValidator(require_strong_secret)]
SecretList = Annotated[tuple[SecretStr, ...], BeforeValidator(_listed)]


class KeySettings(Section):
    """The secret that signs tokens with HS256, and the secrets that it replaced."""

    prefix: ClassVar[str] = "SECRET_"

    key: StrongSecret | None = Field(
        None, description="at least 32 random bytes, as `openssl rand -base64 48` prints them, or set SIGNING_KEYS_DIR"
    )
    key_fallbacks: Annotated[tuple[StrongSecret, ...], BeforeValidator(_listed)] = Field(
        (), description="the previous values of SECRET_KEY, separated by commas or newlines"
    )


class SigningKeysSettings(Section):
    """The directory of private keys that sign tokens."""

    prefix: ClassVar[str] = "SIGNING_"
    renamed: ClassVar[Mapping[str, str]] = {"KEY_FOLDER": "SIGNING_KEYS_DIR"}

    keys_dir: Path | None = Field(
        None, description="the path of a directory of private keys, as `flask keys generate` creates it"
    )
