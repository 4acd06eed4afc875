"""Which tokens a revocation covers."""

from typing import Any

import pytest

from database.revocation_table import Revocation
from services.sessions.revocations import RevocationList
from services.tokens.claims import Claims
from tests.support.revocations import TIME, UNLIMITED, RevocationSource, claims, revocation, revocation_before

OF_ZOE: dict[str, Any] = {"username_folded": "zoé"}


@pytest.mark.parametrize(
    ("row", "token", "is_revoked"),
    [
        (revocation(ended="a session"), claims(sid="a session"), True),
        (revocation(ended="a session"), claims(sid="another"), False),
        (revocation(ended="a session"), claims(), False),
        (revocation(ended="a token"), claims(), True),
        (revocation(ended="a token"), claims(jti="another"), False),
        (revocation_before(), claims(iat=TIME - 1), True),
        (revocation_before(), claims(iat=TIME - 0.5), True),
        (revocation_before(), claims(iat=TIME), False),
        (revocation_before(), claims(sid="a session"), True),
        (revocation_before(), claims(sid="a session", iat=TIME), False),
        (revocation_before(), claims(sub="anybody", idp=None), True),
        (revocation_before(**OF_ZOE), claims(), True),
        (revocation_before(**OF_ZOE), claims(idp="static"), True),
        (revocation_before(**OF_ZOE), claims(idp=None), True),
        (revocation_before(**OF_ZOE), claims(sub="zoE\u0301"), True),
        (revocation_before(**OF_ZOE), claims(iat=TIME), False),
        (revocation_before(**OF_ZOE), claims(sub="zoe"), False),
        (revocation_before(**OF_ZOE), claims(sid="a session"), False),
        (revocation_before(**OF_ZOE, idp="ldap"), claims(), True),
        (revocation_before(**OF_ZOE, idp="ldap"), claims(iat=TIME), False),
        (revocation_before(**OF_ZOE, idp="static"), claims(), False),
        (revocation_before(**OF_ZOE, idp="static"), claims(idp=None), False),
    ],
)
def test_revocation_covers_exactly_the_tokens_that_it_names(row: Revocation, token: Claims, is_revoked: bool) -> None:
    assert RevocationList(RevocationSource(row), UNLIMITED).is_revoked(token) is is_revoked


@pytest.mark.parametrize("user", [{}, OF_ZOE, {**OF_ZOE, "idp": "ldap"}])
def test_later_revocation_of_a_slow_clock_restores_no_token(user: dict[str, Any]) -> None:
    revocations = RevocationList(RevocationSource(revocation_before(**user), revocation_before(-60, **user)), UNLIMITED)
    assert revocations.is_revoked(claims(iat=TIME - 1))
