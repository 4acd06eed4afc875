"""Password hashes as the commands show them."""

from typing import NamedTuple

from passwords.schemes import UnusableHash, identify


class HashStatus(NamedTuple):
    """What is known of a password hash. The fields are members of the commands' JSON."""

    scheme: str
    """`-` if the hash is unusable."""
    parameters: str
    """The cost parameters; the reason if the hash is unusable."""
    status: str
    """`current`, `weak` or `unusable`."""


def hash_status(password_hash: str) -> HashStatus:
    """Return the scheme, the parameters and the status of a hash."""
    try:
        kind = identify(password_hash)
    except UnusableHash as error:
        return HashStatus("-", str(error), "unusable")
    return HashStatus(kind.scheme, kind.parameters, "weak" if kind.weak else "current")
