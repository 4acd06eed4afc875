"""Flask-HTTPAuth: `HTTPTokenAuth`, whose functions verify the token with PyJWT and return the roles."""

from pathlib import Path
from typing import Any

import jwt
from flask import Flask
from flask_httpauth import HTTPTokenAuth

from bench.contenders import AUDIENCE, ISSUER, KEY, PATH, Contender, view
from bench.contenders.pyjwt import REVOKED, issue

auth = HTTPTokenAuth(scheme="Bearer")


@auth.verify_token
def verify_token(token: str) -> dict[str, Any] | None:
    """Return the claims of a valid token."""
    try:
        claims: dict[str, Any] = jwt.decode(token, KEY, algorithms=["HS256"], issuer=ISSUER, audience=AUDIENCE)
    except jwt.InvalidTokenError:
        return None
    return None if claims["jti"] in REVOKED else claims


@auth.get_user_roles
def roles_of(claims: dict[str, Any]) -> list[str]:
    """Return the roles in the claims."""
    roles: list[str] = claims["roles"]
    return roles


def create(_folder: Path) -> Contender:
    """Return the application."""
    app = Flask(__name__)
    app.get(PATH)(auth.login_required(role="user")(view))
    return Contender(app, issue)
