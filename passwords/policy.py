"""The policy for new passwords (NIST SP 800-63B-4 §3.1.1.2): a minimum length, and not easy to guess."""

from collections.abc import Mapping
from math import prod
from threading import Lock
from typing import Any

from zxcvbn import zxcvbn
from zxcvbn.matching import L33T_TABLE, relevant_l33t_subtable

from config.service_settings import PasswordSettings
from config.text import casefold_name, normalize_password
from passwords.hashing import run_in_pool

_zxcvbn_lock = Lock()  # zxcvbn keeps the user inputs in a global variable
_PRODUCT_NAME = "latchkey"
_ESTIMATED_LENGTH = 32
"""zxcvbn receives only the first characters of a password, because its time is quadratic in the length."""
_MAX_READINGS = 64
"""zxcvbn reads signs as letters, such as `4` and `@` as `a`, in every combination. Its time is linear in their number.

The signs and digits of a keyboard's top row have this many combinations.
"""
_ONE_SIGN_PER_LETTER = str.maketrans("@{[<9!|57", "4(((611$+")
_MIN_SCORE = 3
"""On zxcvbn's scale of 0 to 4. A password with this score requires at least 10^8 guesses."""
_MIN_NAME_LENGTH = 4
"""Shorter names occur in passwords by chance."""


class WeakPassword(ValueError):
    """The password does not meet the policy.

    The text is the predicate of a sentence about the password, for the user, such as "must not be empty".
    """


class PasswordPolicy:
    """The policy for new passwords. Existing passwords are not checked. Thread-safe."""

    def __init__(self, settings: PasswordSettings) -> None:
        self._min_length = settings.min_length

    def validate(self, password: str, *names: str | None) -> str:
        """Return the password in NFC, the form to hash. Raises WeakPassword and Overloaded.

        `names` are the username and the email of the user. The password must not contain them. No kinds of characters
        are required, and passwords do not expire.
        """
        try:
            normalized = normalize_password(password)
        except ValueError as error:
            raise WeakPassword(str(error)) from None
        if len(normalized) < self._min_length:
            raise WeakPassword(f"must be at least {self._min_length} characters long")
        parts = {part for name in names if name for part in (name, name.partition("@")[0])}
        if any(len(part) >= _MIN_NAME_LENGTH and casefold_name(part) in casefold_name(normalized) for part in parts):
            raise WeakPassword("must not contain the username or the email")
        _require_hard_to_guess(normalized, [_PRODUCT_NAME, *parts])
        return normalized


def _require_hard_to_guess(password: str, user_inputs: list[str]) -> None:
    estimate = run_in_pool(lambda: _estimate(_estimated_text(password), user_inputs))
    if estimate["score"] < _MIN_SCORE:
        warning = estimate["feedback"]["warning"].rstrip(".")
        cause = f" ({warning[:1].lower()}{warning[1:]})" if warning else ""
        raise WeakPassword(f"is easy to guess{cause}. Use several unrelated words")


def _estimate(text: str, user_inputs: list[str]) -> Mapping[str, Any]:
    with _zxcvbn_lock:
        estimate: Mapping[str, Any] = zxcvbn(text, user_inputs=user_inputs)
    return estimate


def _estimated_text(password: str) -> str:
    """Return a text that zxcvbn can estimate quickly, and that is about as easy to guess as the password."""
    text = password[:_ESTIMATED_LENGTH]
    signs = relevant_l33t_subtable(text, L33T_TABLE)
    return text if prod(map(len, signs.values())) <= _MAX_READINGS else text.translate(_ONE_SIGN_PER_LETTER)
