"""SECRET_KEY: weak values are rejected, and no value is ever shown."""

import json
import traceback

import pytest
import trustme

from config.errors import ConfigurationError
from config.keys import KeySettings
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


@pytest.mark.parametrize("key", ["k" * 32, "é" * 16, "日" * 11, "p4$$ ${HOME} 'quoted' \\x00 and=signs"])
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
    ids = [keys_of({"SECRET_KEY": key}).ring().current.id for key in (SECRET_KEY, SECRET_KEY, "k" * 32)]
    assert ids[0] == ids[1] != ids[2]
