"""Text from outside: what may be a name or a password, and when two names are the same."""

import re
from typing import Annotated
from unicodedata import normalize

from pydantic import AfterValidator

MAX_NAME_LENGTH = 256
MAX_PASSWORD_LENGTH = 1024

# PBKDF2 and scrypt take `pw` and `pw` + NUL for the same; a lone surrogate is no UTF-8.
_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


def validate_text(text: str, longest: int) -> str:
    """Return the text in NFC, otherwise as it is.

    Raises ValueError, without the text, if it is then empty, longer than `longest` characters, or has
    control characters or lone surrogates.
    """
    text = normalize("NFC", text)
    if not text:
        raise ValueError("it is empty")
    if len(text) > longest:
        raise ValueError(f"it is longer than {longest} characters")
    if _FORBIDDEN.search(text):
        raise ValueError("it has control characters or is not Unicode text")
    return text


def normalize_name(text: str) -> str:
    """Return the name without the blanks around it, as `validate_text` has it; ValueError as there."""
    name = validate_text(text, MAX_NAME_LENGTH).strip()
    if not name:
        raise ValueError("it is empty")
    return name


def normalize_password(text: str) -> str:
    """Return the password as `validate_text` has it; ValueError as there. Blanks around it belong to it."""
    if text.isspace():
        raise ValueError("it is blank")
    return validate_text(text, MAX_PASSWORD_LENGTH)


def casefold_name(name: str) -> str:
    """Return what two spellings of one name have in common: two names are the same if this is equal."""
    return normalize("NFC", normalize("NFC", name).casefold())


Name = Annotated[str, AfterValidator(normalize_name)]
"""A field that holds the name of a person, an address or a role."""
