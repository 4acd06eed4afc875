"""SECRET_KEY: weak values are rejected, and no value is ever shown."""

import base64
import json
import secrets
import string
import traceback
import uuid
from collections.abc import Callable

import pytest
import trustme
from pydantic import SecretStr

from config.clients import OAuthSettings
from config.errors import ConfigurationError
from config.keys import KeySettings
from config.secret_strength import _is_random_hexadecimal, require_strong_secret
from tests.support.stores import SECRET_KEY, keys_of, services_of

AUTHORITY = trustme.CA(key_type=trustme.KeyType.ECDSA)
LEAF = AUTHORITY.issue_cert("localhost", key_type=trustme.KeyType.ECDSA)


def problem(environ: dict[str, str]) -> str:
    """Return the only problem. Fails if the traceback shows the key."""
    with pytest.raises(ConfigurationError) as caught:
        keys_of(environ)
    (line,) = caught.value.lines
    key = environ.get("SECRET_KEY", "").strip()
    assert not key or key not in "".join(traceback.format_exception(caught.value))
    return line


@pytest.mark.parametrize("environ", [{}, {"SECRET_KEY": ""}])
def test_missing_key_is_a_problem(environ: dict[str, str]) -> None:
    assert problem(environ).startswith("SECRET_KEY is not set. Set it to at least 32 random bytes")


@pytest.mark.parametrize("key", ["Ж", " " * 8, "k" * 31, "é" * 15 + "k", "日" * 10])
def test_key_shorter_than_32_bytes_is_rejected(key: str) -> None:
    assert len(key.encode()) < 32
    assert "must be at least 32 bytes long" in problem({"SECRET_KEY": key})


def test_key_of_spaces_is_rejected() -> None:
    assert problem({"SECRET_KEY": " " * 40}).startswith("SECRET_KEY ")


@pytest.mark.parametrize(
    "key",
    [
        "R8xq0Vn3LzW6tYbJ2sHdKe9PfMu7GcAo",
        "éàüöñçßøåîêôûæœþéÀÜÖÑÇØÅÎ",
        "日月火水木金土山川田人口目耳手足犬虫貝車石草竹糸雨",
        "p4$$ ${HOME} 'quoted' \\x00 and=signs",
    ],
)
def test_key_length_is_measured_in_bytes(key: str) -> None:
    current = keys_of({"SECRET_KEY": key}).ring().current
    assert current.signing == key.encode()


@pytest.mark.parametrize(
    "key",
    [
        LEAF.private_key_pem.bytes().decode(),
        AUTHORITY.cert_pem.bytes().decode(),
        "\n\n  " + AUTHORITY.cert_pem.bytes().decode(),
        AUTHORITY.cert_pem.bytes().decode().replace("\n", "\\n"),
        "-----BEGIN PUBLIC KEY----- MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE -----END PUBLIC KEY-----",
        json.dumps({"kty": "oct", "k": "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0"}),
        json.dumps({"keys": [{"kty": "EC", "crv": "P-256", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"}]}),
        '{ "kty" : "RSA", "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT8", "e":"AQAB" }',
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGPKSUTyz1HwHReFVvD5obVsALAgJRNarH4TRpNePnAS",
        "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBK",
    ],
)
def test_pem_ssh_or_jwk_key_is_rejected(key: str) -> None:
    assert "must be a random secret, not a PEM, SSH or JWK key" in problem({"SECRET_KEY": key})


@pytest.mark.parametrize(
    "key",
    [
        "192b9bdd22ab9ed4d12e236c78afcb9a393ec15f71bbf5dc987d54727823bcbf",
        "09D25E094FAA6CA2556C818166B7A9563B93F7099F6F0F4CAA6CF63B88E8D3E7",
        "a-string-secret-at-least-256-bits-long",
        "your-256-bit-secret-your-256-bit-secret",
        "CHANGE_ME_TO_A_COMPLEX_RANDOM_SECRET",
        "please change me, I am not a secret at all",
        "changeme-changeme-changeme-changeme",
        "replace-this-replace-this-replace-this",
        "django-insecure-0123456789abcdefghijklmnopqrstuvwxyz",
    ],
)
def test_published_example_is_rejected(key: str) -> None:
    assert "not a published example" in problem({"SECRET_KEY": key})


def test_key_that_is_not_utf8_is_rejected() -> None:
    # Python decodes variables that are not UTF-8 to lone surrogates.
    assert problem({"SECRET_KEY": "k" * 40 + "\udcff"}).startswith("SECRET_KEY must be UTF-8 text. ")


def test_valid_key_is_not_shown_in_any_representation(static_environ: dict[str, str]) -> None:
    settings = KeySettings.read({"SECRET_KEY": SECRET_KEY})
    ring = keys_of({"SECRET_KEY": SECRET_KEY}).ring()
    services = services_of({"SECRET_KEY": SECRET_KEY, **static_environ})
    shown = [f"{thing!r} {thing}" for thing in (settings, ring, ring.current, services, services.issuer, vars(ring))]
    assert [text for text in shown if SECRET_KEY in text] == []


def test_valid_key_is_not_shown_in_problems_of_other_variables(static_environ: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        services_of({"SECRET_KEY": SECRET_KEY, "JWT_LIFETIME_MINUTES": "never", **static_environ})
    assert SECRET_KEY not in "".join(traceback.format_exception(caught.value))


def test_key_id_depends_on_the_key_alone() -> None:
    ids = [
        keys_of({"SECRET_KEY": key}).ring().current.id
        for key in (SECRET_KEY, SECRET_KEY, "R8xq0Vn3LzW6tYbJ2sHdKe9PfMu7GcAo")
    ]
    assert ids[0] == ids[1] != ids[2]


EASY_TO_GUESS = [
    "a" * 32,
    "é" * 16,
    "日" * 11,
    "password" * 4,
    "ab" * 16,
    "deadbeef" * 8,
    "0123456789abcdef" * 2,
    "abcdefghijklmnopqrstuvwxyz012345",
    "9876543210" * 4,
    "qwertyuiopasdfghjklzxcvbnm123456",
    "supersecretsupersecretsupersecret"[::-1],
    "password1password2password3password4",
    "secret-secret-secret-secret-secret",
    "P@ssw0rdP@ssw0rd1234567890abcdefgh",
    "a" * 200 + "b" * 200,
    "correct-horse-correct-horse-correct-horse",
    "letmein letmein letmein letmein letmein",
    "0110100110010110100101100110100110010110011010010110100110010110",
    "tac act cat atc cta tca act cat tca",
    "latchkey" * 5,
]
PLACEHOLDERS = [
    "insert-your-secret-key-here-please",
    "MySuperSecretKeyForJwtTokenGeneration",
    "JWT_SECRET_KEY_FOR_DEVELOPMENT_ONLY",
    "thisismysecretthatisverylongindeed",
    "please-use-a-long-random-string-here",
    "404E635266556A586E3272357538782F413F4428472B4B6250645367566B5970",
    "09f26e402586e2faa8da4c98a35f1b20d6b033c6097befa8be3486a829587fe2f90a832bd3ff9d42",
    "9a4f2c8d3b7a1e6f45c8a0b3f267d8b1d4e6f3c8a9d2b5f8e3a9c8b5f6v8a3d9",
    "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow",
    "hJtXIZ2uSN5kbQfbtTNWbpdmhkV8FJG-Onbc6mxCcYg",
]
PRINTABLE = string.ascii_letters + string.digits + "!@#$%^&*()[]{}<>|+~"
RANDOM_SECRETS: dict[str, Callable[[], str]] = {
    "token_hex(16)": lambda: secrets.token_hex(16),
    "token_hex(32)": lambda: secrets.token_hex(32),
    "token_hex(32), upper case": lambda: secrets.token_hex(32).upper(),
    "token_urlsafe(24)": lambda: secrets.token_urlsafe(24),
    "token_urlsafe(32)": lambda: secrets.token_urlsafe(32),
    "token_urlsafe(48)": lambda: secrets.token_urlsafe(48),
    "openssl rand -base64 32": lambda: base64.b64encode(secrets.token_bytes(32)).decode(),
    "uuid4": lambda: str(uuid.uuid4()),
    "uuid4 twice": lambda: f"{uuid.uuid4()}{uuid.uuid4()}",
    "printable": lambda: "".join(secrets.choice(PRINTABLE) for _ in range(40)),
}


@pytest.mark.parametrize("key", EASY_TO_GUESS)
def test_key_that_is_easy_to_guess_is_rejected(key: str) -> None:
    line = problem({"SECRET_KEY": key})
    assert line.startswith("SECRET_KEY must be a random secret")
    with pytest.raises(ConfigurationError, match="SECRET_KEY_FALLBACKS, value 1 must be a random secret"):
        keys_of({"SECRET_KEY": SECRET_KEY, "SECRET_KEY_FALLBACKS": key})


@pytest.mark.parametrize("key", [key for key in EASY_TO_GUESS if key.isascii()])
def test_client_secret_that_is_easy_to_guess_is_rejected(key: str) -> None:
    with pytest.raises(
        ConfigurationError, match="OAUTH_CLIENTS has a client with an invalid secret: it must be a random"
    ):
        OAuthSettings.read({"OAUTH_CLIENTS": f"reports:{key}"})


@pytest.mark.parametrize("key", PLACEHOLDERS)
def test_placeholder_or_secret_of_a_tutorial_is_rejected(key: str) -> None:
    assert "not a published example or a placeholder" in problem({"SECRET_KEY": key})


@pytest.mark.parametrize("kind", RANDOM_SECRETS)
def test_random_key_is_never_rejected(kind: str) -> None:
    for _ in range(250):
        require_strong_secret(SecretStr(RANDOM_SECRETS[kind]()))


PATTERNS_OF_HEXADECIMAL_DIGITS = {
    "a sequence": "0123456789abcdef" * 4,
    "a sequence and its reverse": "0123456789abcdeffedcba9876543210" * 2,
    "what can be read as words": "deadbeefcafebabefeedfacedecade00c0ffee0ddba11ca11ab1e5ca1ab1efade",
    "longer than 64 digits": "0123456789abcdef" * 4 + "b7c1f09e44d2a8635e10c7fb9a2d6384" * 2,
    "dates": "19840704199912312000010120240229198006151970010120081031201207042016022919691231",
    "a half, repeated": "b7c1f09e44d2a8635e10c7fb9a2d6384" * 2,
    "random digits after a repetition": "0" * 48 + "b7c1f09e44d2a863",
}


@pytest.mark.parametrize("pattern", PATTERNS_OF_HEXADECIMAL_DIGITS)
def test_pattern_of_hexadecimal_digits_is_estimated(pattern: str) -> None:
    assert not _is_random_hexadecimal(PATTERNS_OF_HEXADECIMAL_DIGITS[pattern])


def test_random_hexadecimal_digits_need_no_estimate() -> None:
    assert all(_is_random_hexadecimal(secrets.token_hex(32)) for _ in range(1000))
