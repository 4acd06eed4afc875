"""Published attacks on JSON Web Tokens, at least one for each advisory, all of which fail."""

import base64
import json
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from services.jwt_handler import InvalidToken
from services.tokens.issuer import MAX_TOKEN_LENGTH, TokenIssuer
from tests.support.signed_tokens import KEY, segment, sign

Attack = Callable[[dict[str, Any], dict[str, Any]], str]

RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC = ec.generate_private_key(ec.SECP256R1())
ED = ed25519.Ed25519PrivateKey.generate()
PEM_FORM = serialization.PublicFormat.SubjectPublicKeyInfo
PEM = RSA.public_key().public_bytes(serialization.Encoding.PEM, PEM_FORM)
DER = RSA.public_key().public_bytes(serialization.Encoding.DER, PEM_FORM)
SSH = ED.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
JWK: str = jwt.algorithms.RSAAlgorithm.to_jwk(RSA.public_key())
ATTACKER_KEY = b"a key that the attacker has chosen for themselves"
JUNK = ["!", "=", "====", "\n", " ", "\0", "+", "/", "é", "\uff21", "%2B"]
ATTACKER_JWK = {"kty": "oct", "k": segment(ATTACKER_KEY), "alg": "HS256"}


def signed_with(key: bytes, **more: object) -> Attack:
    """Sign with another key, and add members to the header."""
    return lambda header, claims: sign({**header, **more}, claims, key)


def with_header(digest: str = "sha256", **changed: object) -> Attack:
    """Sign a changed header with the key of the service."""
    return lambda header, claims: sign({**header, **changed}, claims, digest=digest)


def with_claims(**changed: object) -> Attack:
    """Sign changed claims with the key of the service."""
    return lambda header, claims: sign(header, {**claims, **changed})


def unsigned(alg: str, signature: str) -> Attack:
    return lambda header, claims: f"{segment({**header, 'alg': alg})}.{segment(claims)}.{signature}"


def without_member(name: str) -> Attack:
    return lambda header, claims: sign({key: value for key, value in header.items() if key != name}, claims)


def with_own_key_pair(key: Any, alg: str, jwk: object) -> Attack:
    """Sign with a private key of the attacker, and send the public key in the header."""
    return lambda header, claims: jwt.encode(claims, key, alg, headers={**header, "alg": alg, "jwk": jwk})


def nested(header: dict[str, Any], claims: dict[str, Any]) -> str:
    unsigned_token = f"{segment({**header, 'alg': 'none'})}.{segment(claims)}."
    return sign({**header, "cty": "JWT"}, unsigned_token.encode())


def jwe(*parts: bytes) -> Attack:
    encryption = {"alg": "dir", "enc": "A256GCM", "zip": "DEF"}
    return lambda header, _claims: ".".join([segment({**header, **encryption}), *map(segment, parts)])


def json_serialized(header: dict[str, Any], claims: dict[str, Any]) -> str:
    protected, payload, signature = sign(header, claims).split(".")
    return json.dumps({"protected": protected, "payload": payload, "signature": signature})


def junk_in_part(part: int, junk: str) -> Attack:
    """Insert junk into one of the three parts, which a lenient base64 decoder would ignore."""

    def change(header: dict[str, Any], claims: dict[str, Any]) -> str:
        parts = sign(header, claims).split(".")
        parts[part] = parts[part][:4] + junk + parts[part][4:]
        return ".".join(parts)

    return change


def surrounded(before: str, after: str) -> Attack:
    return lambda header, claims: before + sign(header, claims) + after


def last_character_plus(step: int) -> Attack:
    def change(header: dict[str, Any], claims: dict[str, Any]) -> str:
        token = sign(header, claims)
        return token[:-1] + chr(ord(token[-1]) + step)

    return change


ATTACKS: dict[str, list[Attack]] = {
    "RFC 8725 3.2: none": [
        unsigned(alg, signature) for alg in ("none", "None", "NONE", "nOnE", "noNE", "") for signature in ("", "AA")
    ],
    "RFC 8725 3.1: alg is not text": [with_header(alg=alg) for alg in (None, ["HS256"], {"HS256": 1}, 5, True)],
    "RFC 8725 3.1: alg is missing": [without_member("alg")],
    "CVE-2017-11424: PEM as HMAC key": [
        signed_with(PEM),
        signed_with(PEM.strip()),
        signed_with(PEM, x5c=[PEM.decode()]),
    ],
    "CVE-2022-29217: SSH key as HMAC key": [signed_with(SSH), signed_with(SSH, alg="EdDSA")],
    "CVE-2024-33663: DER as HMAC key": [signed_with(DER), signed_with(DER, alg="RS256")],
    "CVE-2026-85394: DER in base64 as HMAC key": [
        signed_with(base64.b64encode(DER)),
        signed_with(segment(DER).encode()),
    ],
    "CVE-2026-48526: JWK as HMAC key": [signed_with(JWK.encode()), signed_with(JWK.encode(), jwk=json.loads(JWK))],
    "CVE-2026-102268: PEM with other white space": [
        signed_with(PEM.replace(b"\n", blank)) for blank in (b"\r\n", b" ", b"\t\n")
    ],
    "CVE-2026-102273: nested JWK": [signed_with(json.dumps({"keys": [json.loads(JWK)]}).encode())],
    "CVE-2024-37568: another family": [
        with_own_key_pair(RSA, "RS256", json.loads(JWK)),
        with_own_key_pair(RSA, "PS256", json.loads(JWK)),
    ],
    "CVE-2026-114615: another family, once more": [
        with_own_key_pair(EC, "ES256", jwt.algorithms.ECAlgorithm.to_jwk(EC.public_key(), as_dict=True)),
        with_own_key_pair(ED, "EdDSA", jwt.algorithms.OKPAlgorithm.to_jwk(ED.public_key(), as_dict=True)),
    ],
    "CVE-2026-27962: key from the header": [
        signed_with(ATTACKER_KEY, jwk=ATTACKER_JWK),
        signed_with(KEY, jwk=ATTACKER_JWK),
    ],
    "RFC 8725 3.10: key from an address": [
        signed_with(key, **{name: value})
        for name, value in [
            ("jku", "http://127.0.0.1:9/keys"),
            ("x5u", "file:///etc/passwd"),
            ("x5t", "AA"),
            ("x5c", []),
        ]
        for key in (KEY, ATTACKER_KEY)
    ],
    "CVE-2024-53861: iss as part of a text": [
        with_claims(iss=iss)
        for iss in ("l", "latch", "key", "latchkey2", "xlatchkey", "Latchkey", "latchkey ", ["latchkey"])
    ],
    "RFC 8725 3.9: aud": [
        with_claims(aud=aud)
        for aud in (["latchkey"], ["latchkey", "evil"], "latch", "latchkey2", "Latchkey", "latchkey evil")
    ],
    "CVE-2026-32597: crit": [with_header(crit=crit) for crit in (["unknown"], ["exp"], [], "exp", 5, None)],
    "CVE-2025-59420: crit with its member": [with_header(crit=["x"], x=1), with_header(crit=["b64"], b64=True)],
    "CVE-2026-48523: relabelled alg": [
        *(with_header(alg=alg) for alg in ("HS384", "HS512", "RS256", "hs256", "HS256 ", "HS-256")),
        with_header("sha512", alg="HS512"),
        with_header("sha512", alg="HS256"),
    ],
    "CVE-2026-102266: empty key": [signed_with(b""), signed_with(b"", kid=""), signed_with(b"\0" * 64)],
    "CVE-2026-114616: empty key in the header": [signed_with(b"", jwk={"kty": "oct", "k": ""})],
    "CVE-2023-27524: known key": [
        signed_with(key) for key in (b"your-256-bit-secret", b"secret", b"a-string-secret-at-least-256-bits-long")
    ],
    "CVE-2025-45768: part of the key": [signed_with(KEY[:31]), signed_with(KEY[:-1]), signed_with(KEY + b"\0x")],
    "GHSA-hxm8-2xgr-2p9m: junk in base64": [junk_in_part(part, junk) for part in range(3) for junk in JUNK],
    "GHSA-hxm8-2xgr-2p9m: padding and white space after it": [
        surrounded("", junk) for junk in (*JUNK, "==", ".", ".AA")
    ],
    "GHSA-hxm8-2xgr-2p9m: padding and white space before it": [
        surrounded(junk, "") for junk in (*JUNK, "\ufeff", ".", "AA.")
    ],
    "GHSA-hxm8-2xgr-2p9m: spare bits of the last character": [
        last_character_plus(step) for step in (1, 2, 3, -1, -2, -3)
    ],
    "CVE-2025-61920: huge parts": [
        with_claims(note="x" * MAX_TOKEN_LENGTH),
        with_header(note="x" * MAX_TOKEN_LENGTH),
        surrounded("", "A" * MAX_TOKEN_LENGTH),
        surrounded("", ".A" * MAX_TOKEN_LENGTH),
    ],
    "CVE-2024-33664: JWE bomb": [jwe(b"", b"iv", b"x" * 5000, b"tag"), jwe(b"x" * 250_000, b"", b"", b"")],
    "CVE-2026-29000: JWE around an unsigned token": [jwe(b"", b"iv", b"eyJhbGciOiJub25lIn0.e30.", b"tag"), nested],
    "RFC 8725 3.11: typ": [
        without_member("typ"),
        *(with_header(typ=typ) for typ in ("JWT", "jwt", "", None, 5, ["at+jwt"], "AT+JWT", "application/at+jwt")),
        *(with_header(typ=typ) for typ in ("refresh", "rt+jwt", "refresh+jwt", "id+jwt", "logout+jwt", "dpop+jwt")),
    ],
    "RFC 8725bis: JSON serialization": [json_serialized],
}


@pytest.mark.parametrize(
    "attack",
    [
        pytest.param(attack, id=f"{advisory} {number}")
        for advisory, attacks in ATTACKS.items()
        for number, attack in enumerate(attacks, 1)
    ],
)
def test_attack_is_rejected(
    issuer: TokenIssuer, header: dict[str, Any], claims: dict[str, Any], attack: Attack
) -> None:
    assert issuer.decode(sign(header, claims)), "the unchanged token is valid"
    with pytest.raises(InvalidToken):
        issuer.decode(attack(header, claims))


def test_longest_token_is_accepted(issuer: TokenIssuer, header: dict[str, Any], claims: dict[str, Any]) -> None:
    room = (MAX_TOKEN_LENGTH - len(sign(header, {**claims, "note": ""}))) * 3 // 4 - 2
    token = sign(header, {**claims, "note": "x" * room})
    assert MAX_TOKEN_LENGTH - 8 < len(token) <= MAX_TOKEN_LENGTH
    assert issuer.decode(token)
