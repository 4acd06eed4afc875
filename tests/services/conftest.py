"""An application of its own for each test, and tokens signed by hand with its key."""

import base64
import hmac
import json
import time
from typing import Any

import pytest
from flask import Flask

from app import create_app
from services.tokens.issuer import TokenIssuer
from tests.support.stores import SECRET_KEY

KEY = SECRET_KEY.encode()


def segment(content: object) -> str:
    """Return a part of a token: bytes as they are, anything else as JSON."""
    octets = content if isinstance(content, bytes) else json.dumps(content).encode()
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def sign(header: object, claims: object, key: bytes = KEY, digest: str = "sha256") -> str:
    """Return a token with this header and these claims, whatever they are."""
    signed = f"{segment(header)}.{segment(claims)}"
    return f"{signed}.{segment(hmac.digest(key, signed.encode(), digest))}"


@pytest.fixture
def app(static_environ: dict[str, str]) -> Flask:
    return create_app({**static_environ, "SECRET_KEY": SECRET_KEY})


@pytest.fixture
def issuer(app: Flask) -> TokenIssuer:
    """What makes and reads the tokens of `app`."""
    made: TokenIssuer = app.extensions["latchkey"].issuer
    return made


@pytest.fixture
def header(issuer: TokenIssuer) -> dict[str, Any]:
    """The header that a token of `app` has."""
    first = issuer.generate({"username": "zoé"}).split(".")[0]
    read: dict[str, Any] = json.loads(base64.urlsafe_b64decode(f"{first}=="))
    return read


@pytest.fixture
def claims() -> dict[str, Any]:
    """Claims that a token of `app` could have."""
    now = int(time.time())
    own = {"iss": "latchkey", "aud": "latchkey", "sub": "zoé", "jti": "1", "roles": ["user"]}
    return {**own, "iat": now, "exp": now + 600}
