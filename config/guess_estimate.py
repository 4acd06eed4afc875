"""How easy to guess a password or a secret is, as zxcvbn estimates it."""

from collections.abc import Iterable, Mapping
from math import prod
from typing import Any

from config.forks import ForkSafeLock

_zxcvbn_lock = ForkSafeLock()  # zxcvbn keeps the user inputs in a global variable
_MAX_READINGS = 64
"""zxcvbn reads signs as letters, such as `4` and `@` as `a`, in every combination. Its time is linear in their number.

The signs and digits of a keyboard's top row have this many combinations.
"""
_ONE_SIGN_PER_LETTER = str.maketrans("@{[<9!|57", "4(((611$+")


def estimate_guesses(text: str, max_length: int, user_inputs: Iterable[str] = ()) -> Mapping[str, Any]:
    """Return zxcvbn's estimate, with the members `guesses`, `score` and `feedback`. Thread-safe.

    Only the first `max_length` characters are estimated, because the time is quadratic in the length. `user_inputs` are
    words that are easy to guess for this text.
    """
    from zxcvbn import zxcvbn

    text = _limit_readings(text[:max_length])
    with _zxcvbn_lock:
        estimate: Mapping[str, Any] = zxcvbn(text, user_inputs=list(user_inputs))
    return estimate


def _limit_readings(text: str) -> str:
    """Return a text with at most _MAX_READINGS readings, which is about as easy to guess as `text`."""
    from zxcvbn.matching import L33T_TABLE, relevant_l33t_subtable

    signs = relevant_l33t_subtable(text, L33T_TABLE)
    return text if prod(map(len, signs.values())) <= _MAX_READINGS else text.translate(_ONE_SIGN_PER_LETTER)
