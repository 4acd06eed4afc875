"""An application of its own for each test, a client of it, and the one shape of an error."""

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app import create_app
from tests.support.emptied_database import KINDS
from tests.support.stores import SECRET_KEY
from tests.support.users_api import Admin, admin_at, emptied_environ


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
