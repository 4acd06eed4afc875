"""Verification of hashes that other programs made, and of the examples in the specifications."""

from base64 import b64encode
from hashlib import sha1

import pytest

from passwords.foreign import (
    fits_bcrypt,
    verify_bcrypt,
    verify_bcrypt_sha256,
    verify_pbkdf2,
    verify_salted,
    verify_scrypt,
)
from passwords.schemes import needs_rehash, verify
from tests.support.hash_samples import (
    LONG_BCRYPT,
    LONG_PASSWORD,
    PASSWORD,
    PUBLISHED,
    SAMPLES,
    SPLIT_BCRYPT,
    SPLIT_PASSWORD,
    Sample,
    each_sample,
)

SCRYPT = [  # RFC 7914 §12
    (
        b"",
        b"",
        (16, 1, 1),
        (
            "77d6576238657b203b19ca42c18a0497f16b4844e3074ae8dfdffa3fede21442"
            "fcd0069ded0948f8326a753a0fc81f17e8d3e0fb2e0d3628cf35e20c38d18906"
        ),
    ),
    (
        b"password",
        b"NaCl",
        (1024, 8, 16),
        (
            "fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162"
            "2eaf30d92e22a3886ff109279d9830dac727afb94a83ee6d8360cbdfa2cc0640"
        ),
    ),
    (
        b"pleaseletmein",
        b"SodiumChloride",
        (16384, 8, 1),
        (
            "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2"
            "d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887"
        ),
    ),
]


@each_sample
def test_hash_matches_only_its_own_password(sample: Sample) -> None:
    assert verify(PASSWORD, sample.stored)
    for wrong in (PASSWORD[:-1], PASSWORD + "x", PASSWORD.swapcase()):
        assert not verify(wrong, sample.stored)
    # WordPress ignores space around a password when it makes the hash, and when it verifies one.
    assert verify(PASSWORD + " ", sample.stored) is (sample.scheme == "bcrypt-wordpress")
    if sample.scheme == "bcrypt-wordpress":
        assert not needs_rehash(PASSWORD + " ", sample.stored)


@each_sample
def test_weak_hash_needs_a_rehash(sample: Sample) -> None:
    assert needs_rehash(PASSWORD, sample.stored) is sample.weak


@each_sample
@pytest.mark.parametrize(
    "password",
    [PASSWORD + "\0", PASSWORD + "\0x", "\0", "\ud800", PASSWORD + "\udfff", "x" * 4097, "ü" * 2049, "日" * 10**6],
    ids=lambda password: f"{len(password)} characters",
)
def test_password_that_no_scheme_can_represent_is_wrong(sample: Sample, password: str) -> None:
    assert verify(password, sample.stored) is False


@each_sample
def test_longest_password_is_verified_by_each_scheme(sample: Sample) -> None:
    assert verify("x" * 4096, sample.stored) is False


def ssha(password: bytes) -> str:
    return "{SSHA}" + b64encode(sha1(password + b"salt", usedforsecurity=False).digest() + b"salt").decode()


@pytest.mark.parametrize(
    ("password", "hashed_bytes", "expected"),
    [
        ("x" * 4096, b"x" * 4096, True),
        ("x" * 4097, b"x" * 4097, False),
        ("x\0", b"x\0", False),
        ("\ud800", b"?", False),
        ("\ud800", b"", False),
        ("\ud800", "\ud800".encode(errors="surrogatepass"), False),
    ],
    ids=["4096 bytes", "4097 bytes", "NUL", "surrogate replaced", "surrogate omitted", "surrogate encoded"],
)
def test_password_that_schemes_encode_differently_is_always_wrong(
    password: str, hashed_bytes: bytes, expected: bool
) -> None:
    assert verify(password, ssha(hashed_bytes)) is expected


@pytest.mark.parametrize(("password", "stored"), PUBLISHED)
def test_published_example_matches(password: str, stored: str) -> None:
    assert verify(password, stored)


@pytest.mark.parametrize(
    ("password", "stored", "first_72_bytes"),
    [(LONG_PASSWORD, LONG_BCRYPT, LONG_PASSWORD[:72]), (SPLIT_PASSWORD, SPLIT_BCRYPT, "a" + "ü" * 35)],
)
def test_bcrypt_hash_of_a_long_password_matches_and_is_not_replaced(
    password: str, stored: str, first_72_bytes: str
) -> None:
    assert verify(password, stored)
    assert not needs_rehash(password, stored)
    assert not verify(first_72_bytes[:-1], stored)
    # bcrypt does not use the rest, so it is not verified.
    assert verify(password + "typo", stored)
    assert not needs_rehash(password + "typo", stored)


def test_bcrypt_hash_of_72_bytes_is_replaced() -> None:
    assert needs_rehash(LONG_PASSWORD[:72], LONG_BCRYPT)
    assert not needs_rehash("ü" * 37, LONG_BCRYPT)
    assert needs_rehash("ü" * 36, f"{{CRYPT}}{LONG_BCRYPT}")
    assert not needs_rehash("ü" * 37, f"bcrypt${LONG_BCRYPT}")


def test_weak_hash_of_a_long_password_is_replaced_unless_it_is_bcrypt() -> None:
    others = [sample for sample in SAMPLES if sample.weak and sample.scheme != "bcrypt"]
    assert all(needs_rehash(LONG_PASSWORD, sample.stored) for sample in others)


@pytest.mark.parametrize(("secret", "salt", "costs", "digest"), SCRYPT)
def test_scrypt_matches_the_test_vectors_of_its_rfc(
    secret: bytes, salt: bytes, costs: tuple[int, int, int], digest: str
) -> None:
    n, r, p = costs
    expected = bytes.fromhex(digest)
    assert verify_scrypt(secret, salt, expected, n=n, r=r, p=p)
    assert not verify_scrypt(secret + b"x", salt, expected, n=n, r=r, p=p)
    assert not verify_scrypt(secret, salt + b"x", expected, n=n, r=r, p=p)


def test_scrypt_can_use_a_quarter_of_a_gibibyte() -> None:
    assert not verify_scrypt(b"password", b"salt", b"\0" * 64, n=2**18, r=8, p=1)


def test_invalid_scrypt_parameters_raise_value_error() -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the message is OpenSSL's
        verify_scrypt(b"password", b"salt", b"\0" * 64, n=2**16, r=1, p=1)


@pytest.mark.parametrize(
    ("name", "secret", "salt", "rounds", "digest"),
    [  # RFC 6070 §2 and RFC 7914 §11
        ("sha1", b"password", b"salt", 1, "0c60c80f961f0e71f3a9b524af6012062fe037a6"),
        ("sha1", b"password", b"salt", 4096, "4b007901b765489abead49d926f721d065a429c1"),
        (
            "sha1",
            b"passwordPASSWORDpassword",
            b"saltSALTsaltSALTsaltSALTsaltSALTsalt",
            4096,
            "3d2eec4fe41c849b80c8d83662c0e44a8b291a964cf2f07038",
        ),
        (
            "sha256",
            b"passwd",
            b"salt",
            1,
            (
                "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc"
                "49ca9cccf179b645991664b39d77ef317c71b845b1e30bd509112041d3a19783"
            ),
        ),
    ],
)
def test_pbkdf2_matches_the_test_vectors_of_the_rfcs(
    name: str, secret: bytes, salt: bytes, rounds: int, digest: str
) -> None:
    expected = bytes.fromhex(digest)
    assert verify_pbkdf2(secret, salt, expected, name=name, rounds=rounds)
    assert not verify_pbkdf2(secret + b"x", salt, expected, name=name, rounds=rounds)
    assert not verify_pbkdf2(secret, salt, expected, name=name, rounds=rounds + 1)


def test_salted_digest_is_of_the_password_followed_by_the_salt() -> None:
    digest_of_abc = bytes.fromhex("a9993e364706816aba3e25717850c26c9cd0d89d")  # FIPS 180's example
    assert verify_salted(b"a", "sha1", digest_of_abc + b"bc")
    assert verify_salted(b"ab", "sha1", digest_of_abc + b"c")
    assert not verify_salted(b"a", "sha1", digest_of_abc + b"cb")
    assert not verify_salted(b"bc", "sha1", digest_of_abc + b"a")


def test_bcrypt_verifies_only_the_first_72_bytes() -> None:
    secret = LONG_PASSWORD.encode()
    assert verify_bcrypt(secret, LONG_BCRYPT)
    assert verify_bcrypt(secret[:72], LONG_BCRYPT)
    assert not verify_bcrypt(secret[:71], LONG_BCRYPT)
    assert not verify_bcrypt(secret[:71] + b"x" + secret[72:], LONG_BCRYPT)


@pytest.mark.parametrize(("length", "fits"), [(0, True), (71, True), (72, True), (73, False), (100, False)])
def test_72_bytes_fit_bcrypt(length: int, fits: bool) -> None:
    assert fits_bcrypt(b"x" * length) is fits


def test_bcrypt_sha256_verifies_every_byte() -> None:
    # Django 5.2's BCryptSHA256PasswordHasher, of LONG_PASSWORD.
    stored = "$2b$04$.n0DbnLgJFaFUfcbqtGZtuwn8c0f0mbtRIgGw5PCNXB5rN2MEes9."
    secret = LONG_PASSWORD.encode()
    assert verify_bcrypt_sha256(secret, stored)
    assert not verify_bcrypt_sha256(secret[:72], stored)
    assert not verify_bcrypt_sha256(secret[:-1] + b"x", stored)
