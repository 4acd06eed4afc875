"""Errors of the database layer, apart from SQLAlchemy, so that a service without a database can handle them."""


class DatabaseUnavailable(Exception):
    """The database cannot be used now. The text is for the log and the terminal."""

    def __init__(self, reason: str, remedy: str | None = None) -> None:
        """`remedy` is what an operator can do: a sentence without its period, `None` if that is not known."""
        super().__init__(f"{reason}. {remedy}" if remedy else reason)
        self.reason = reason
        self.remedy = remedy


class UserExists(Exception):
    """The username or e-mail address belongs to a user already."""


class NoSuchUser(Exception):
    """Nobody has this username, e-mail address or id."""


class LastAdmin(Exception):
    """Without this user nobody who is active would have the role `admin`."""


class UserChanged(Exception):
    """Somebody else has changed the user since they were read."""
