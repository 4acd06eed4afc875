"""Latchkey with sessions and revocation in SQLite, throttle, audit log and metrics."""

from pathlib import Path

from app import create_app
from bench.contenders import KEY, PATH, Contender, view
from services.auth_guard import auth_guard
from services.jwt_handler import generate_jwt
from tests.support.stores import user_table
from tests.support.users import ZOE

USER = {"username": ZOE.username, "email": ZOE.email, "roles": ["user"]}


def create(folder: Path) -> Contender:
    """Return the application."""
    environ = user_table(f"sqlite:///{folder}/users.db", [ZOE])
    app = create_app({**environ, "SECRET_KEY": KEY, "METRICS_TOKEN": "a token for the metrics of the bench"})
    app.get(PATH)(auth_guard("user")(view))

    def issue() -> str:
        with app.app_context():
            return generate_jwt(USER)

    return Contender(app, issue)
