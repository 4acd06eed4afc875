"""Latchkey with sessions and revocation in SQLite, throttle, audit log and metrics."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from app import create_app
from bench.contenders import KEY, PATH, Contender, view
from bench.wsgi import METRICS
from services.auth_guard import auth_guard
from tests.support.stores import services_of, user_table
from tests.support.users import ZOE

USER = {"username": ZOE.username, "email": ZOE.email, "roles": ["user"]}
for_users = auth_guard("user")


def create(folder: Path, guard: Callable[[Any], Any] = for_users) -> Contender:
    """Return the application."""
    environ = {**user_table(f"sqlite:///{folder}/users.db", [ZOE]), "SECRET_KEY": KEY}
    app = create_app({**environ, **METRICS})
    app.get(PATH)(guard(view))
    # Of another process: the one that issues a token has verified it.
    issuer = services_of(environ).issuer
    return Contender(app, lambda: issuer.generate(USER))
