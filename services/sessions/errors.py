"""Errors of sessions, apart from SQLAlchemy, so that a service without a database can handle them."""


class SessionsDisabled(Exception):
    """The service has no database, so it issues access tokens only: they cannot be refreshed or revoked."""


class SessionsUnavailable(Exception):
    """The database of sessions is unavailable, which says nothing about the token or the user."""


class InvalidRefreshToken(Exception):
    """The refresh token is invalid. The text is the reason, and may be sent to the client."""
