"""The policy for new passwords (NIST SP 800-63B-4 §3.1.1.2): a minimum length, and not easy to guess."""

from werkzeug.exceptions import BadRequest

from config.guess_estimate import estimate_guesses
from config.http_error import HttpError
from config.service_settings import PasswordSettings
from config.text import casefold_name, normalize_password
from passwords.hashing import run_in_pool

_PRODUCT_NAME = "latchkey"
_ESTIMATED_LENGTH = 32
"""zxcvbn receives only the first characters of a password, because its time is quadratic in the length."""
_MIN_SCORE = 3
"""On zxcvbn's scale of 0 to 4. A password with this score requires at least 10^8 guesses."""
_MIN_NAME_LENGTH = 4
"""Shorter names occur in passwords by chance."""


class WeakPassword(HttpError, BadRequest, ValueError):
    """The password does not meet the policy.

    The text is the predicate of a sentence about the password, for the user, such as "must not be empty".
    """

    error_code = "weak_password"
    message = "The password {}"
    example = "must be at least 15 characters long"


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
    estimate = run_in_pool(lambda: estimate_guesses(password, _ESTIMATED_LENGTH, user_inputs))
    if estimate["score"] < _MIN_SCORE:
        warning = estimate["feedback"]["warning"].rstrip(".")
        cause = f" ({warning[:1].lower()}{warning[1:]})" if warning else ""
        raise WeakPassword(f"is easy to guess{cause}. Use several unrelated words")
