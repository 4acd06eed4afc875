"""The one policy for new passwords (NIST SP 800-63B-4 §3.1.1.2): long, and not what is guessed first."""

from collections.abc import Mapping
from threading import Lock
from typing import Any

from zxcvbn import zxcvbn

from config.service_settings import PasswordSettings
from config.text import casefold_name, normalize_password

_estimating = Lock()  # zxcvbn keeps what it was given in one place for all threads
_OURS = "latchkey"
_ESTIMATED = 32  # characters: what is easy begins so, and the time that an estimate takes grows with the square
_HARD_TO_GUESS = 3  # of 4, by zxcvbn's own scale: beyond whoever tries ten thousand a second
_TELLING = 4  # characters from which on a name in a password is no accident


class WeakPassword(ValueError):
    """The password must not become anybody's; the text says why, in words for whoever chose it."""


class PasswordPolicy:
    """What a new password must be. Those that are there already are never judged by it. Thread-safe."""

    def __init__(self, settings: PasswordSettings) -> None:
        self._shortest = settings.min_length

    def validate(self, password: str, *names: str | None) -> str:
        """Return the password in NFC, as it is to be hashed, for a user of these names and addresses.

        There are no rules about kinds of characters, and nothing expires. Raises WeakPassword.
        """
        try:
            accepted = normalize_password(password)
        except ValueError as error:
            raise WeakPassword(str(error)) from None
        if len(accepted) < self._shortest:
            raise WeakPassword(f"must be at least {self._shortest} characters long")
        parts = {part for name in names if name for part in (name, name.partition("@")[0])}
        if any(len(part) >= _TELLING and casefold_name(part) in casefold_name(accepted) for part in parts):
            raise WeakPassword("must not contain the username or the email")
        _refuse_guessable(accepted, [_OURS, *parts])
        return accepted


def _refuse_guessable(password: str, known: list[str]) -> None:
    with _estimating:
        found: Mapping[str, Any] = zxcvbn(password[:_ESTIMATED], user_inputs=known)
    if found["score"] < _HARD_TO_GUESS:
        warning = found["feedback"]["warning"].rstrip(".")
        why = f" ({warning[:1].lower()}{warning[1:]})" if warning else ""
        raise WeakPassword(f"is easy to guess{why}. Use several unrelated words")
