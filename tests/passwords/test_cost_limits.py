"""The cost parameters of hashes: which are accepted, and which are weaker than the policy."""

import pytest

from passwords.errors import UnusableHash
from passwords.schemes import identify, verify
from tests.support.hash_samples import PASSWORD
from tests.support.hash_templates import (
    ARGON2,
    BCRYPT,
    BCRYPT_SHA256,
    DJANGO_PBKDF2,
    DJANGO_SCRYPT,
    PHPASS,
    SHA256_CRYPT,
    SHA512_CRYPT,
    WERKZEUG_PBKDF2,
    WERKZEUG_SCRYPT,
)


@pytest.mark.parametrize(
    ("stored", "parameters"),
    [
        (ARGON2.format(2**18, 3, 1), "m=262144 t=3 p=1"),
        (ARGON2.format(8, 98304, 1), "m=8 t=98304 p=1"),
        (ARGON2.format(128, 1, 16), "m=128 t=1 p=16"),
        (BCRYPT.format(4), "cost=4"),
        (BCRYPT.format(15), "cost=15"),
        (BCRYPT_SHA256.format(15), "cost=15"),
        (DJANGO_PBKDF2.format(1), "rounds=1"),
        (DJANGO_PBKDF2.format(2 * 10**6), "rounds=2000000"),
        (WERKZEUG_PBKDF2.format(2 * 10**6), "rounds=2000000"),
        (DJANGO_SCRYPT.format(2**10, 1, 1), "N=1024 r=1 p=1"),
        (DJANGO_SCRYPT.format(2**17, 8, 2), "N=131072 r=8 p=2"),
        (WERKZEUG_SCRYPT.format(2**18, 8, 1), "N=262144 r=8 p=1"),
        (WERKZEUG_SCRYPT.format(2**15, 1, 1), "N=32768 r=1 p=1"),
        (WERKZEUG_SCRYPT.format(2**16, 2, 1), "N=65536 r=2 p=1"),
        (SHA512_CRYPT.format(1000), "rounds=1000"),
        (SHA512_CRYPT.format(10**6), "rounds=1000000"),
        (SHA256_CRYPT.format(10**6), "rounds=1000000"),
        (PHPASS.format("5"), "rounds=128"),
        (PHPASS.format("I"), "rounds=1048576"),
    ],
)
def test_highest_and_lowest_costs_are_accepted(stored: str, parameters: str) -> None:
    assert identify(stored).parameters == parameters


@pytest.mark.parametrize(
    "stored",
    [
        ARGON2.format(136, 1, 17),
        ARGON2.format(127, 1, 16),
        ARGON2.format(7, 1, 1),
        BCRYPT.format(3),
        BCRYPT.format(16),
        BCRYPT.format(31),
        BCRYPT_SHA256.format(16),
        DJANGO_PBKDF2.format(2 * 10**6 + 1),
        WERKZEUG_PBKDF2.format(10**20),
        DJANGO_SCRYPT.format(1, 8, 1),
        DJANGO_SCRYPT.format(1023, 8, 1),
        DJANGO_SCRYPT.format(2**19, 8, 1),
        DJANGO_SCRYPT.format(2**17, 8, 3),
        DJANGO_SCRYPT.format(2**17, 17, 1),
        WERKZEUG_SCRYPT.format(2**10, 1, 2**12 + 1),
        WERKZEUG_SCRYPT.format(2**9, 1, 1),
        WERKZEUG_SCRYPT.format(2**16, 1, 1),
        WERKZEUG_SCRYPT.format(2**20, 8, 1),
        SHA512_CRYPT.format(999),
        SHA512_CRYPT.format(10**6 + 1),
        SHA256_CRYPT.format(10**6 + 1),
        PHPASS.format("4"),
        PHPASS.format("J"),
    ],
)
def test_excessive_or_invalid_costs_are_rejected_and_never_computed(stored: str) -> None:
    for call in (identify, lambda text: verify(PASSWORD, text)):
        with pytest.raises(UnusableHash, match="has excessive or invalid cost parameters"):
            call(stored)


@pytest.mark.parametrize(
    ("m", "t"), [(2**18 + 1, 1), (2**18, 4), (8, 98305), (2**32 - 1, 2), (19456, 10**20), (2**20, 4)]
)
def test_argon2_that_needs_too_much_is_refused_with_the_limit(m: int, t: int) -> None:
    """The last one is the preset "sensitive" of libsodium: each concurrent login would need a GiB."""
    for call in (identify, lambda text: verify(PASSWORD, text)):
        with pytest.raises(UnusableHash, match="needs more memory or time than m=262144 t=3"):
            call(ARGON2.format(m, t, 1))


@pytest.mark.parametrize(
    ("m", "t", "weak"),
    [
        (19456, 2, False),
        (19456, 1, True),
        (19457, 1, False),  # more memory than the policy has
        (7168, 5, False),
        (7168, 4, True),
        (35839, 1, False),
        (2**18, 1, False),
        (8, 2**16, True),
        (8, 1, True),
    ],
)
def test_argon2_is_weak_if_its_cost_is_less_than_the_policy(m: int, t: int, weak: bool) -> None:
    assert identify(ARGON2.format(m, t, 1)).weak is weak
