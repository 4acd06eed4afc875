"""An application of its own for each test, a client of it, and the one shape of an error."""

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app import create_app
from tests.support.emptied_database import KINDS
from tests.support.stores import SECRET_KEY
from tests.support.users_api import Admin, admin_at, emptied_environ


def error(answer: TestResponse, status: int, code: str) -> str:
    """Return the message of an answer, once it is sure that it is an error of the one shape."""
    assert (answer.status_code, answer.mimetype) == (status, "application/json")
    assert answer.json is not None
    assert set(answer.json) == {"status", "message", "code"}
    assert (answer.json["status"], answer.json["code"]) == (status, code)
    assert len(answer.headers["X-Request-ID"]) == 16
    assert {"Location", "Set-Cookie", "Server"}.isdisjoint(answer.headers.keys())
    message = answer.json["message"]
    assert isinstance(message, str)
    assert message
    return message


@pytest.fixture
def app(static_environ: dict[str, str]) -> Flask:
    return create_app({**static_environ, "SECRET_KEY": SECRET_KEY})


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture(params=KINDS)
def users_environ(request: pytest.FixtureRequest) -> dict[str, str]:
    """The environment of a user table that has Zoé and Max, once for each kind."""
    return emptied_environ(request)


@pytest.fixture
def admin(users_environ: dict[str, str]) -> Admin:
    """Zoé, who is an admin at a new application, and has Max to tend."""
    return admin_at(users_environ)
