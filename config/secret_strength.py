"""The check of secrets that sign tokens or authenticate clients: random, and not published."""

import re
from functools import lru_cache
from itertools import pairwise
from math import log10
from typing import Annotated

from pydantic import AfterValidator, SecretStr

from config.guess_estimate import estimate_guesses
from config.values import is_quoted

MIN_SECRET_BYTES = 32
"""The length that HS256 requires (RFC 7518 §3.2)."""
MIN_GUESSES_LOG10 = 24
"""About 80 bits. The estimate of 128 random bits in hexadecimal, the least varied usual form, is 10^27 or more."""
_ESTIMATED_LENGTH = 48

_HEXADECIMAL = re.compile("[0-9a-f]{64,}|[0-9A-F]{64,}")
_MIN_DIFFERENT_PAIRS = 45
"""How many different pairs of neighbors the first 64 digits have at least. Random ones have 56, give or take 2."""

# The example secrets of Flask, FastAPI, jwt.io, Superset, RFC 7515 and RFC 7520, those that tutorials for Spring and
# Node.js have in common (two are parts of one sequence, as text and in hexadecimal), and placeholders.
_PUBLISHED = re.compile(
    r"192b9bdd22ab9ed4d12e236c78afcb9a|09d25e094faa6ca2556c818166b7a956|09f26e402586e2faa8da4c98a35f1b20"
    r"|9a4f2c8d3b7a1e6f45c8a0b3f267d8b1|2F4[12]3F4[45]284[78]2B4[BD]|/[AB]\?[DE]\([GH]\+[KM]"
    r"|AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ|hJtXIZ2uSN5kbQfbtTNWbpdmhkV8FJG"
    r"|a-string-secret-at-least-256-bits-long|your-256-bit-secret|django-insecure"
    r"|(change|replace).?(me|this|it)\b|change_me_to|secret.?key|(my|your|super|jwt).?secret|(long|random).{0,8}string",
    re.IGNORECASE,
)
_KEY_FORMATS = re.compile(r'-----BEGIN|"kty"|^(sk-)?(ssh|ecdsa)-|^MII')


def require_strong_secret(secret: SecretStr) -> SecretStr:
    """Return the secret. Raises ValueError if it is too short for HS256, easy to guess, published, or another key.

    The message is a predicate, such as "must be at least 32 bytes long", and never quotes the secret.
    """
    text = secret.get_secret_value().strip()
    if is_quoted(text):
        raise ValueError("must not be in quotes")
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
        raise ValueError("must be a random secret, not a published example or a placeholder")
    if not _is_random_hexadecimal(text) and _guesses_log10(text) < MIN_GUESSES_LOG10:
        raise ValueError("must be a random secret: this one is easy to guess")
    return secret


def _is_random_hexadecimal(text: str) -> bool:
    """Return whether the text is that of 32 random bytes, as `openssl rand -hex 32` prints them.

    Hexadecimal digits spell hardly any words, and sequences, dates and repetitions have few different pairs. So zxcvbn,
    whose dictionaries need 12 MB and a tenth of the time of a start, would find nothing.
    """
    return bool(_HEXADECIMAL.fullmatch(text)) and len(set(pairwise(text[:64]))) >= _MIN_DIFFERENT_PAIRS


@lru_cache(16)  # the same secrets are checked for each application, and before the server starts its workers
def _guesses_log10(text: str) -> float:
    # zxcvbn does not consider how few different characters a text has, such as random zeros and ones.
    texts_of_these_characters = len(text) * log10(len(set(text)))
    return min(texts_of_these_characters, log10(estimate_guesses(text, _ESTIMATED_LENGTH)["guesses"]))


StrongSecret = Annotated[SecretStr, AfterValidator(require_strong_secret)]
