"""The issuer: what it puts into tokens, and that it takes nothing less."""

import time
from typing import Any

import pytest
from flask import Flask

from app import create_app
from config.service_settings import TokenSettings
from services.context import Services
from services.jwt_handler import InvalidToken
from services.keys.ring import Key, KeyRing
from services.tokens.issuer import MAX_TOKEN_LENGTH, TokenIssuer
from tests.support.signed_tokens import KEY, sign
from tests.support.stores import SECRET_KEY

USER = {"username": "zoé", "email": "zoe@example.org", "roles": ["admin", "user"], "idp": "static"}
REQUIRED = ["iss", "aud", "sub", "exp", "iat", "jti", "roles"]

NO_TEXTS: list[object] = [None, "", 0, 5, 1.5, True, [], ["latchkey"], {}, {"latchkey": 1}]
NO_DATES: list[object] = [None, "", "9999999999", "now", True, False, [], [9999999999], {}]
NO_ROLES: list[object] = [None, "user", 5, True, {}, {"user": True}, [""], [None], [5], ["user", None], [["user"]]]
WRONG_TYPES: dict[str, list[object]] = {
    **dict.fromkeys(["iss", "aud", "sub", "jti", "username", "idp"], NO_TEXTS),
    **dict.fromkeys(["exp", "iat"], NO_DATES),
    "roles": NO_ROLES,
    "email": [value for value in NO_TEXTS if value is not None],
}


def test_a_token_says_who_for_whom_and_for_how_long(issuer: TokenIssuer) -> None:
    before = int(time.time())
    claims = issuer.decode(issuer.generate(USER))
    assert before <= claims["iat"] <= time.time()
    assert claims["exp"] - claims["iat"] == 3600
    assert claims.pop("jti") != issuer.decode(issuer.generate(USER))["jti"]
    del claims["iat"], claims["exp"]
    assert claims == {**USER, "iss": "latchkey", "aud": "latchkey", "sub": "zoé", "client_id": "latchkey"}


def test_a_header_names_the_algorithm_the_key_and_the_kind(header: dict[str, Any]) -> None:
    assert SECRET_KEY not in header.pop("kid")
    assert header == {"alg": "HS256", "typ": "at+jwt"}


def test_the_settings_name_the_issuer_the_audience_and_the_lifetime(static_environ: dict[str, str]) -> None:
    chosen = {"JWT_ISSUER": "us", "JWT_AUDIENCE": "them", "JWT_LIFETIME_MINUTES": "15"}
    services: Services = create_app({**static_environ, "SECRET_KEY": SECRET_KEY, **chosen}).extensions["latchkey"]
    claims = services.issuer.decode(services.issuer.generate(USER))
    assert (claims["iss"], claims["aud"], claims["exp"] - claims["iat"]) == ("us", "them", 900)


@pytest.mark.parametrize(
    ("payload", "subject"),
    [
        ({"username": "zoé", "email": "z@example.org"}, "zoé"),
        ({"email": "z@example.org"}, "z@example.org"),
        ({"sub": "17", "username": "zoé"}, "17"),
    ],
)
def test_the_subject_is_the_best_name_there_is(issuer: TokenIssuer, payload: dict[str, str], subject: str) -> None:
    claims = issuer.decode(issuer.generate(payload))
    assert claims["sub"] == subject
    assert claims["roles"] == []


def test_a_payload_does_not_choose_what_the_issuer_vouches_for(issuer: TokenIssuer) -> None:
    wish = {"iss": "evil", "aud": "evil", "iat": 1, "exp": 99999999999, "jti": "evil"}
    claims = issuer.decode(issuer.generate({**USER, **wish}))
    assert [name for name, value in wish.items() if claims[name] == value] == []


@pytest.mark.parametrize(
    "faulty",
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
    ids=lambda faulty: next(iter(faulty)),
)
def test_no_token_is_made_that_the_guard_would_refuse(issuer: TokenIssuer, faulty: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="the access token would be invalid"):
        issuer.generate({"username": "zoé", **faulty})


def test_a_token_signed_by_hand_is_as_good(issuer: TokenIssuer, header: dict[str, Any], claims: dict[str, Any]) -> None:
    assert issuer.decode(sign(header, claims)) == claims


@pytest.mark.parametrize("name", REQUIRED)
def test_each_claim_is_required(issuer: TokenIssuer, header: dict[str, Any], claims: dict[str, Any], name: str) -> None:
    del claims[name]
    with pytest.raises(InvalidToken):
        issuer.decode(sign(header, claims))


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in WRONG_TYPES.items() for value in values])
def test_a_claim_of_the_wrong_type_is_refused(
    issuer: TokenIssuer, header: dict[str, Any], claims: dict[str, Any], name: str, value: object
) -> None:
    with pytest.raises(InvalidToken):
        issuer.decode(sign(header, {**claims, name: value}))


@pytest.mark.parametrize("claims_of_another_kind", [b"", b"[]", b"5", b"null", b'"x"', b"{", b'{"a":' * 1000])
def test_claims_that_are_no_object_are_refused(
    issuer: TokenIssuer, header: dict[str, Any], claims_of_another_kind: bytes
) -> None:
    with pytest.raises(InvalidToken):
        issuer.decode(sign(header, claims_of_another_kind))


def test_a_signature_that_does_not_match_comes_before_all_else(
    issuer: TokenIssuer, header: dict[str, Any], claims: dict[str, Any]
) -> None:
    with pytest.raises(InvalidToken, match="signature does not match"):
        issuer.decode(sign(header, {**claims, "exp": 1, "iss": "evil"}, KEY[::-1]))


@pytest.mark.parametrize("kid", [None, "", "another", 5, True, [], ["x"], {}, "../../dev/null", "' OR 1=1 --", "*"])
def test_a_kid_that_is_not_ours_is_refused(
    issuer: TokenIssuer, header: dict[str, Any], claims: dict[str, Any], kid: object
) -> None:
    without = {name: value for name, value in header.items() if name != "kid"}
    for wrong in (without, {**header, "kid": kid}):
        with pytest.raises(InvalidToken):
            issuer.decode(sign(wrong, claims))
    assert KeyRing(Key("ours", "HS256", KEY, KEY)).find(kid) is None


def _key(name: str, secret: bytes) -> Key:
    return Key(name, "HS256", signing=secret, verifying=secret)


def test_a_kid_picks_the_key_and_a_former_key_still_verifies() -> None:
    former, present = (_key(name, KEY + name.encode()) for name in ("former", "present"))
    rings = KeyRing(former), KeyRing(present, former)
    before, after = (TokenIssuer(ring, TokenSettings.read({})) for ring in rings)
    claims = after.decode(before.generate(USER))
    with pytest.raises(InvalidToken, match="not issued by this service"):
        before.decode(after.generate(USER))
    with pytest.raises(InvalidToken, match="signature does not match"):
        after.decode(sign({"alg": "HS256", "typ": "at+jwt", "kid": "present"}, claims, former.signing))


def test_every_start_gives_the_same_secret_the_same_kid(app: Flask, static_environ: dict[str, str]) -> None:
    replica: Services = create_app({**static_environ, "SECRET_KEY": SECRET_KEY}).extensions["latchkey"]
    assert replica.issuer.decode(app.extensions["latchkey"].issuer.generate(USER))["sub"] == "zoé"
