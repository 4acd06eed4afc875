"""Published attacks on JSON Web Tokens: one test for each advisory, and none of them gets in."""

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
THEIRS = b"a key that the attacker has chosen for themselves"
JUNK = ["!", "=", "====", "\n", " ", "\0", "+", "/", "é", "\uff21", "%2B"]
THEIR_JWK = {"kty": "oct", "k": segment(THEIRS), "alg": "HS256"}


def by_key(key: bytes, **more: object) -> Attack:
    """Sign with another key, and say more in the header."""
    return lambda header, claims: sign({**header, **more}, claims, key)


def by_header(digest: str = "sha256", **changed: object) -> Attack:
    """Sign with our key, under another header."""
    return lambda header, claims: sign({**header, **changed}, claims, digest=digest)


def by_claims(**changed: object) -> Attack:
    """Sign with our key what we would not say."""
    return lambda header, claims: sign(header, {**claims, **changed})


def unsigned(alg: str, signature: str) -> Attack:
    return lambda header, claims: f"{segment({**header, 'alg': alg})}.{segment(claims)}.{signature}"


def without(name: str) -> Attack:
    return lambda header, claims: sign({key: value for key, value in header.items() if key != name}, claims)


def confused(key: Any, alg: str, jwk: object) -> Attack:
    """Sign with a private key of the attacker's, and send the public one along."""
    return lambda header, claims: jwt.encode(claims, key, alg, headers={**header, "alg": alg, "jwk": jwk})


def nested(header: dict[str, Any], claims: dict[str, Any]) -> str:
    inside = f"{segment({**header, 'alg': 'none'})}.{segment(claims)}."
    return sign({**header, "cty": "JWT"}, inside.encode())


def jwe(*parts: bytes) -> Attack:
    kind = {"alg": "dir", "enc": "A256GCM", "zip": "DEF"}
    return lambda header, _claims: ".".join([segment({**header, **kind}), *map(segment, parts)])


def json_serialised(header: dict[str, Any], claims: dict[str, Any]) -> str:
    protected, payload, signature = sign(header, claims).split(".")
    return json.dumps({"protected": protected, "payload": payload, "signature": signature})


def inside(part: int, junk: str) -> Attack:
    """Put junk into one of the three parts, where a lenient base64 reader would pass over it."""

    def change(header: dict[str, Any], claims: dict[str, Any]) -> str:
        parts = sign(header, claims).split(".")
        parts[part] = parts[part][:4] + junk + parts[part][4:]
        return ".".join(parts)

    return change


def around(before: str, after: str) -> Attack:
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
    "RFC 8725 3.1: alg is no text": [by_header(alg=alg) for alg in (None, ["HS256"], {"HS256": 1}, 5, True)],
    "RFC 8725 3.1: alg is missing": [without("alg")],
    "CVE-2017-11424: PEM as HMAC key": [by_key(PEM), by_key(PEM.strip()), by_key(PEM, x5c=[PEM.decode()])],
    "CVE-2022-29217: SSH key as HMAC key": [by_key(SSH), by_key(SSH, alg="EdDSA")],
    "CVE-2024-33663: DER as HMAC key": [by_key(DER), by_key(DER, alg="RS256")],
    "CVE-2026-85394: DER in base64 as HMAC key": [by_key(base64.b64encode(DER)), by_key(segment(DER).encode())],
    "CVE-2026-48526: JWK as HMAC key": [by_key(JWK.encode()), by_key(JWK.encode(), jwk=json.loads(JWK))],
    "CVE-2026-102268: PEM with other white space": [
        by_key(PEM.replace(b"\n", blank)) for blank in (b"\r\n", b" ", b"\t\n")
    ],
    "CVE-2026-102273: nested JWK": [by_key(json.dumps({"keys": [json.loads(JWK)]}).encode())],
    "CVE-2024-37568: another family": [
        confused(RSA, "RS256", json.loads(JWK)),
        confused(RSA, "PS256", json.loads(JWK)),
    ],
    "CVE-2026-114615: another family, once more": [
        confused(EC, "ES256", jwt.algorithms.ECAlgorithm.to_jwk(EC.public_key(), as_dict=True)),
        confused(ED, "EdDSA", jwt.algorithms.OKPAlgorithm.to_jwk(ED.public_key(), as_dict=True)),
    ],
    "CVE-2026-27962: key from the header": [by_key(THEIRS, jwk=THEIR_JWK), by_key(KEY, jwk=THEIR_JWK)],
    "RFC 8725 3.10: key from an address": [
        by_key(key, **{name: value})
        for name, value in [
            ("jku", "http://127.0.0.1:9/keys"),
            ("x5u", "file:///etc/passwd"),
            ("x5t", "AA"),
            ("x5c", []),
        ]
        for key in (KEY, THEIRS)
    ],
    "CVE-2024-53861: iss as part of a text": [
        by_claims(iss=iss)
        for iss in ("l", "latch", "key", "latchkey2", "xlatchkey", "Latchkey", "latchkey ", ["latchkey"])
    ],
    "RFC 8725 3.9: aud": [
        by_claims(aud=aud)
        for aud in (["latchkey"], ["latchkey", "evil"], "latch", "latchkey2", "Latchkey", "latchkey evil")
    ],
    "CVE-2026-32597: crit": [by_header(crit=crit) for crit in (["unknown"], ["exp"], [], "exp", 5, None)],
    "CVE-2025-59420: crit with its member": [by_header(crit=["x"], x=1), by_header(crit=["b64"], b64=True)],
    "CVE-2026-48523: relabelled alg": [
        *(by_header(alg=alg) for alg in ("HS384", "HS512", "RS256", "hs256", "HS256 ", "HS-256")),
        by_header("sha512", alg="HS512"),
        by_header("sha512", alg="HS256"),
    ],
    "CVE-2026-102266: empty key": [by_key(b""), by_key(b"", kid=""), by_key(b"\0" * 64)],
    "CVE-2026-114616: empty key in the header": [by_key(b"", jwk={"kty": "oct", "k": ""})],
    "CVE-2023-27524: known key": [
        by_key(key) for key in (b"your-256-bit-secret", b"secret", b"a-string-secret-at-least-256-bits-long")
    ],
    "CVE-2025-45768: part of the key": [by_key(KEY[:31]), by_key(KEY[:-1]), by_key(KEY + b"\0x")],
    "GHSA-hxm8-2xgr-2p9m: junk in base64": [inside(part, junk) for part in range(3) for junk in JUNK],
    "GHSA-hxm8-2xgr-2p9m: padding and white space after it": [around("", junk) for junk in (*JUNK, "==", ".", ".AA")],
    "GHSA-hxm8-2xgr-2p9m: padding and white space before it": [
        around(junk, "") for junk in (*JUNK, "\ufeff", ".", "AA.")
    ],
    "GHSA-hxm8-2xgr-2p9m: spare bits of the last character": [
        last_character_plus(step) for step in (1, 2, 3, -1, -2, -3)
    ],
    "CVE-2025-61920: huge parts": [
        by_claims(note="x" * MAX_TOKEN_LENGTH),
        by_header(note="x" * MAX_TOKEN_LENGTH),
        around("", "A" * MAX_TOKEN_LENGTH),
        around("", ".A" * MAX_TOKEN_LENGTH),
    ],
    "CVE-2024-33664: JWE bomb": [jwe(b"", b"iv", b"x" * 5000, b"tag"), jwe(b"x" * 250_000, b"", b"", b"")],
    "CVE-2026-29000: JWE around an unsigned token": [jwe(b"", b"iv", b"eyJhbGciOiJub25lIn0.e30.", b"tag"), nested],
    "RFC 8725 3.11: typ": [
        without("typ"),
        *(by_header(typ=typ) for typ in ("JWT", "jwt", "", None, 5, ["at+jwt"], "AT+JWT", "application/at+jwt")),
        *(by_header(typ=typ) for typ in ("refresh", "rt+jwt", "refresh+jwt", "id+jwt", "logout+jwt", "dpop+jwt")),
    ],
    "RFC 8725bis: JSON serialisation": [json_serialised],
}


@pytest.mark.parametrize(
    "attack",
    [
        pytest.param(attack, id=f"{advisory} {number}")
        for advisory, attacks in ATTACKS.items()
        for number, attack in enumerate(attacks, 1)
    ],
)
def test_the_attack_fails(issuer: TokenIssuer, header: dict[str, Any], claims: dict[str, Any], attack: Attack) -> None:
    assert issuer.decode(sign(header, claims)), "what the attack starts from is good"
    with pytest.raises(InvalidToken):
        issuer.decode(attack(header, claims))


def test_a_long_token_that_is_not_too_long_is_good(
    issuer: TokenIssuer, header: dict[str, Any], claims: dict[str, Any]
) -> None:
    room = (MAX_TOKEN_LENGTH - len(sign(header, {**claims, "note": ""}))) * 3 // 4 - 2
    token = sign(header, {**claims, "note": "x" * room})
    assert MAX_TOKEN_LENGTH - 8 < len(token) <= MAX_TOKEN_LENGTH
    assert issuer.decode(token)
