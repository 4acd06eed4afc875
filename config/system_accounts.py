"""The accounts of the operating system."""

import pwd


def account_name(user_id: int) -> str:
    """Return the name of the account with this id; the id itself if it has no account, as in some containers."""
    try:
        return pwd.getpwuid(user_id).pw_name
    except KeyError:
        return str(user_id)
