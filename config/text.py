"""Names and passwords: which text is valid, and when two names are equal."""

import re
from itertools import pairwise
from typing import Annotated
from unicodedata import category, combining, normalize

from pydantic import AfterValidator

MAX_NAME_LENGTH = 256
MAX_PASSWORD_LENGTH = 1024

# No database stores NUL, and lone surrogates cannot be encoded in UTF-8.
_UNSTORABLE = re.compile(r"[\x00\ud800-\udfff]")
# PBKDF2 and scrypt ignore a NUL at the end of a short password. Lone surrogates cannot be encoded in UTF-8.
_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")

# Format, private-use and unassigned characters, surrogates, separators of lines.
_INVISIBLE_CATEGORIES = frozenset({"Cf", "Co", "Cn", "Cs", "Zl", "Zp"})
# The other characters that are Default_Ignorable_Code_Point: fillers, combining joiners, variation selectors.
_IGNORABLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
_SEPARATORS = re.compile("[,;]")
_JOINERS = "\u200c\u200d"
_VIRAMA = 9  # canonical combining class


def validate_text(text: str, max_length: int) -> str:
    """Return the text in NFC. Raises ValueError if it is empty, too long, or has a forbidden character.

    The message is the predicate of a sentence about the text, such as "must not be empty". It never quotes the text.
    """
    text = normalize("NFC", text)
    if not text:
        raise ValueError("must not be empty")
    if len(text) > max_length:
        raise ValueError(f"must be at most {max_length} characters long")
    if _FORBIDDEN.search(text):
        raise ValueError("must not contain control characters or lone surrogates")
    return text


def is_storable(text: str) -> bool:
    """Return whether the text is not empty, and a database can store it: it has neither NUL nor lone surrogates."""
    # Neither of the two is printable, and a search takes three times as long.
    return text != "" and (text.isprintable() or not _UNSTORABLE.search(text))


def escape(text: str) -> str:
    r"""Return the text with an escape such as `\n` or `\u202e` in place of each character that is not printable."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)


def normalize_name(text: str) -> str:
    """Return the name in NFC, without surrounding whitespace. Raises the ValueErrors of `validate_text`."""
    name = validate_text(text, MAX_NAME_LENGTH).strip()
    if not name:
        raise ValueError("must not be empty")
    return name


def normalize_role(text: str) -> str:
    """Return the name of a role in NFC, without surrounding whitespace.

    Raises the ValueErrors of `normalize_name` and `require_visible`.
    Lists of roles are comma-separated in settings, headers and spreadsheets, so a role cannot contain a separator.
    """
    name = normalize_name(text)
    if _SEPARATORS.search(name):
        raise ValueError("must not contain a comma or a semicolon: name each role by itself")
    require_visible(name)
    return name


def require_visible(name: str) -> None:
    """Raise ValueError if the name has a character that is invisible, reorders text, or is not assigned.

    These are the characters that RFC 8264 §4.2.3 disallows because of their general category, or because a renderer
    may ignore them. A joiner is valid after a virama, where it changes the letter (RFC 5892 appendix A).
    """
    if not is_visible(name):
        raise ValueError("must not contain invisible, private-use or unassigned characters")


def is_visible(name: str) -> bool:
    """Return whether the name has only characters that `require_visible` accepts."""
    return not any(_is_invisible(before, character) for before, character in pairwise(f" {name}"))


def _is_invisible(before: str, character: str) -> bool:
    if character in _JOINERS and combining(before) == _VIRAMA:
        return False
    return category(character) in _INVISIBLE_CATEGORIES or _IGNORABLE.match(character) is not None


def normalize_password(text: str) -> str:
    """Return the password in NFC. Surrounding whitespace is part of the password.

    Raises ValueError if it is only whitespace, and the ValueErrors of `validate_text`.
    """
    if text.isspace():
        raise ValueError("must not be blank")
    return validate_text(text, MAX_PASSWORD_LENGTH)


def casefold_name(name: str) -> str:
    """Return the case-folded form of the name. Two names are the same if their case-folded forms are equal."""
    return normalize("NFC", normalize("NFC", name).casefold())


Name = Annotated[str, AfterValidator(normalize_name)]
"""A model field for a username or an email."""

RoleName = Annotated[str, AfterValidator(normalize_role)]
"""A model field for the name of a role."""


def is_normalized(name: str) -> bool:
    """Return whether the name is valid and `normalize_name` does not change it."""
    try:
        return normalize_name(name) == name
    except ValueError:
        return False


def _require_normalized(text: str) -> str:
    if not is_normalized(text):
        raise ValueError("must be a valid name in Unicode NFC, without surrounding whitespace")
    return text


NormalizedName = Annotated[str, AfterValidator(_require_normalized)]
"""A model field for a name that must not be changed, because the name without the change may be another user's."""


def _validate_opaque(text: str) -> str:
    validate_text(text, MAX_NAME_LENGTH)
    return text


OpaqueText = Annotated[str, AfterValidator(_validate_opaque)]
"""A model field for an identifier of another system, which is not normalized."""
