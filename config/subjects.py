"""The claim `sub` of tokens that belong to machines. No user can have such a subject."""

import re

from config.text import casefold_name

SERVICE_PREFIX = "service:"
"""The prefix of the subject of a service token; its name follows."""
CLIENT_PREFIX = "client:"
"""The prefix of the subject of an OAuth client that has authenticated itself (RFC 6749 §4.4); its id follows."""

MACHINE_NAME = re.compile(r"[A-Za-z0-9._~-]{1,64}", re.ASCII)
"""The form of the name of a service token, and of the id of an OAuth client."""


def is_machine_subject(subject: str) -> bool:
    """Return whether a subject is that of a machine, in any case: names of users are compared without case."""
    return casefold_name(subject).startswith((SERVICE_PREFIX, CLIENT_PREFIX))


def require_user_subject(username: str) -> None:
    """Raise ValueError if a username would be the subject of a machine."""
    if is_machine_subject(username):
        raise ValueError(f"must not begin with {SERVICE_PREFIX} or {CLIENT_PREFIX}, which belong to machines")
