"""Private keys in PEM files. The kind of a key decides its algorithm, and its public part its id."""

import base64
import hashlib
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as generate_elliptic
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as generate_rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from jwt.algorithms import get_default_algorithms

from config.permissions import is_readable_by_others
from services.keys.ring import Key

PrivateKey = Ed25519PrivateKey | EllipticCurvePrivateKey | RSAPrivateKey

SMALLEST_RSA = 2048  # bits (RFC 7518 §3.3)
_MAKERS: Mapping[str, Callable[[], PrivateKey]] = {
    "ES256": lambda: generate_elliptic(SECP256R1()),
    "EdDSA": Ed25519PrivateKey.generate,
    "RS256": lambda: generate_rsa(65537, 3072),
}
ALGORITHMS = tuple(_MAKERS)
_THUMBPRINT = {"EC": ("crv", "kty", "x", "y"), "OKP": ("crv", "kty", "x"), "RSA": ("e", "kty", "n")}


def generate(algorithm: str) -> bytes:
    """Return a new private key for one of ALGORITHMS, in PEM."""
    return _MAKERS[algorithm]().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def read(path: Path) -> Key:
    """Return the key in a file; ValueError says what is wrong with it, in words that name no more than the file."""
    try:
        with path.open("rb") as file:
            loose = is_readable_by_others(os.fstat(file.fileno()))
            octets = file.read()
    except OSError as error:
        raise ValueError(f"{path.name} cannot be read: {error.strerror}") from None
    if loose:
        raise ValueError(f"{path.name} can be read by others, who may have the key by now. Run: chmod 600 on it")
    return parse(octets, path.name)


def parse(octets: bytes, name: str) -> Key:
    """Return the key that a PEM file of this name has; ValueError as `read` has it."""
    try:
        private = load_pem_private_key(octets, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):  # the messages may have a part of the key
        raise ValueError(f"{name} is not a PEM file with one private key that has no passphrase") from None
    algorithm = _algorithm(private)
    if algorithm is None or not isinstance(private, PrivateKey):
        raise ValueError(f"{name} has a key that is not Ed25519, P-256, or RSA of {SMALLEST_RSA} bits or more")
    public = private.public_key()
    members = get_default_algorithms()[algorithm].to_jwk(public, as_dict=True)
    required = {member: members[member] for member in _THUMBPRINT[members["kty"]]}
    key_id = _thumbprint(required)
    jwk = {**required, "kid": key_id, "alg": algorithm, "use": "sig"}
    return Key(key_id, algorithm, signing=private, verifying=public, jwk=jwk)


def _algorithm(private: object) -> str | None:
    if isinstance(private, Ed25519PrivateKey):
        return "EdDSA"
    if isinstance(private, EllipticCurvePrivateKey):
        return "ES256" if isinstance(private.curve, SECP256R1) else None
    return "RS256" if isinstance(private, RSAPrivateKey) and private.key_size >= SMALLEST_RSA else None


def _thumbprint(required: Mapping[str, str]) -> str:
    """Return the JWK thumbprint (RFC 7638 §3): the same key has the same id, wherever it lies."""
    canonical = json.dumps(required, separators=(",", ":"), sort_keys=True).encode()
    return base64.urlsafe_b64encode(hashlib.sha256(canonical).digest()).rstrip(b"=").decode()
