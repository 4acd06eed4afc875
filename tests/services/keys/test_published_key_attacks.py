"""Attacks with published keys: a public key signs nothing, under no algorithm and no key id."""

import base64
import json
import string
import time
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as generate_rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import get_default_algorithms

from config.service_settings import TokenSettings
from services.jwt_handler import InvalidToken
from services.keys.directory import KeyDirectory
from services.keys.pem import ALGORITHMS
from services.keys.ring import Key
from services.tokens.issuer import TokenIssuer
from tests.support.signed_tokens import segment, sign
from tests.support.stores import SECRET_KEY, keys_of

BASE64URL = f"{string.ascii_letters}{string.digits}-_"
FALLBACK = "a secret of last year that still verifies its tokens"
ATTACKER_KEYS: dict[str, Any] = {
    "ES256": generate_private_key(SECP256R1()),
    "EdDSA": Ed25519PrivateKey.generate(),
    "RS256": generate_rsa(65537, 2048),
}
INVALID_KEY_IDS: list[object] = [
    "", ".", "..", "../keys/{}", "{}.pem", "./{}", "keys/{}.pem", "/{}", "{}\0", "{}\n", " {}", "{} ", "{}=", "*",
    "{}*", "?" * 43, "states.json", "../../../../dev/null", "/dev/null", "file:///dev/null", "' OR '1'='1", "{}' --",
    "x' UNION SELECT 'k", "${{KEY}}", "$(id)", "|cat", "%00", "*)(uid=*",
    None, 0, 1, True, [], ["{}"], {}, {"kid": "{}"},
]  # fmt: skip


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> KeyDirectory:
    """A directory with a key for each algorithm, of which one signs."""
    directory = KeyDirectory(tmp_path_factory.mktemp("keys"))
    for algorithm in ALGORITHMS:
        directory.add(algorithm)
    return directory


@pytest.fixture(scope="module")
def by_algorithm(directory: KeyDirectory) -> dict[str, Key]:
    """The keys of the directory."""
    return {one.key.algorithm: one.key for one in directory.read()}


@pytest.fixture(scope="module")
def issuer(directory: KeyDirectory) -> TokenIssuer:
    """An issuer with the directory, a secret and a fallback."""
    environ = {"SIGNING_KEYS_DIR": str(directory.path), "SECRET_KEY_FALLBACKS": FALLBACK, "SECRET_KEY": SECRET_KEY}
    return TokenIssuer(keys_of(environ), TokenSettings.read({}))


@pytest.fixture(params=ALGORITHMS)
def key(request: pytest.FixtureRequest, by_algorithm: dict[str, Key]) -> Key:
    """Each key of the directory."""
    return by_algorithm[request.param]


@pytest.fixture
def claims() -> dict[str, Any]:
    now = int(time.time())
    own = {"iss": "latchkey", "aud": "latchkey", "sub": "zoé", "jti": "1", "roles": ["super_admin"]}
    return {**own, "iat": now, "exp": now + 600}


def header(key: Key, **changed: object) -> dict[str, Any]:
    return {"alg": key.algorithm, "typ": "at+jwt", "kid": key.id, **changed}


def signed(key: Key, header: dict[str, Any], claims: dict[str, Any], private: Any = None) -> str:
    """Sign with the algorithm of the key, even if the header names another one."""
    text = f"{segment(header)}.{segment(claims)}"
    algorithm = get_default_algorithms()[key.algorithm]
    return f"{text}.{segment(algorithm.sign(text.encode(), private or key.signing))}"


def encodings(key: Key) -> dict[str, bytes]:
    """Return the encodings of a public key."""
    form = PublicFormat.SubjectPublicKeyInfo
    pem, der = (key.verifying.public_bytes(encoding, form) for encoding in (Encoding.PEM, Encoding.DER))
    jwk = dict(key.jwk or {})
    bare = {name: jwk[name] for name in ("kty", "crv", "x", "y", "n", "e") if name in jwk}
    numbers: dict[str, bytes] = {name: base64.urlsafe_b64decode(jwk[name] + "==") for name in jwk if name in "xyn"}
    return {
        "pem": pem,
        "pem without its last newline": pem.strip(),
        "pem with CRLF": pem.replace(b"\n", b"\r\n"),
        "pem in one line": pem.replace(b"\n", b""),
        "base64 of the pem": b"".join(pem.splitlines()[1:-1]),
        "der": der,
        "jwk": json.dumps(jwk).encode(),
        "jwk without blanks": json.dumps(jwk, separators=(",", ":")).encode(),
        "jwk as in its thumbprint": json.dumps(bare, separators=(",", ":"), sort_keys=True).encode(),
        "key set": json.dumps({"keys": [jwk]}).encode(),
        "thumbprint": key.id.encode(),
        **numbers,
        "ssh": key.verifying.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH),
    }


def is_rejected(issuer: TokenIssuer, token: str) -> bool:
    """Return whether a token is rejected as invalid, not by another error."""
    try:
        issuer.decode(token)
    except InvalidToken:
        return True
    return False


def test_unchanged_token_is_accepted(issuer: TokenIssuer, key: Key, claims: dict[str, Any]) -> None:
    assert issuer.decode(signed(key, header(key), claims)) == claims


@pytest.mark.parametrize("alg", ["HS256", "HS384", "HS512", None])
def test_public_key_is_rejected_as_a_shared_secret(
    issuer: TokenIssuer, key: Key, claims: dict[str, Any], alg: str | None
) -> None:
    digest = (alg or "HS256").replace("HS", "sha")
    secrets = [keys_of({"SECRET_KEY": secret}).ring().current.id for secret in (SECRET_KEY, FALLBACK)]
    accepted = [
        (name, kid)
        for name, octets in encodings(key).items()
        for kid in (key.id, *secrets)
        if not is_rejected(issuer, sign(header(key, alg=alg or key.algorithm, kid=kid), claims, octets, digest))
    ]
    assert accepted == []


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "nOnE", "", None, 0, [], {}])
def test_unsigned_token_is_rejected(issuer: TokenIssuer, key: Key, claims: dict[str, Any], alg: object) -> None:
    text = f"{segment(header(key, alg=alg))}.{segment(claims)}"
    signature = signed(key, header(key), claims).rpartition(".")[2]
    assert [s for s in ("", "AA", segment(b"\0" * 64), signature) if not is_rejected(issuer, f"{text}.{s}")] == []


@pytest.mark.parametrize("alg", ["HS256", "ES256", "EdDSA", "RS256", "PS256", "RS512", "ES384", "ES256K", "Ed25519"])
def test_algorithm_is_determined_by_the_key_and_not_by_the_token(
    issuer: TokenIssuer, key: Key, claims: dict[str, Any], alg: str
) -> None:
    assert is_rejected(issuer, signed(key, header(key, alg=alg), claims)) == (alg != key.algorithm)


@pytest.mark.parametrize("alg", ["RS384", "RS512", "PS256", "PS384", "PS512"])
def test_rsa_key_verifies_only_its_algorithm(
    issuer: TokenIssuer, by_algorithm: dict[str, Key], claims: dict[str, Any], alg: str
) -> None:
    rsa = by_algorithm["RS256"]
    headers = {"typ": "at+jwt", "kid": rsa.id}
    assert not is_rejected(issuer, jwt.encode(claims, rsa.signing, "RS256", headers))
    assert is_rejected(issuer, jwt.encode(claims, rsa.signing, alg, headers))
    text, _, signature = jwt.encode(claims, rsa.signing, alg, headers).rpartition(".")
    relabelled = f"{segment(header(rsa))}.{text.partition('.')[2]}.{signature}"
    assert is_rejected(issuer, relabelled)


def test_signature_of_another_key_is_rejected(
    issuer: TokenIssuer, by_algorithm: dict[str, Key], key: Key, claims: dict[str, Any]
) -> None:
    for other in (other for other in by_algorithm.values() if other is not key):
        assert is_rejected(issuer, signed(key, header(other), claims))
        assert is_rejected(issuer, signed(key, header(key, kid=other.id), claims))
        assert is_rejected(issuer, signed(key, header(key, alg=other.algorithm), claims))


def test_token_has_one_spelling(issuer: TokenIssuer, key: Key, claims: dict[str, Any]) -> None:
    token = signed(key, header(key), claims)
    ends = [index for index, character in enumerate(token) if character == "."] + [len(token)]
    for end in ends:  # of the header, the claims and the signature, whose last characters have spare bits
        spellings = [f"{token[: end - 1]}{character}{token[end:]}" for character in BASE64URL]
        assert [spelling for spelling in spellings if not is_rejected(issuer, spelling)] == [token]


@pytest.mark.parametrize("kid", INVALID_KEY_IDS, ids=json.dumps)
def test_key_id_is_only_looked_up(issuer: TokenIssuer, key: Key, claims: dict[str, Any], kid: object) -> None:
    written = json.loads(json.dumps(kid).replace("{}", key.id)) if kid != {} else kid
    assert is_rejected(issuer, signed(key, header(key, kid=written), claims))
    # For a service that opens a file with the name of the id, /dev/null is an empty secret.
    assert is_rejected(issuer, sign(header(key, alg="HS256", kid=written), claims, b""))


@pytest.mark.parametrize("change", [str.upper, str.lower, str.swapcase, lambda kid: kid[:-1], lambda kid: f"{kid}A"])
def test_key_id_is_compared_exactly(
    issuer: TokenIssuer, key: Key, claims: dict[str, Any], change: Callable[[str], str]
) -> None:
    assert is_rejected(issuer, signed(key, header(key, kid=change(key.id)), claims))


@pytest.mark.parametrize("name", ["jwk", "jku", "x5u", "x5c", "x5t", "x5t#S256", "crit", "zip", "cty", "enc", "b64"])
def test_other_header_members_are_rejected(issuer: TokenIssuer, key: Key, claims: dict[str, Any], name: str) -> None:
    attacker_key = ATTACKER_KEYS[key.algorithm]
    jwk = get_default_algorithms()[key.algorithm].to_jwk(attacker_key.public_key(), as_dict=True)
    for value in (jwk, json.dumps(jwk), "http://127.0.0.1:9/keys", [name], None):
        for private in (attacker_key, key.signing):
            assert is_rejected(issuer, signed(key, header(key, **{name: value}), claims, private))
        assert is_rejected(issuer, signed(key, header(key, **{name: value}, kid="attacker_key"), claims, attacker_key))


def test_changed_signature_is_rejected(issuer: TokenIssuer, key: Key, claims: dict[str, Any]) -> None:
    text, _, signature = signed(key, header(key), claims).rpartition(".")
    octets = base64.urlsafe_b64decode(f"{signature}==")
    half = len(octets) // 2
    flipped = octets[:-1] + bytes([octets[-1] ^ 1])
    for changed in (flipped, octets[:-1], octets + b"\0", b"\0" * len(octets), octets[half:] + octets[:half], b"\0"):
        assert is_rejected(issuer, f"{text}.{segment(changed)}")


def test_changed_claims_are_rejected(issuer: TokenIssuer, key: Key, claims: dict[str, Any]) -> None:
    first, _, signature = signed(key, header(key), {**claims, "roles": ["user"]}).split(".")
    assert is_rejected(issuer, f"{first}.{segment(claims)}.{signature}")


def test_secret_and_private_key_do_not_sign_for_each_other(
    issuer: TokenIssuer, key: Key, claims: dict[str, Any]
) -> None:
    for secret in (SECRET_KEY, FALLBACK):
        ring = keys_of({"SECRET_KEY": secret}).ring()
        own = header(ring.current)
        assert issuer.decode(sign(own, claims, secret.encode())) == claims
        assert is_rejected(issuer, sign({**own, "kid": key.id}, claims, secret.encode()))
        assert is_rejected(issuer, signed(key, {**own, "alg": key.algorithm}, claims))
        assert is_rejected(issuer, signed(key, own, claims))
