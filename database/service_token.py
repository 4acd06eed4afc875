"""A service token as stored, without its text."""

from dataclasses import dataclass
from datetime import datetime

from config.subjects import SERVICE_PREFIX

MAX_TOKEN_ID = 2**31 - 1
"""The largest value of the id column, a 32-bit INTEGER."""


@dataclass(frozen=True)
class ServiceToken:
    """A valid service token."""

    id: int
    """0 until the token is stored."""
    name: str
    roles: tuple[str, ...]
    jti: str
    key_id: str
    """The `kid` of the key that signed it."""
    operator: str
    """The operator who issued it."""
    created_at: datetime
    expires_at: datetime

    @property
    def subject(self) -> str:
        """The claim `sub`."""
        return f"{SERVICE_PREFIX}{self.name}"

    @property
    def version(self) -> str:
        """An opaque version string. A token never changes."""
        return self.jti

    def to_json(self) -> dict[str, object]:
        """Return the token as a JSON object, without the ids of the claims. Times are in ISO 8601."""
        fields = {name: getattr(self, name) for name in ("id", "name", "roles", "subject", "operator")}
        return fields | {name: getattr(self, name).isoformat() for name in ("created_at", "expires_at")}
