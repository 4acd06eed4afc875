"""Revocations as a database would have them, and the claims that they cover or not."""

import time
from datetime import UTC, datetime
from itertools import count
from typing import Any

from database.errors import DatabaseUnavailable
from database.revocation_table import Revocation
from services.tokens.claims import Claims

TIME = 1_900_000_000
LATER = datetime(2100, 1, 1, tzinfo=UTC)
NEVER = float("inf")


class Source:
    """Revocations as a database would have them, which can be out."""

    def __init__(self, *rows: Revocation) -> None:
        self.rows = list(rows)
        self.out = False
        self.seconds = 0.0
        self.asked: list[int] = []

    def __call__(self, last: int) -> list[Revocation]:
        self.asked.append(last)
        time.sleep(self.seconds)
        if self.out:
            raise DatabaseUnavailable("it is out")
        return [row for row in self.rows if row.id > last]

    def end(self, name: str) -> None:
        """Add the end of a session or a token."""
        self.rows.append(revocation(ended=name))


_ids = count(1)


def revocation(**columns: Any) -> Revocation:
    row: dict[str, Any] = {"ended": None, "idp": None, "username_folded": None, "issued_before": None}
    return Revocation(id=next(_ids), expires_at=LATER, **(row | columns))


def before(seconds: int = 0, **columns: Any) -> Revocation:
    """Return the end of what was issued before a time."""
    return revocation(issued_before=datetime.fromtimestamp(TIME + seconds, UTC), **columns)


def claims(**changed: Any) -> Claims:
    """Return the claims of a token without a session, with changes to them; `None` takes one away."""
    own = {"jti": "a token", "sub": "Zoé", "idp": "ldap", "iat": TIME - 10, **changed}
    return {name: value for name, value in own.items() if value is not None}
