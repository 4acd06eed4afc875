"""Errors of sessions. This module does not import SQLAlchemy: a service without a database uses it too."""


class SessionsDisabled(Exception):
    """The service has no database, so it issues access tokens only: they cannot be refreshed or revoked."""


class SessionsUnavailable(Exception):
    """The sessions cannot be read or changed now. The token and the credentials may be valid."""


class RefreshInProgress(Exception):
    """The token was exchanged a moment ago. Another request has its successor, or the response is not sent or lost."""


class InvalidRefreshToken(Exception):
    """The refresh token is invalid. The text is the reason, and may be sent to the client."""
