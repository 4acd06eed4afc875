"""Attacks that begin with published keys: what everybody can read opens nothing, under no algorithm and no name."""

import base64
import json
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
from tests.services.conftest import segment, sign
from tests.support.stores import SECRET_KEY, keys_of

FALLBACK = "a secret of last year that still verifies its tokens"
THEIRS: dict[str, Any] = {
    "ES256": generate_private_key(SECP256R1()),
    "EdDSA": Ed25519PrivateKey.generate(),
    "RS256": generate_rsa(65537, 2048),
}
STRANGE_IDS: list[object] = [
    "", ".", "..", "../keys/{}", "{}.pem", "./{}", "keys/{}.pem", "/{}", "{}\0", "{}\n", " {}", "{} ", "{}=", "*",
    "{}*", "?" * 43, "states.json", "../../../../dev/null", "/dev/null", "file:///dev/null", "' OR '1'='1", "{}' --",
    "x' UNION SELECT 'k", "${{KEY}}", "$(id)", "|cat", "%00", "*)(uid=*",
    None, 0, 1, True, [], ["{}"], {}, {"kid": "{}"},
]  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> KeyDirectory:
    """A folder with a key for each algorithm, of which one signs."""
    made = KeyDirectory(tmp_path_factory.mktemp("keys"))
    for algorithm in ALGORITHMS:
        made.add(algorithm)
    return made


@pytest.fixture(scope="module")
def by_algorithm(folder: KeyDirectory) -> dict[str, Key]:
    """The keys of the folder."""
    return {one.key.algorithm: one.key for one in folder.read()}


@pytest.fixture(scope="module")
def issuer(folder: KeyDirectory) -> TokenIssuer:
    """What reads tokens by the folder, a secret and a fallback, all at once."""
    environ = {"SIGNING_KEYS_DIR": str(folder.path), "SECRET_KEY_FALLBACKS": FALLBACK, "SECRET_KEY": SECRET_KEY}
    return TokenIssuer(keys_of(environ), TokenSettings.read({}))


@pytest.fixture(params=ALGORITHMS)
def key(request: pytest.FixtureRequest, by_algorithm: dict[str, Key]) -> Key:
    """Each of the keys."""
    return by_algorithm[request.param]


@pytest.fixture
def claims() -> dict[str, Any]:
    now = int(time.time())
    own = {"iss": "latchkey", "aud": "latchkey", "sub": "zoé", "jti": "1", "roles": ["super_admin"]}
    return {**own, "iat": now, "exp": now + 600}


def header(key: Key, **changed: object) -> dict[str, Any]:
    return {"alg": key.algorithm, "typ": "at+jwt", "kid": key.id, **changed}


def signed(key: Key, header: dict[str, Any], claims: dict[str, Any], private: Any = None) -> str:
    """Sign by the algorithm of the key, whatever the header says."""
    text = f"{segment(header)}.{segment(claims)}"
    algorithm = get_default_algorithms()[key.algorithm]
    return f"{text}.{segment(algorithm.sign(text.encode(), private or key.signing))}"


def spellings(key: Key) -> dict[str, bytes]:
    """Return what a public key can be written as."""
    form = PublicFormat.SubjectPublicKeyInfo
    pem, der = (key.verifying.public_bytes(encoding, form) for encoding in (Encoding.PEM, Encoding.DER))
    jwk = dict(key.jwk or {})
    bare = {name: jwk[name] for name in ("kty", "crv", "x", "y", "n", "e") if name in jwk}
    numbers: dict[str, bytes] = {name: base64.urlsafe_b64decode(jwk[name] + "==") for name in jwk if name in "xyn"}
    return {
        "pem": pem,
        "pem without its last newline": pem.strip(),
        "pem with windows lines": pem.replace(b"\n", b"\r\n"),
        "pem in one line": pem.replace(b"\n", b""),
        "base64 of the pem": b"".join(pem.splitlines()[1:-1]),
        "der": der,
        "jwk": json.dumps(jwk).encode(),
        "jwk without blanks": json.dumps(jwk, separators=(",", ":")).encode(),
        "jwk as its thumbprint has it": json.dumps(bare, separators=(",", ":"), sort_keys=True).encode(),
        "key set": json.dumps({"keys": [jwk]}).encode(),
        "thumbprint": key.id.encode(),
        **numbers,
        "ssh": key.verifying.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH),
    }


def refused(issuer: TokenIssuer, token: str) -> bool:
    """Say whether a token is refused, and not by accident."""
    try:
        issuer.decode(token)
    except InvalidToken:
        return True
    return False


def test_what_the_attacks_start_from_is_good(issuer: TokenIssuer, key: Key, claims: dict[str, Any]) -> None:
    assert issuer.decode(signed(key, header(key), claims)) == claims


@pytest.mark.parametrize("alg", ["HS256", "HS384", "HS512", None])
def test_a_published_key_is_no_secret(issuer: TokenIssuer, key: Key, claims: dict[str, Any], alg: str | None) -> None:
    digest = (alg or "HS256").replace("HS", "sha")
    secrets = [keys_of({"SECRET_KEY": secret}).ring().current.id for secret in (SECRET_KEY, FALLBACK)]
    got_in = [
        (name, kid)
        for name, octets in spellings(key).items()
        for kid in (key.id, *secrets)
        if not refused(issuer, sign(header(key, alg=alg or key.algorithm, kid=kid), claims, octets, digest))
    ]
    assert got_in == []


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "nOnE", "", None, 0, [], {}])
def test_a_token_without_a_signature_is_refused(
    issuer: TokenIssuer, key: Key, claims: dict[str, Any], alg: object
) -> None:
    text = f"{segment(header(key, alg=alg))}.{segment(claims)}"
    signature = signed(key, header(key), claims).rpartition(".")[2]
    assert [s for s in ("", "AA", segment(b"\0" * 64), signature) if not refused(issuer, f"{text}.{s}")] == []


@pytest.mark.parametrize("alg", ["HS256", "ES256", "EdDSA", "RS256", "PS256", "RS512", "ES384", "ES256K", "Ed25519"])
def test_an_algorithm_comes_from_the_key_and_not_from_the_token(
    issuer: TokenIssuer, key: Key, claims: dict[str, Any], alg: str
) -> None:
    assert refused(issuer, signed(key, header(key, alg=alg), claims)) == (alg != key.algorithm)


@pytest.mark.parametrize("alg", ["RS384", "RS512", "PS256", "PS384", "PS512"])
def test_an_rsa_key_is_used_with_its_one_algorithm(
    issuer: TokenIssuer, by_algorithm: dict[str, Key], claims: dict[str, Any], alg: str
) -> None:
    rsa = by_algorithm["RS256"]
    headers = {"typ": "at+jwt", "kid": rsa.id}
    assert not refused(issuer, jwt.encode(claims, rsa.signing, "RS256", headers))
    assert refused(issuer, jwt.encode(claims, rsa.signing, alg, headers))
    text, _, signature = jwt.encode(claims, rsa.signing, alg, headers).rpartition(".")
    relabelled = f"{segment(header(rsa))}.{text.partition('.')[2]}.{signature}"
    assert refused(issuer, relabelled)


def test_a_signature_by_one_key_is_none_by_another(
    issuer: TokenIssuer, by_algorithm: dict[str, Key], key: Key, claims: dict[str, Any]
) -> None:
    for other in (other for other in by_algorithm.values() if other is not key):
        assert refused(issuer, signed(key, header(other), claims))
        assert refused(issuer, signed(key, header(key, kid=other.id), claims))
        assert refused(issuer, signed(key, header(key, alg=other.algorithm), claims))


@pytest.mark.parametrize("kid", STRANGE_IDS, ids=json.dumps)
def test_an_id_looks_up_and_does_nothing_else(
    issuer: TokenIssuer, key: Key, claims: dict[str, Any], kid: object
) -> None:
    written = json.loads(json.dumps(kid).replace("{}", key.id)) if kid != {} else kid
    assert refused(issuer, signed(key, header(key, kid=written), claims))
    # Where a reader takes the file that an id names, /dev/null is an empty secret.
    assert refused(issuer, sign(header(key, alg="HS256", kid=written), claims, b""))


@pytest.mark.parametrize("change", [str.upper, str.lower, str.swapcase, lambda kid: kid[:-1], lambda kid: f"{kid}A"])
def test_an_id_compares_exactly(
    issuer: TokenIssuer, key: Key, claims: dict[str, Any], change: Callable[[str], str]
) -> None:
    assert refused(issuer, signed(key, header(key, kid=change(key.id)), claims))


@pytest.mark.parametrize("name", ["jwk", "jku", "x5u", "x5c", "x5t", "x5t#S256", "crit", "zip", "cty", "enc", "b64"])
def test_a_header_brings_no_key_and_nothing_else(
    issuer: TokenIssuer, key: Key, claims: dict[str, Any], name: str
) -> None:
    theirs = THEIRS[key.algorithm]
    jwk = get_default_algorithms()[key.algorithm].to_jwk(theirs.public_key(), as_dict=True)
    for value in (jwk, json.dumps(jwk), "http://127.0.0.1:9/keys", [name], None):
        for private in (theirs, key.signing):
            assert refused(issuer, signed(key, header(key, **{name: value}), claims, private))
        assert refused(issuer, signed(key, header(key, **{name: value}, kid="theirs"), claims, theirs))


def test_a_signature_that_was_changed_is_refused(issuer: TokenIssuer, key: Key, claims: dict[str, Any]) -> None:
    text, _, signature = signed(key, header(key), claims).rpartition(".")
    octets = base64.urlsafe_b64decode(f"{signature}==")
    half = len(octets) // 2
    flipped = octets[:-1] + bytes([octets[-1] ^ 1])
    for changed in (flipped, octets[:-1], octets + b"\0", b"\0" * len(octets), octets[half:] + octets[:half], b"\0"):
        assert refused(issuer, f"{text}.{segment(changed)}")


def test_claims_that_were_changed_are_refused(issuer: TokenIssuer, key: Key, claims: dict[str, Any]) -> None:
    first, _, signature = signed(key, header(key), {**claims, "roles": ["user"]}).split(".")
    assert refused(issuer, f"{first}.{segment(claims)}.{signature}")


def test_a_secret_does_not_sign_for_a_key_nor_a_key_for_a_secret(
    issuer: TokenIssuer, key: Key, claims: dict[str, Any]
) -> None:
    for secret in (SECRET_KEY, FALLBACK):
        ring = keys_of({"SECRET_KEY": secret}).ring()
        own = header(ring.current)
        assert issuer.decode(sign(own, claims, secret.encode())) == claims
        assert refused(issuer, sign({**own, "kid": key.id}, claims, secret.encode()))
        assert refused(issuer, signed(key, {**own, "alg": key.algorithm}, claims))
        assert refused(issuer, signed(key, own, claims))
