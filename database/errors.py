"""Errors of the database layer. This module does not import SQLAlchemy: a service without a database uses it too."""


class DatabaseUnavailable(Exception):
    """The database is unavailable or cannot be used. The text is for the log and the terminal."""

    def __init__(self, reason: str, remedy: str | None = None) -> None:
        """`remedy` is what an operator can do: a sentence without its period; None if that is not known."""
        super().__init__(f"{reason}. {remedy}" if remedy else reason)
        self.reason = reason
        self.remedy = remedy


class PoolExhausted(DatabaseUnavailable):
    """All connections of this process are in use. The database itself may be available."""


class UserExists(Exception):
    """The username or email belongs to another user."""


class InvalidName(Exception):
    """A new username or email has a character that names must not have. The text is a sentence without its period."""


class NoSuchUser(Exception):
    """No user has this username, email or id."""


class LastAdmin(Exception):
    """No other active user has the role `admin`."""


class RoleNotGrantable(Exception):
    """The user has, or would have, a role that the operator may not grant."""


class UserChanged(Exception):
    """The user has changed since the caller read it."""
