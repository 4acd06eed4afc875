"""Revocations, the source that a revocation list reads them from, and claims that they cover or not."""

import time
from datetime import UTC, datetime
from itertools import count
from typing import Any

from database.errors import DatabaseUnavailable
from database.revocation_table import Revocation
from services.tokens.claims import Claims

TIME = 1_900_000_000
UNLIMITED = float("inf")


class RevocationSource:
    """Returns revocations as the database does. It can be slow and unavailable."""

    def __init__(self, *rows: Revocation) -> None:
        self.rows = list(rows)
        self.is_unavailable = False
        self.delay_seconds = 0.0
        self.requests: list[int] = []
        """The ids after which revocations were requested."""

    def __call__(self, last_id: int) -> list[Revocation]:
        self.requests.append(last_id)
        time.sleep(self.delay_seconds)
        if self.is_unavailable:
            raise DatabaseUnavailable("connection refused")
        return [row for row in self.rows if row.id > last_id]

    def revoke(self, token_or_session_id: str) -> None:
        """Add the revocation of a token or a session."""
        self.rows.append(revocation(ended=token_or_session_id))


_ids = count(1)


def revocation(**columns: Any) -> Revocation:
    row: dict[str, Any] = {"ended": None, "idp": None, "username_folded": None, "issued_before": None}
    return Revocation(id=next(_ids), **(row | columns))


def revocation_before(seconds: int = 0, **columns: Any) -> Revocation:
    """Return the revocation of tokens that were issued before TIME + `seconds`."""
    return revocation(issued_before=datetime.fromtimestamp(TIME + seconds, UTC), **columns)


def claims(**changed: Any) -> Claims:
    """Return the claims of a token without a session, with changes; `None` removes a claim."""
    claims = {"jti": "a token", "sub": "Zoé", "idp": "ldap", "iat": TIME - 10, **changed}
    return {name: value for name, value in claims.items() if value is not None}
