"""Errors of sessions. This module does not import SQLAlchemy: a service without a database uses it too."""

from werkzeug.exceptions import BadRequest, NotFound

from config.http_error import HttpError, Unavailable


class SessionsDisabled(HttpError, NotFound):
    """The service has no database, so it issues access tokens only: they cannot be refreshed or revoked."""

    error_code = "sessions_disabled"
    message = "Sessions are disabled: DATABASE_URL is not set"


class SessionsUnavailable(Unavailable):
    """The sessions cannot be read or changed now. The token and the credentials may be valid."""

    error_code = "sessions_unavailable"
    message = "Session store unavailable"


class RefreshInProgress(Unavailable):
    """The token was exchanged a moment ago. Another request has its successor, or the response is not sent or lost."""

    error_code = "refresh_in_progress"
    message = "This refresh token was just exchanged. Use the new one"
    retry_after = 2
    is_failure = False


INVALID = "invalid"
REUSED = "reused"
USER_GONE = "user_gone"
USER_REPLACED = "user_replaced"
PASSWORD_CHANGED = "password_changed"  # noqa: S105 - a reason
PROVIDER_GONE = "provider_gone"
ENDED_BY_USER = "ended_by_user"
"""Why a session has ended, not why a token is refused."""

_TEXTS = {
    INVALID: "expired, revoked or unknown",
    REUSED: "already used; its session was revoked",
    USER_GONE: "the user no longer exists or is disabled",
    USER_REPLACED: "the username belongs to another user now",
    PASSWORD_CHANGED: "the user's password was changed",
    PROVIDER_GONE: "the user can no longer be looked up",
}


class InvalidRefreshToken(HttpError, BadRequest):
    """The refresh token is invalid. The text explains the reason, and may be sent to the client."""

    error_code = "invalid_refresh_token"
    message = "Invalid refresh token: {}"
    example = "expired, revoked or unknown"
    oauth_code = "invalid_grant"

    def __init__(self, reason: str) -> None:
        """`reason` is one of the constants of this module."""
        super().__init__(_TEXTS[reason])
        self.reason = reason
