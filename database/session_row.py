"""A row of the session table."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta


@dataclass(frozen=True)
class SessionRow:
    """A session. The hashes are hashes of the secrets in its refresh tokens."""

    id: str
    token_hash: str = field(repr=False)
    """The hash of the valid token."""
    spent_hash: str | None = field(repr=False)
    """The hash of the token that was exchanged for the valid one; None for a new session."""
    delivered: bool
    """Whether the response with the valid token was sent."""
    client_id: str
    idp: str
    username: str
    username_folded: str
    ends_at: datetime
    """When the session ends, even if it is refreshed."""
    expires_at: datetime
    """When the session ends unless it is refreshed."""
    access_until: datetime
    """When the last access token of the session expires."""
    record_id: str | None = None
    """The record id of the user, as providers return it; None if it is not known."""
    credential_stamp: str | None = field(default=None, repr=False)
    """The credential stamp of the user, as providers return it; None if it is not known."""
    rotated_at: datetime | None = None
    """When the valid token replaced another, by the clock of the database.

    None for a new session, and for one that was refreshed only by a version before schema revision 0006.
    """
    read_at: datetime | None = field(default=None, compare=False)
    """When this row was read, by the clock of the database; None if it was not read."""

    def was_rotated_within(self, limit: timedelta) -> bool:
        """Return whether the valid token had been issued less than `limit` before the row was read."""
        if self.rotated_at is None or self.read_at is None:
            return False
        return abs(self.read_at - self.rotated_at) < limit  # negative after a step of the clock
