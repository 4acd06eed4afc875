"""PyJWT by hand: a decorator verifies the token with the claims that Latchkey requires too, and compares the role."""

import time
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any
from uuid import uuid4

import jwt
from flask import Flask, g, jsonify, request

from bench.contenders import AUDIENCE, ISSUER, KEY, PATH, Contender, view

REVOKED: set[str] = set()
REQUIRED = ["iss", "aud", "sub", "exp", "iat", "jti"]


def role_required(role: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Return a decorator for views."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            scheme, _, token = request.headers.get("Authorization", "").partition(" ")
            if scheme != "Bearer":
                return jsonify(message="Missing token"), 401
            try:
                claims = jwt.decode(
                    token, KEY, algorithms=["HS256"], issuer=ISSUER, audience=AUDIENCE, options={"require": REQUIRED}
                )
            except jwt.InvalidTokenError as error:
                return jsonify(message=str(error)), 401
            if claims["jti"] in REVOKED:
                return jsonify(message="Revoked token"), 401
            if role not in claims["roles"]:
                return jsonify(message="Forbidden"), 403
            g.claims = claims
            return function(*args, **kwargs)

        return guarded

    return decorate


def claims_of_user() -> dict[str, Any]:
    """Return the claims of a new token."""
    now = int(time.time())
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "zoe", "exp": now + 3600, "iat": now, "jti": uuid4().hex}
    return {**claims, "client_id": "bench", "username": "zoe", "email": "zoe@example.org", "roles": ["user"]}


def issue() -> str:
    """Return a new token."""
    return jwt.encode(claims_of_user(), KEY, algorithm="HS256", headers={"typ": "at+jwt"})


def create(_folder: Path) -> Contender:
    """Return the application."""
    app = Flask(__name__)
    app.get(PATH)(role_required("user")(view))
    return Contender(app, issue)
