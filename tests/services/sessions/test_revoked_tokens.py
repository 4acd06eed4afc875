"""Which tokens a revocation covers."""

from typing import Any

import pytest

from database.revocation_table import Revocation
from services.sessions.revocations import RevocationList
from services.tokens.claims import Claims
from tests.support.revocations import NEVER, TIME, Source, before, claims, revocation

OF_ZOE: dict[str, Any] = {"username_folded": "zoé"}


@pytest.mark.parametrize(
    ("row", "token", "covered"),
    [
        (revocation(ended="a session"), claims(sid="a session"), True),
        (revocation(ended="a session"), claims(sid="another"), False),
        (revocation(ended="a session"), claims(), False),
        (revocation(ended="a token"), claims(), True),
        (revocation(ended="a token"), claims(jti="another"), False),
        (before(), claims(iat=TIME - 1), True),
        (before(), claims(iat=TIME - 0.5), True),
        (before(), claims(iat=TIME), False),
        (before(), claims(sid="a session"), True),
        (before(), claims(sid="a session", iat=TIME), False),
        (before(), claims(sub="anybody", idp=None), True),
        (before(**OF_ZOE), claims(), True),
        (before(**OF_ZOE), claims(idp="static"), True),
        (before(**OF_ZOE), claims(idp=None), True),
        (before(**OF_ZOE), claims(sub="zoE\u0301"), True),
        (before(**OF_ZOE), claims(iat=TIME), False),
        (before(**OF_ZOE), claims(sub="zoe"), False),
        (before(**OF_ZOE), claims(sid="a session"), False),
        (before(**OF_ZOE, idp="ldap"), claims(), True),
        (before(**OF_ZOE, idp="ldap"), claims(iat=TIME), False),
        (before(**OF_ZOE, idp="static"), claims(), False),
        (before(**OF_ZOE, idp="static"), claims(idp=None), False),
    ],
)
def test_a_revocation_covers_what_it_names_and_nothing_else(row: Revocation, token: Claims, covered: bool) -> None:
    assert RevocationList(Source(row), NEVER).is_revoked(token) is covered


@pytest.mark.parametrize("whose", [{}, OF_ZOE, {**OF_ZOE, "idp": "ldap"}])
def test_a_later_revocation_by_a_slow_clock_takes_nothing_back(whose: dict[str, Any]) -> None:
    revocations = RevocationList(Source(before(**whose), before(-60, **whose)), NEVER)
    assert revocations.is_revoked(claims(iat=TIME - 1))
