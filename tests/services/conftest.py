"""An application for each test, and the header and claims of tokens to sign by hand."""

import base64
import json
import time
from typing import Any

import pytest
from flask import Flask

from app import create_app
from services.context import services_of
from services.tokens.issuer import TokenIssuer
from tests.support.stores import SECRET_KEY


@pytest.fixture
def app(static_environ: dict[str, str]) -> Flask:
    return create_app({**static_environ, "SECRET_KEY": SECRET_KEY})


@pytest.fixture
def issuer(app: Flask) -> TokenIssuer:
    """The issuer of `app`."""
    return services_of(app).issuer


@pytest.fixture
def header(issuer: TokenIssuer) -> dict[str, Any]:
    """The header of the tokens of `app`."""
    encoded = issuer.generate({"username": "zoé"}).split(".")[0]
    header: dict[str, Any] = json.loads(base64.urlsafe_b64decode(f"{encoded}=="))
    return header


@pytest.fixture
def claims() -> dict[str, Any]:
    """Valid claims of a token of `app`."""
    now = int(time.time())
    claims = {"iss": "latchkey", "aud": "latchkey", "sub": "zoé", "jti": "1", "roles": ["user"]}
    return {**claims, "iat": now, "exp": now + 600}
