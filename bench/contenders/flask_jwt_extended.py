"""Flask-JWT-Extended: `jwt_required` with a blocklist in memory, and a decorator that compares a claim."""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

from flask import Flask, jsonify
from flask_jwt_extended import JWTManager, create_access_token, get_jwt, verify_jwt_in_request

from bench.contenders import KEY, PATH, Contender, view

REVOKED: set[str] = set()


def role_required(role: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return a decorator for views, as in the documentation of custom decorators."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            verify_jwt_in_request()
            if role not in get_jwt()["roles"]:
                return jsonify(msg="Forbidden"), 403
            return function(*args, **kwargs)

        return guarded

    return decorate


def create(_folder: Path) -> Contender:
    """Return the application."""
    app = Flask(__name__)
    app.config["JWT_SECRET_KEY"] = KEY
    manager = JWTManager(app)

    @manager.token_in_blocklist_loader
    def is_revoked(_header: dict[str, Any], claims: dict[str, Any]) -> bool:
        return claims["jti"] in REVOKED

    app.get(PATH)(role_required("user")(view))

    def issue() -> str:
        with app.app_context():
            return create_access_token("zoe", additional_claims={"roles": ["user"]})

    return Contender(app, issue)
