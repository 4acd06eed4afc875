"""What the database floor raises. Here, apart from SQLAlchemy, so that a service without a database can name it."""


class DatabaseUnavailable(Exception):
    """The database could not be asked; the text says why, and is for the log or the terminal."""


class UserExists(Exception):
    """The username or e-mail address belongs to a user already."""


class NoSuchUser(Exception):
    """Nobody has this username, e-mail address or id."""


class LastAdmin(Exception):
    """Without this user nobody who is active would have the role `admin`."""


class UserChanged(Exception):
    """Somebody else has changed the user since they were read."""
