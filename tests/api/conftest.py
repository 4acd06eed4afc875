"""Fixtures: an application and a client for each test, and an administrator of a user table."""

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app import create_app
from tests.support.emptied_database import DATABASE_KINDS
from tests.support.stores import SECRET_KEY
from tests.support.users_api import Admin, admin_at, two_users_environ


@pytest.fixture
def app(static_environ: dict[str, str]) -> Flask:
    return create_app({**static_environ, "SECRET_KEY": SECRET_KEY})


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture(params=DATABASE_KINDS)
def users_environ(request: pytest.FixtureRequest) -> dict[str, str]:
    """The settings of a user table with Zoé and Max, once for each kind of database."""
    return two_users_environ(request)


@pytest.fixture
def admin(users_environ: dict[str, str]) -> Admin:
    """A client of a new application with an access token of Zoé, an administrator. Max is the other user."""
    return admin_at(users_environ)
