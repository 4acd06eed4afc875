"""The issuer: the claims that it writes, and the claims that it requires."""

import time
from typing import Any

import pytest
from flask import Flask

from app import create_app
from config.service_settings import TokenSettings
from services.context import services_of
from services.jwt_handler import InvalidToken
from services.keys.ring import Key, KeyRing
from services.tokens.issuer import MAX_TOKEN_LENGTH, TokenIssuer
from tests.support.signed_tokens import KEY, sign
from tests.support.stores import SECRET_KEY

USER = {"username": "zoé", "email": "zoe@example.org", "roles": ["admin", "user"], "idp": "static"}
REQUIRED = ["iss", "aud", "sub", "exp", "iat", "jti", "roles"]

NOT_TEXTS: list[object] = [None, "", 0, 5, 1.5, True, [], ["latchkey"], {}, {"latchkey": 1}]
NOT_DATES: list[object] = [None, "", "9999999999", "now", True, False, [], [9999999999], {}]
NOT_ROLES: list[object] = [None, "user", 5, True, {}, {"user": True}, [""], [None], [5], ["user", None], [["user"]]]
WRONG_TYPES: dict[str, list[object]] = {
    **dict.fromkeys(["iss", "aud", "sub", "jti", "username", "idp"], NOT_TEXTS),
    **dict.fromkeys(["exp", "iat"], NOT_DATES),
    "roles": NOT_ROLES,
    "email": [value for value in NOT_TEXTS if value is not None],
}


def test_token_has_subject_audience_and_lifetime(issuer: TokenIssuer) -> None:
    before = int(time.time())
    claims = issuer.decode(issuer.generate(USER))
    assert before <= claims["iat"] <= time.time()
    assert claims["exp"] - claims["iat"] == 3600
    assert claims.pop("jti") != issuer.decode(issuer.generate(USER))["jti"]
    del claims["iat"], claims["exp"]
    assert claims == {**USER, "iss": "latchkey", "aud": "latchkey", "sub": "zoé", "client_id": "latchkey"}


def test_header_has_algorithm_key_id_and_type(header: dict[str, Any]) -> None:
    assert SECRET_KEY not in header.pop("kid")
    assert header == {"alg": "HS256", "typ": "at+jwt"}


def test_settings_determine_issuer_audience_and_lifetime(static_environ: dict[str, str]) -> None:
    chosen = {"JWT_ISSUER": "issuer.example", "JWT_AUDIENCE": "api.example", "JWT_LIFETIME_MINUTES": "15"}
    services = services_of(create_app({**static_environ, "SECRET_KEY": SECRET_KEY, **chosen}))
    claims = services.issuer.decode(services.issuer.generate(USER))
    assert (claims["iss"], claims["aud"], claims["exp"] - claims["iat"]) == ("issuer.example", "api.example", 900)


@pytest.mark.parametrize(
    ("payload", "subject"),
    [
        ({"username": "zoé", "email": "z@example.org"}, "zoé"),
        ({"email": "z@example.org"}, "z@example.org"),
        ({"sub": "17", "username": "zoé"}, "17"),
    ],
)
def test_subject_is_sub_or_username_or_email(issuer: TokenIssuer, payload: dict[str, str], subject: str) -> None:
    claims = issuer.decode(issuer.generate(payload))
    assert claims["sub"] == subject
    assert claims["roles"] == []


def test_payload_cannot_override_the_claims_of_the_issuer(issuer: TokenIssuer) -> None:
    chosen = {"iss": "evil", "aud": "evil", "iat": 1, "exp": 99999999999, "jti": "evil"}
    claims = issuer.decode(issuer.generate({**USER, **chosen}))
    assert [name for name, value in chosen.items() if claims[name] == value] == []


@pytest.mark.parametrize(
    "invalid",
    [
        {"username": None},
        {"username": 5},
        {"sub": ["zoé"]},
        {"roles": "admin"},
        {"roles": [5]},
        {"roles": None},
        {"email": 5},
        {"idp": ""},
        {"nbf": 99999999999},
        {"nbf": "soon"},
        {"note": "x" * MAX_TOKEN_LENGTH},
    ],
    ids=lambda invalid: next(iter(invalid)),
)
def test_token_that_the_guard_would_reject_is_not_issued(issuer: TokenIssuer, invalid: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="the access token would be invalid"):
        issuer.generate({"username": "zoé", **invalid})


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in WRONG_TYPES.items() for value in values])
def test_issued_token_is_one_that_the_guard_accepts(issuer: TokenIssuer, name: str, value: object) -> None:
    try:
        token = issuer.generate({"username": "zoé", name: value})
    except ValueError:
        return
    assert issuer.decode(token)["sub"] == "zoé"


def test_token_signed_by_another_library_is_accepted(
    issuer: TokenIssuer, header: dict[str, Any], claims: dict[str, Any]
) -> None:
    assert issuer.decode(sign(header, claims)) == claims


@pytest.mark.parametrize("name", REQUIRED)
def test_missing_claim_is_rejected(
    issuer: TokenIssuer, header: dict[str, Any], claims: dict[str, Any], name: str
) -> None:
    del claims[name]
    with pytest.raises(InvalidToken):
        issuer.decode(sign(header, claims))


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in WRONG_TYPES.items() for value in values])
def test_claim_of_the_wrong_type_is_rejected(
    issuer: TokenIssuer, header: dict[str, Any], claims: dict[str, Any], name: str, value: object
) -> None:
    with pytest.raises(InvalidToken):
        issuer.decode(sign(header, {**claims, name: value}))


@pytest.mark.parametrize("name", ["sub", "jti", "username", "email", "idp", "client_id", "sid"])
@pytest.mark.parametrize("text", ["\ud800", "a\udfffb", "\0", "a\0b"])
def test_claim_that_cannot_be_stored_is_rejected(
    issuer: TokenIssuer, header: dict[str, Any], claims: dict[str, Any], name: str, text: str
) -> None:
    # A response header cannot have a lone surrogate, and PostgreSQL accepts neither it nor NUL.
    for changed in ({**claims, name: text}, {**claims, "roles": [text]}):
        with pytest.raises(InvalidToken):
            issuer.decode(sign(header, changed))


@pytest.mark.parametrize("content", [b"", b"[]", b"5", b"null", b'"x"', b"{", b'{"a":' * 1000])
def test_claims_that_are_not_an_object_are_rejected(
    issuer: TokenIssuer, header: dict[str, Any], content: bytes
) -> None:
    with pytest.raises(InvalidToken):
        issuer.decode(sign(header, content))


def test_signature_is_verified_before_the_claims(
    issuer: TokenIssuer, header: dict[str, Any], claims: dict[str, Any]
) -> None:
    with pytest.raises(InvalidToken, match="signature does not match"):
        issuer.decode(sign(header, {**claims, "exp": 1, "iss": "evil"}, KEY[::-1]))


@pytest.mark.parametrize("kid", [None, "", "another", 5, True, [], ["x"], {}, "../../dev/null", "' OR 1=1 --", "*"])
def test_unknown_kid_is_rejected(
    issuer: TokenIssuer, header: dict[str, Any], claims: dict[str, Any], kid: object
) -> None:
    without = {name: value for name, value in header.items() if name != "kid"}
    for wrong in (without, {**header, "kid": kid}):
        with pytest.raises(InvalidToken):
            issuer.decode(sign(wrong, claims))
    assert KeyRing(Key("key-1", "HS256", KEY, KEY)).find(kid) is None


def test_tuple_of_roles_becomes_a_list(issuer: TokenIssuer) -> None:
    assert issuer.decode(issuer.generate({**USER, "roles": ("admin",)}))["roles"] == ["admin"]


def _key(name: str, secret: bytes) -> Key:
    return Key(name, "HS256", signing=secret, verifying=secret)


def test_kid_selects_the_key_and_a_previous_key_still_verifies() -> None:
    previous, current = (_key(name, KEY + name.encode()) for name in ("previous", "current"))
    rings = KeyRing(previous), KeyRing(current, previous)
    before, after = (TokenIssuer(ring, TokenSettings.read({})) for ring in rings)
    claims = after.decode(before.generate(USER))
    with pytest.raises(InvalidToken, match="not issued by this service"):
        before.decode(after.generate(USER))
    with pytest.raises(InvalidToken, match="signature does not match"):
        after.decode(sign({"alg": "HS256", "typ": "at+jwt", "kid": "current"}, claims, previous.signing))


def test_secret_has_the_same_kid_in_every_replica(app: Flask, static_environ: dict[str, str]) -> None:
    replica = services_of(create_app({**static_environ, "SECRET_KEY": SECRET_KEY}))
    assert replica.issuer.decode(services_of(app).issuer.generate(USER))["sub"] == "zoé"
