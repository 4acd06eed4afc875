"""Errors of the database layer. This module does not import SQLAlchemy: a service without a database uses it too."""

from werkzeug.exceptions import BadRequest, Conflict, Forbidden, NotFound, PreconditionFailed

from config.http_error import INSUFFICIENT_SCOPE, HttpError, Unavailable


class DatabaseUnavailable(Unavailable):
    """The database is unavailable or cannot be used. The text is for the log and the terminal."""

    error_code = "database_unavailable"
    message = "Database unavailable"

    def __init__(self, reason: str, remedy: str | None = None) -> None:
        """`remedy` is what an operator can do: a sentence without its period; None if that is not known."""
        super().__init__(f"{reason}. {remedy}" if remedy else reason)
        self.reason = reason
        self.remedy = remedy


class UnusableDatabaseFile(DatabaseUnavailable):
    """The file of an SQLite database cannot be used until an operator corrects it, or DATABASE_URL."""


class PoolExhausted(DatabaseUnavailable):
    """All connections of this process are in use. The database itself may be available."""


class InvalidTime(DatabaseUnavailable):
    """A row has a value that is not a time: SQLite stores any text that SQL has written."""

    def __init__(self) -> None:
        remedy = "Times in SQLite are texts in UTC, such as 2026-11-29 10:00:00.000000: correct what SQL has written"
        super().__init__("a row has a value that is not a time", remedy)


class UserExists(HttpError, Conflict):
    """The username or email belongs to another user."""

    error_code = "user_exists"
    message = "The username or email is already in use"


class InvalidName(HttpError, BadRequest):
    """A new username or email has a character that names must not have. The text is a sentence without its period."""

    error_code = "invalid_request"
    example = "The username has a character that names must not have"


class NoSuchUser(HttpError, NotFound):
    """No user has this username, email or id."""

    error_code = "no_such_user"
    message = "User not found"


class LastAdmin(HttpError, Conflict):
    """No other active user has the role `admin`."""

    error_code = "last_admin"
    message = "Cannot remove the last active administrator"


class RoleNotGrantable(HttpError, Forbidden):
    """The user has, or would have, a role that the operator may not grant."""

    error_code = "role_not_grantable"
    message = "The user has, or would have, a role that you do not have: see ADMIN_GRANTABLE_ROLES"
    challenge = INSUFFICIENT_SCOPE


class UserDisabled(Exception):
    """The user is disabled. The message is the username."""


class NoSuchToken(HttpError, NotFound):
    """No valid service token has this id."""

    error_code = "no_such_token"
    message = "Service token not found"


class TokenChanged(HttpError, PreconditionFailed):
    """The service token is not the one that the caller has read."""

    error_code = "precondition_failed"
    message = "The token is another one. Read the token again"


class TokenNotRevocable(HttpError, Forbidden):
    """The service token has a role that the operator may not grant."""

    error_code = "role_not_grantable"
    message = "The token has a role that you do not have: see ADMIN_GRANTABLE_ROLES"
    challenge = INSUFFICIENT_SCOPE


class UserChanged(HttpError, PreconditionFailed):
    """The user has changed since the caller read it."""

    error_code = "precondition_failed"
    message = "The user has changed. Read the user again"
