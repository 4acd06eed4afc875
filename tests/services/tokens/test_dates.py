"""When a token is good: its lifetime, its dates, and dates that make no sense."""

import json
import time
from typing import Any

import pytest

from services.jwt_handler import ExpiredToken, InvalidToken
from services.tokens.issuer import TokenIssuer
from tests.support.signed_tokens import sign

USER = {"username": "zoé", "roles": ["user"]}
ABSURD_DATES = ["NaN", "Infinity", "-Infinity", "1e400", "1" + "0" * 400, "-1" + "0" * 400, "1" + "0" * 5000]


@pytest.mark.parametrize(("minutes", "seconds"), [(1, 60), (60, 3600), (0.5, 30), (None, 3600)])
def test_a_lifetime_is_in_minutes(issuer: TokenIssuer, minutes: float | None, seconds: int) -> None:
    claims = issuer.decode(issuer.generate(USER, minutes))
    assert claims["exp"] - claims["iat"] == seconds


@pytest.mark.parametrize("minutes", [float("nan"), float("inf"), 1e307, 10**400], ids=lambda m: str(m)[:9])
def test_no_token_is_made_for_an_absurd_lifetime(issuer: TokenIssuer, minutes: float) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the words are not the point
        issuer.generate(USER, minutes)


@pytest.mark.parametrize("minutes", [0, -1, 0.001])
def test_a_lifetime_in_the_past_makes_an_expired_token(issuer: TokenIssuer, minutes: float) -> None:
    with pytest.raises(ExpiredToken):
        issuer.decode(issuer.generate(USER, minutes))


@pytest.mark.parametrize("name", ["exp", "iat"])
@pytest.mark.parametrize("number", ABSURD_DATES, ids=lambda number: f"{number[:9]}({len(number)})")
def test_an_absurd_date_is_refused(
    issuer: TokenIssuer, header: dict[str, Any], claims: dict[str, Any], name: str, number: str
) -> None:
    written = json.dumps({**claims, name: "here"}).replace('"here"', number)
    with pytest.raises(InvalidToken):
        issuer.decode(sign(header, written.encode()))


def test_a_date_may_have_a_fraction(issuer: TokenIssuer, header: dict[str, Any], claims: dict[str, Any]) -> None:
    dates = {"exp": claims["exp"] + 0.5, "iat": claims["iat"] - 0.5}
    assert issuer.decode(sign(header, {**claims, **dates})) == {**claims, **dates}


@pytest.mark.parametrize("ago", [0, 1, 5, 3600])
def test_an_expiry_has_no_leeway(issuer: TokenIssuer, header: dict[str, Any], claims: dict[str, Any], ago: int) -> None:
    with pytest.raises(ExpiredToken, match="expired"):
        issuer.decode(sign(header, {**claims, "exp": claims["iat"] - ago}))


@pytest.mark.parametrize("name", ["iat", "nbf"])
def test_a_start_has_a_leeway_for_clocks_that_differ(
    issuer: TokenIssuer, header: dict[str, Any], claims: dict[str, Any], name: str
) -> None:
    assert issuer.decode(sign(header, {**claims, name: claims["iat"] + 8}))
    with pytest.raises(InvalidToken, match="not valid yet"):
        issuer.decode(sign(header, {**claims, name: claims["iat"] + 60}))


def test_a_token_that_was_read_before_expires_all_the_same(
    issuer: TokenIssuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = issuer.generate(USER)
    end = issuer.decode(token)["exp"]
    with monkeypatch.context() as later:
        later.setattr(time, "time", lambda: end)
        with pytest.raises(ExpiredToken, match="expired"):
            issuer.decode(token)
    assert issuer.decode(token)["exp"] == end


def test_whoever_changes_claims_changes_only_their_own(issuer: TokenIssuer) -> None:
    token = issuer.generate(USER)
    for _ in range(3):
        claims = issuer.decode(token)
        assert (claims["sub"], claims["roles"]) == ("zoé", ["user"])
        claims["roles"].append("super_admin")
        claims["sub"] = "root"


def test_a_change_to_a_token_that_was_read_before_is_seen(
    issuer: TokenIssuer, header: dict[str, Any], claims: dict[str, Any]
) -> None:
    good = sign(header, claims)
    assert issuer.decode(good) == claims
    changed = sign(header, {**claims, "roles": ["super_admin"]}).rpartition(".")[0]
    with pytest.raises(InvalidToken, match="signature does not match"):
        issuer.decode(f"{changed}.{good.rpartition('.')[2]}")
