"""The settings of the keys that sign tokens."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import BeforeValidator, Field, SecretStr

from config.secret_strength import StrongSecret
from config.section import Section


def _split(text: object) -> object:
    return [part.strip() for part in re.split(r"[,\n]", text) if part.strip()] if isinstance(text, str) else text


SecretList = Annotated[tuple[SecretStr, ...], BeforeValidator(_split)]
"""Secrets that are comma-separated, as in a variable, or one per line, as in a file."""


class KeySettings(Section):
    """The secret that signs tokens with HS256, and its previous values."""

    prefix: ClassVar[str] = "SECRET_"

    key: StrongSecret | None = Field(
        None, description="at least 32 random bytes, as `openssl rand -hex 32` prints them, or set SIGNING_KEYS_DIR"
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
