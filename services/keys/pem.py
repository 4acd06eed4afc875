"""Private keys in PEM files. The type of a key determines its algorithm. Its id is derived from its public key."""

import base64
import hashlib
import json
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
    PublicFormat,
    load_pem_private_key,
)
from jwt.algorithms import get_default_algorithms

from config.files import UnusableFile, read_file
from config.permissions import is_readable_by_others
from services.keys.ring import Key

PrivateKey = Ed25519PrivateKey | EllipticCurvePrivateKey | RSAPrivateKey

MIN_RSA_BITS = 2048  # RFC 7518 §3.3
_GENERATORS: Mapping[str, Callable[[], PrivateKey]] = {
    "ES256": lambda: generate_elliptic(SECP256R1()),
    "EdDSA": Ed25519PrivateKey.generate,
    "RS256": lambda: generate_rsa(65537, 3072),
}
ALGORITHMS = tuple(_GENERATORS)
_THUMBPRINT_MEMBERS = {"EC": ("crv", "kty", "x", "y"), "OKP": ("crv", "kty", "x"), "RSA": ("e", "kty", "n")}


class InvalidKeyFile(Exception):
    """A file is not a private key that the service can sign with. `found` is a predicate about the file."""

    def __init__(self, name: str, found: str, remedy: str | None = None) -> None:
        super().__init__(f"{name} {found}")
        self.name = name
        self.found = found
        self.remedy = remedy


def generate(algorithm: str) -> bytes:
    """Return a new private key for one of ALGORITHMS, in PEM format."""
    return _GENERATORS[algorithm]().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def public_pem(key: Key) -> str:
    """Return the public key in PEM format (RFC 7468 §13), for software that cannot read a key set."""
    pem: bytes = key.verifying.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return pem.decode()


def read(path: Path, insecure_permissions: bool = False) -> Key:
    """Return the key in a file. Raises InvalidKeyFile, whose text contains no part of the key.

    Other users must not be able to read the file, unless `insecure_permissions` is set.
    """
    try:
        content, status = read_file(path)
    except UnusableFile as error:
        raise InvalidKeyFile(path.name, str(error)) from None
    if is_readable_by_others(status) and not insecure_permissions:
        remedy = (
            "Run `chmod 600` on it, and replace the key if another user may have read it. "
            "In a container, mount it with the mode 0400, or set FILES_INSECURE_PERMISSIONS=true"
        )
        raise InvalidKeyFile(path.name, "can be read by other users", remedy)
    return parse(content, path.name)


def parse(content: bytes, name: str) -> Key:
    """Return the key in the content of the PEM file with this name. Raises InvalidKeyFile."""
    try:
        private = load_pem_private_key(content, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):  # the messages may contain a part of the key
        raise InvalidKeyFile(name, "is not a PEM file of one private key without a passphrase") from None
    algorithm = _algorithm(private)
    if algorithm is None or not isinstance(private, PrivateKey):
        raise InvalidKeyFile(name, f"is not an Ed25519 key, a P-256 key, or an RSA key of at least {MIN_RSA_BITS} bits")
    public = private.public_key()
    members = get_default_algorithms()[algorithm].to_jwk(public, as_dict=True)
    required = {member: members[member] for member in _THUMBPRINT_MEMBERS[members["kty"]]}
    key_id = _thumbprint(required)
    jwk = {**required, "kid": key_id, "alg": algorithm, "use": "sig"}
    return Key(key_id, algorithm, signing=private, verifying=public, jwk=jwk)


def _algorithm(private: object) -> str | None:
    if isinstance(private, Ed25519PrivateKey):
        return "EdDSA"
    if isinstance(private, EllipticCurvePrivateKey):
        return "ES256" if isinstance(private.curve, SECP256R1) else None
    return "RS256" if isinstance(private, RSAPrivateKey) and private.key_size >= MIN_RSA_BITS else None


def _thumbprint(required: Mapping[str, str]) -> str:
    """Return the JWK thumbprint (RFC 7638 §3), so that a key has the same id in every file and on every host."""
    canonical = json.dumps(required, separators=(",", ":"), sort_keys=True).encode()
    return base64.urlsafe_b64encode(hashlib.sha256(canonical).digest()).rstrip(b"=").decode()
