"""The scheme and the status of a stored password hash, as commands report them."""

from typing import NamedTuple

from passwords.errors import UnusableHash
from passwords.schemes import identify


class HashStatus(NamedTuple):
    """What is known about a password hash without the password. The commands' JSON has these fields."""

    scheme: str
    """`-` if the hash is unusable."""
    parameters: str
    """The cost parameters; the reason if the hash is unusable."""
    status: str
    """`current`, `weak` or `unusable`."""


def hash_status(password_hash: str) -> HashStatus:
    """Return the scheme, the parameters and the status of a hash."""
    try:
        scheme = identify(password_hash)
    except UnusableHash as error:
        return HashStatus("-", str(error), "unusable")
    return HashStatus(scheme.name, scheme.parameters, "weak" if scheme.weak else "current")
