"""Damaged password hashes of all schemes: no password matches them, unless only the spelling of the scheme differs."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passwords.errors import UnusableHash
from passwords.hashing import verify_password
from passwords.schemes import identify, needs_rehash, verify
from passwords.status import hash_status
from tests.fuzz.strategies import ANY_TEXT, damaged_text, fewer_examples, substituted_text
from tests.support.hash_samples import PASSWORD, SAMPLES

MAX_MILLISECONDS = 20
"""The estimated time of the hashes that are damaged: a test verifies hundreds."""
CHEAP = [sample.stored for sample in SAMPLES if identify(sample.stored).milliseconds < MAX_MILLISECONDS]
MAX_SECONDS = 30
"""The time of the most expensive hash that is accepted, on a machine that is ten times as slow as usual."""
_SAME_SCHEME = re.compile(r"^(?:\{(?:crypt|argon2)\}|argon2(?=\$argon2)|bcrypt\$(?=\$2))", re.IGNORECASE)


_LAST_CHARACTER = re.compile(r"(?<=[A-Za-z0-9+/.]{15})[A-Za-z0-9+/.](?==*(?:\$|$))")
"""The last character of a salt or digest in Base64, some bits of which mean nothing."""


def plain(stored: str) -> str:
    """Return the same text for all spellings that mean the same hash: prefixes, versions of bcrypt, unused bits."""
    text = re.sub(r"\$2[aby]\$", "$2b$", _SAME_SCHEME.sub("", stored))
    text = _LAST_CHARACTER.sub("", text)
    return re.sub(r"^\{[\w-]+\}", lambda match: match[0].lower(), text)


def verify_or_unusable(password: str, stored: str) -> bool:
    try:
        return verify(password, stored)
    except UnusableHash as error:
        assert str(error).isprintable()
        return False


@given(damaged_text(CHEAP) | substituted_text(CHEAP))
def test_damaged_hash_matches_only_if_it_means_the_same(stored: str) -> None:
    started = time.monotonic()
    if verify_or_unusable(PASSWORD, stored):
        assert plain(stored) in {plain(whole) for whole in CHEAP}
    assert time.monotonic() - started < MAX_SECONDS


@given(st.sampled_from(CHEAP), damaged_text([PASSWORD]))
def test_damaged_password_does_not_match(stored: str, password: str) -> None:
    assert verify_or_unusable(password, stored) == (password == PASSWORD)


@given(damaged_text(CHEAP) | ANY_TEXT)
def test_status_of_any_hash_is_one_line_that_does_not_quote_it(stored: str) -> None:
    status = hash_status(stored)
    assert all(text.isprintable() for text in status)
    assert len(stored) < 12 or stored not in repr(status)
    if status.status == "weak":
        assert needs_rehash(PASSWORD, stored)


@fewer_examples(2)
@given(ANY_TEXT | damaged_text([PASSWORD]), damaged_text(CHEAP))
def test_login_with_any_password_and_hash_is_decided(password: str, stored: str) -> None:
    assert isinstance(verify_password(password, stored), bool)


@pytest.mark.parametrize("length", [512, 513, 1024, 4096, 5000])
@pytest.mark.parametrize("stored", CHEAP)
def test_long_password_does_not_match(stored: str, length: int) -> None:
    assert not verify_or_unusable("a" * length, stored)
