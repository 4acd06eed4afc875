"""An administrator who sends requests to `/api/users`."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine
from werkzeug.test import TestResponse

from database.audit import AuditEvent
from database.user_editor import UserEditor
from services.context import services_of
from tests.support.emptied_database import empty_engine
from tests.support.sessions import bearer, client_of
from tests.support.stores import HIGH_LIMITS, engine_of, hashed
from tests.support.users import ZOE, SampleUser

MAX = SampleUser("Max", "max@example.org", "the password of an ordinary user")
NEW = {"username": "new", "password": "lampshade quarry violin 9"}
GRANTABLE_ROLES = f"admin,Admin,user,editor,author,x,{'é' * 256}"
"""The roles that the tests of edits grant. tests/api/test_administrators.py tests the rule."""
ANY_VERSION = {"If-Match": "*"}
Endpoint = tuple[str, str, object]
ENDPOINTS: list[Endpoint] = [
    ("GET", "", None),
    ("HEAD", "", None),
    ("POST", "", NEW),
    ("GET", "/1", None),
    ("PATCH", "/1", {"active": False}),
    ("PUT", "/1/password", {"password": NEW["password"]}),
]
"""Every method and path, with a valid body."""


SQLITE_ONLY = pytest.mark.parametrize("users_environ", ["sqlite"], indirect=True)
"""For tests whose result does not depend on the kind of database."""


@dataclass(frozen=True)
class Admin:
    """A client with an access token that has the role `admin`."""

    client: FlaskClient
    environ: dict[str, str]
    access: str

    @property
    def engine(self) -> Engine:
        """The engine that the application uses."""
        return engine_of(self.environ)

    @property
    def table(self) -> UserEditor:
        """Direct access to the user table, without the application."""
        return UserEditor(self.engine, "tests")

    def ask(
        self, method: str, path: str, members: object = None, headers: Mapping[str, str] | None = None
    ) -> TestResponse:
        """Send a request to `/api/users` followed by `path`, with a body if there are members."""
        return self.client.open(
            f"/api/users{path}",
            method=method,
            headers={**bearer(self.access), **(headers or {})},
            data=None if members is None else json.dumps(members),
            content_type=None if members is None else "application/json",
        )

    def read(self, user_id: int) -> TestResponse:
        return self.ask("GET", f"/{user_id}")

    def patch(self, user_id: int, members: object, if_match: str = "*") -> TestResponse:
        return self.ask("PATCH", f"/{user_id}", members, {"If-Match": if_match})

    def id_of(self, person: SampleUser) -> int:
        return self.table.users.require(person.username).id

    def history(self, username: str) -> list[AuditEvent]:
        """Return the audit events of a user that the endpoints wrote, newest first."""
        return [event for event in self.table.users.history(username) if event.operator != "tests"]


def admin_at(environ: dict[str, str], **changed: str) -> Admin:
    """Return Zoé as an administrator at a new application."""
    client = client_of(environ, **changed)
    return Admin(client, environ, token_of(client, ZOE))


def token_of(client: FlaskClient, person: SampleUser) -> str:
    """Return an access token without a session for a user in the table. It is faster than a login."""
    claims = {"username": person.username, "email": person.email, "roles": [*person.roles], "idp": "database"}
    return services_of(client.application).issuer.generate(claims)


def two_users_environ(request: pytest.FixtureRequest) -> dict[str, str]:
    """Return the environment of a user table with Zoé and Max. The fixture's parameter is the kind of database."""
    engine = empty_engine(request)
    file = (engine.url.database or "").removeprefix("file:")
    url = f"sqlite:///{file}" if engine.name == "sqlite" else engine.url.render_as_string(hide_password=False)
    for person in (ZOE, MAX):
        UserEditor(engine, "tests").add(person.username, person.email, hashed(person.password), person.roles)
    return {"AUTH_PROVIDER": "database", "DATABASE_URL": url, "ADMIN_GRANTABLE_ROLES": GRANTABLE_ROLES, **HIGH_LIMITS}


def user_in(response: TestResponse, status: int = 200) -> dict[str, Any]:
    """Return the user in a response, after checking its status and its members."""
    body = response.get_json()
    assert (response.status_code, set(body)) == (status, {"status", "data"}), body
    assert (body["status"], response.headers["Cache-Control"]) == (status, "no-store")
    user: dict[str, Any] = body["data"]
    members = {"id", "username", "email", "roles", "active", "created_at", "updated_at", "last_login_at"}
    assert set(user) == members
    return user
