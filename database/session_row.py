"""A row of the session table."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from audit.events import Member

MAX_USER_AGENT_LENGTH = 256  # characters


class LoginOrigin(NamedTuple):
    """Where a user has logged in."""

    address: str | None
    """The address of the client."""
    user_agent: str | None
    """The header `User-Agent`, at most MAX_USER_AGENT_LENGTH characters. Its client chooses it."""


UNKNOWN_ORIGIN = LoginOrigin(None, None)


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
    opened_at: datetime | None = None
    """When the user logged in; None before schema revision 0010."""
    address: str | None = None
    """The address of the client at the login."""
    user_agent: str | None = None
    """The header `User-Agent` of the login, at most MAX_USER_AGENT_LENGTH characters."""
    read_at: datetime | None = field(default=None, compare=False)
    """When this row was read, by the clock of the database; None if it was not read."""

    def event_members(self) -> dict[str, Member]:
        """Return the members of an audit event that concerns the session."""
        return {"account": self.username, "provider": self.idp, "sid": self.id, "client": self.client_id}

    def to_json(self) -> dict[str, object]:
        """Return the session as a JSON object, without its hashes. Times are in ISO 8601."""
        times = {"created_at": self.opened_at, "refreshed_at": self.rotated_at, "expires_at": self.expires_at}
        fields: dict[str, object] = {"id": self.id, "client": self.client_id, "address": self.address}
        fields["user_agent"] = self.user_agent
        return fields | {name: time.isoformat() if time else None for name, time in times.items()}

    def was_rotated_within(self, limit: timedelta) -> bool:
        """Return whether the valid token had been issued less than `limit` before the row was read."""
        if self.rotated_at is None or self.read_at is None:
            return False
        return abs(self.read_at - self.rotated_at) < limit  # negative after a step of the clock
