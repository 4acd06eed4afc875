"""Published attacks on the key: the application does not start with a key that attackers can know or guess."""

import json

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from app import create_app
from config.errors import ConfigurationError
from tests.support.stores import SECRET_KEY

RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC = ec.generate_private_key(ec.SECP256R1())
ED = ed25519.Ed25519PrivateKey.generate()


def pem(key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey) -> str:
    octets = key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return octets.decode()


def ssh(key: ed25519.Ed25519PublicKey | ec.EllipticCurvePublicKey) -> str:
    return key.public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH).decode()


PEM, JWK = pem(RSA.public_key()), jwt.algorithms.RSAAlgorithm.to_jwk(RSA.public_key())
OCTETS = {"kty": "oct", "k": "A" * 43}
KEYS = {
    "CVE-2026-102266: no key": None,
    "CVE-2026-102266: empty key": "",
    "CVE-2026-102266: key of spaces": " " * 64,
    "CVE-2025-45768: short key": SECRET_KEY[:31],
    "CVE-2025-45768: short key with surrounding spaces": f"  {SECRET_KEY[:31]}  ",
    "CVE-2023-27524: key of jwt.io": "your-256-bit-secret, a published example",
    "CVE-2023-27524: key of Superset": "CHANGE_ME_TO_A_COMPLEX_RANDOM_SECRET",
    "CVE-2017-11424: PEM": PEM,
    "CVE-2017-11424: PEM of an elliptic curve": pem(EC.public_key()),
    "CVE-2022-29217: SSH": ssh(ED.public_key()),
    "CVE-2022-29217: SSH of an elliptic curve": ssh(EC.public_key()),
    "CVE-2022-29217: SSH after spaces": f" \t{ssh(ED.public_key())}",
    "CVE-2026-48526: JWK": JWK,
    "CVE-2026-48526: symmetric JWK": json.dumps(OCTETS, indent=4),
    "CVE-2026-102268: PEM in one line": PEM.replace("\n", " "),
    "CVE-2026-102268: PEM after spaces": f"\n \r\n{PEM}",
    "CVE-2026-102268: PEM with CRLF": PEM.replace("\n", "\r\n"),
    "CVE-2026-102273: nested JWK": json.dumps({"keys": [json.loads(JWK)]}, indent=2),
    "CVE-2026-102273: twice nested JWK": json.dumps({"x": {"keys": [OCTETS]}}),
}


@pytest.mark.parametrize("secret", KEYS.values(), ids=KEYS)
def test_weak_or_published_key_prevents_a_start(static_environ: dict[str, str], secret: str | None) -> None:
    assert create_app({**static_environ, "SECRET_KEY": SECRET_KEY})
    with pytest.raises(ConfigurationError, match="SECRET_KEY") as caught:
        create_app({**static_environ, **({} if secret is None else {"SECRET_KEY": secret})})
    assert len(caught.value.lines) == 1
    assert not secret or secret not in str(caught.value)
