"""The validity period of a token: its lifetime, its dates, and absurd dates."""

import json
import time
from datetime import UTC, datetime
from typing import Any

import pytest

from services.jwt_handler import ExpiredToken, InvalidToken
from services.tokens.issuer import TokenIssuer
from tests.support.signed_tokens import sign

USER = {"username": "zoé", "roles": ["user"]}
ABSURD_DATES = ["NaN", "Infinity", "-Infinity", "1e400", "1" + "0" * 400, "-1" + "0" * 400, "1" + "0" * 5000]


@pytest.mark.parametrize(("minutes", "seconds"), [(1, 60), (60, 3600), (0.5, 30), (None, 3600)])
def test_lifetime_is_in_minutes(issuer: TokenIssuer, minutes: float | None, seconds: int) -> None:
    claims = issuer.decode(issuer.generate(USER, minutes))
    assert claims["exp"] - claims["iat"] == seconds


@pytest.mark.parametrize("minutes", [float("nan"), float("inf"), 1e307, 10**400], ids=lambda m: str(m)[:9])
def test_token_with_an_absurd_lifetime_is_not_issued(issuer: TokenIssuer, minutes: float) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the reasons differ
        issuer.generate(USER, minutes)


@pytest.mark.parametrize("minutes", [0, -1, 0.001])
def test_zero_or_negative_lifetime_gives_an_expired_token(issuer: TokenIssuer, minutes: float) -> None:
    with pytest.raises(ExpiredToken):
        issuer.decode(issuer.generate(USER, minutes))


@pytest.mark.parametrize("name", ["exp", "iat"])
@pytest.mark.parametrize("number", ABSURD_DATES, ids=lambda number: f"{number[:9]}({len(number)})")
def test_absurd_date_is_rejected(
    issuer: TokenIssuer, header: dict[str, Any], claims: dict[str, Any], name: str, number: str
) -> None:
    written = json.dumps({**claims, name: "date"}).replace('"date"', number)
    with pytest.raises(InvalidToken):
        issuer.decode(sign(header, written.encode()))


def test_date_may_have_a_fraction(issuer: TokenIssuer, header: dict[str, Any], claims: dict[str, Any]) -> None:
    dates = {"exp": claims["exp"] + 0.5, "iat": claims["iat"] - 0.5}
    assert issuer.decode(sign(header, {**claims, **dates})) == {**claims, **dates}


@pytest.mark.parametrize("ago", [0, 1, 5, 3600])
def test_expiry_has_no_leeway(issuer: TokenIssuer, header: dict[str, Any], claims: dict[str, Any], ago: int) -> None:
    with pytest.raises(ExpiredToken, match="expired"):
        issuer.decode(sign(header, {**claims, "exp": claims["iat"] - ago}))


@pytest.mark.parametrize("name", ["iat", "nbf"])
def test_start_has_a_leeway_for_clocks_that_differ(
    issuer: TokenIssuer, header: dict[str, Any], claims: dict[str, Any], name: str
) -> None:
    assert issuer.decode(sign(header, {**claims, name: claims["iat"] + 8}))
    with pytest.raises(InvalidToken, match="not valid yet"):
        issuer.decode(sign(header, {**claims, name: claims["iat"] + 60}))


def test_datetime_becomes_a_numeric_date(issuer: TokenIssuer) -> None:
    start = datetime(2020, 1, 1, tzinfo=UTC)
    assert issuer.decode(issuer.generate({**USER, "nbf": start}))["nbf"] == start.timestamp()


def test_cached_token_expires(issuer: TokenIssuer, monkeypatch: pytest.MonkeyPatch) -> None:
    token = issuer.generate(USER)
    end = issuer.decode(token)["exp"]
    with monkeypatch.context() as later:
        later.setattr(time, "time", lambda: end)
        with pytest.raises(ExpiredToken, match="expired"):
            issuer.decode(token)
    assert issuer.decode(token)["exp"] == end


def test_changed_claims_do_not_change_the_cache(issuer: TokenIssuer) -> None:
    token = issuer.generate({**USER, "tenants": [{"name": "north"}], "limits": {"rows": [10]}})
    for _ in range(3):
        claims = issuer.decode(token)
        assert (claims["sub"], claims["roles"]) == ("zoé", ["user"])
        assert (claims["tenants"], claims["limits"]) == ([{"name": "north"}], {"rows": [10]})
        claims["roles"].append("super_admin")
        claims["sub"] = "root"
        claims["tenants"][0]["name"] = "south"
        claims["limits"]["rows"].clear()


def test_changed_token_does_not_match_the_cached_one(
    issuer: TokenIssuer, header: dict[str, Any], claims: dict[str, Any]
) -> None:
    valid = sign(header, claims)
    assert issuer.decode(valid) == claims
    changed = sign(header, {**claims, "roles": ["super_admin"]}).rpartition(".")[0]
    with pytest.raises(InvalidToken, match="signature does not match"):
        issuer.decode(f"{changed}.{valid.rpartition('.')[2]}")
