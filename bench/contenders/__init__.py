"""What the guard is compared with: one application in each module, whose function `create` returns a `Contender`.

All have the route GET /guarded with the same view. The others require a token of a user who has the role `user`, and
are set up as their documentation says, with what makes them fast, such as a token of HS256 and a set in memory.
"""

from collections.abc import Callable
from dataclasses import dataclass

from flask import Flask

ISSUER = "https://bench.example.org"
AUDIENCE = "bench"
KEY = "a key for the benchmarks, of 32 octets or more"
PATH = "/guarded"
NAMES = (
    "plain",
    "latchkey_public",
    "latchkey",
    "pyjwt",
    "flask_httpauth",
    "authlib",
    "flask_jwt_extended",
    "flask_security_too",
    "flask_appbuilder_api",
)
"""The modules, the plain route first."""
UNGUARDED = NAMES[:2]


@dataclass(frozen=True)
class Contender:
    """An application with a guarded route."""

    app: Flask
    issue: Callable[[], str]
    """Returns a new valid token. Each call returns another one."""
    header: str = "Authorization"
    scheme: str = "Bearer "
    """What precedes the token in the header."""


def view() -> dict[str, object]:
    """Return the response of the route."""
    return {"status": 200, "message": "guarded"}
