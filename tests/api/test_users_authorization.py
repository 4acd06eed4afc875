"""`/api/users`: only administrators have access, and a path has one spelling."""

import pytest

from services.context import services_of
from tests.support.error_responses import error_message
from tests.support.sessions import bearer
from tests.support.users_api import ANY_VERSION, ENDPOINTS, MAX, SQLITE_ONLY, Admin, token_of

INVALID_PATHS = ["/api/users/", "/api/users/1/", "/api//users", "/API/users", "/api/Users", "/api/users/1/password/"]
INVALID_PATHS += [
    "/api/users/-1",
    "/api/users/+1",
    "/api/users/1.0",
    "/api/users/one",
    "/api/users/1;x",
    "/api/users/%2e",
]
INVALID_PATHS += [
    "/api/users/1/../1",
    "/api/users//1",
    f"/api/users/{'9' * 5000}",
    "/api/users/1%00",
    "//api/users",
    "/api/%75sers",
    "/api/users/%31",
    "/api/users/001",
    "/api/users/１",
    "/api/users/1１",
]
SIMILAR_ROLES = [
    ["Admin"],
    ["ADMIN"],
    ["admin "],
    ["administrator"],
    ["user", "admin,user"],
    ["a", "d", "m", "i", "n"],
    [],
]

# No request reaches the database.
pytestmark = SQLITE_ONLY


@pytest.mark.parametrize(("method", "path", "members"), ENDPOINTS)
def test_only_admins_have_access(admin: Admin, method: str, path: str, members: object) -> None:
    user = Admin(admin.client, admin.environ, token_of(admin.client, MAX))
    before = admin.ask("GET", "").json
    responses = [
        user.ask(method, path, members, ANY_VERSION),
        user.ask(method, path, members, {**ANY_VERSION, "Authorization": ""}),
    ]
    assert [response.status_code for response in responses] == [403, 401]
    if method != "HEAD":
        assert error_message(responses[0], 403, "role_required")
        assert error_message(responses[1], 401, "missing_token")
    assert admin.ask("GET", "").json == before


@pytest.mark.parametrize("path", INVALID_PATHS)
def test_invalid_path_is_404(admin: Admin, path: str) -> None:
    url = f"http://localhost{path}"
    assert error_message(admin.client.get(url, headers=bearer(admin.access)), 404, "not_found")
    assert error_message(admin.client.get(url), 404, "not_found")


@pytest.mark.parametrize("roles", SIMILAR_ROLES)
def test_similar_role_name_is_not_admin(admin: Admin, roles: list[str]) -> None:
    issuer = services_of(admin.client.application).issuer
    token = issuer.generate({"username": "zoé", "idp": "database", "roles": roles})
    assert error_message(admin.client.get("/api/users", headers=bearer(token)), 403, "role_required")


@pytest.mark.parametrize(
    ("method", "path"), [("DELETE", "/1"), ("PUT", "/1"), ("POST", "/1"), ("PUT", ""), ("TRACE", "")]
)
def test_other_methods_are_405(admin: Admin, method: str, path: str) -> None:
    override = {"X-HTTP-Method-Override": "DELETE"}
    assert error_message(admin.ask(method, path, {}, override), 405, "method_not_allowed")
    assert admin.ask("OPTIONS", path).data == b""
    assert admin.ask("GET", f"/{admin.id_of(MAX)}", headers=override).status_code == 200
