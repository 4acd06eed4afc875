"""Errors of sessions. This module does not import SQLAlchemy: a service without a database uses it too."""


class SessionsDisabled(Exception):
    """The service has no database, so it issues access tokens only: they cannot be refreshed or revoked."""


class SessionsUnavailable(Exception):
    """The sessions cannot be read or changed now. The token and the credentials may be valid."""


class RefreshInProgress(Exception):
    """The token was exchanged a moment ago. Another request has its successor, or the response is not sent or lost."""


INVALID = "invalid"
REUSED = "reused"
USER_GONE = "user_gone"
USER_REPLACED = "user_replaced"
PASSWORD_CHANGED = "password_changed"  # noqa: S105 - a reason
PROVIDER_GONE = "provider_gone"

_TEXTS = {
    INVALID: "expired, revoked or unknown",
    REUSED: "already used; its session was revoked",
    USER_GONE: "the user no longer exists or is disabled",
    USER_REPLACED: "the username belongs to another user now",
    PASSWORD_CHANGED: "the user's password was changed",
    PROVIDER_GONE: "the user can no longer be looked up",
}


class InvalidRefreshToken(Exception):
    """The refresh token is invalid. The text explains the reason, and may be sent to the client."""

    def __init__(self, reason: str) -> None:
        """`reason` is one of the constants of this module."""
        super().__init__(_TEXTS[reason])
        self.reason = reason
