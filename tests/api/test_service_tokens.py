"""`/api/tokens`: administrators list and revoke service tokens, which no endpoint accepts in place of a user's."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert, select, update

from database.service_token import ServiceToken
from database.tables import service_tokens, users
from services.context import services_of
from services.service_tokens import ServiceTokenIssuer
from tests.servers.process import wait_until
from tests.support.error_responses import error_message
from tests.support.oauth import CLIENTS, REPORTS_AUTH
from tests.support.sessions import bearer, client_of, guard_error, log_in, log_out, send_login
from tests.support.users import ZOE
from tests.support.users_api import MAX, SQLITE_ONLY, Admin, admin_at, token_of


@pytest.fixture
def admin(users_environ: dict[str, str]) -> Admin:
    """Zoé, an administrator who may grant `user` and `editor`, at an application with OAuth clients."""
    return admin_at(users_environ, ADMIN_GRANTABLE_ROLES="editor", OAUTH_CLIENTS=CLIENTS)


def issue(admin: Admin, *roles: str, days: int = 30) -> tuple[str, ServiceToken]:
    """Issue a service token for `backup` at a terminal."""
    services = services_of(admin.client.application)
    assert services.service_tokens
    return ServiceTokenIssuer(services.issuer, services.service_tokens, "cli:tests").issue("backup", roles, days)


def ask(admin: Admin, method: str, path: str = "", **headers: str) -> tuple[int, dict[str, object]]:
    """Send a request to `/api/tokens` followed by `path`; return the status and the body."""
    response = admin.client.open(f"/api/tokens{path}", method=method, headers={**bearer(admin.access), **headers})
    assert response.headers["Cache-Control"] == "no-store"
    return response.status_code, response.get_json()


def listed(admin: Admin) -> object:
    return ask(admin, "GET")[1]["data"]


def shown(token: ServiceToken) -> dict[str, object]:
    """Return the members of a token in a response."""
    return {
        "id": token.id,
        "name": "backup",
        "roles": [*token.roles],
        "subject": "service:backup",
        "operator": "cli:tests",
        "created_at": token.created_at.isoformat(),
        "expires_at": (token.created_at + timedelta(days=30)).isoformat(),
    }


def test_tokens_are_listed_in_pages_and_shown(admin: Admin) -> None:
    tokens = [issue(admin, "user", "editor")[1] for _ in range(3)]
    status, page = ask(admin, "GET", "?limit=2")
    assert (status, page["next"]) == (200, f"/api/tokens?limit=2&after={tokens[1].id}")
    assert page["data"] == [*map(shown, tokens[:2])]
    assert ask(admin, "GET", f"?limit=2&after={tokens[1].id}")[1]["next"] is None
    assert ask(admin, "GET", f"/{tokens[2].id}")[1]["data"] == shown(tokens[2])
    assert ask(admin, "GET", "?limit=0") == (
        400,
        {"status": 400, "code": "invalid_request", "message": f"limit {TOO_LOW}"},
    )


TOO_LOW = "is invalid: input should be greater than or equal to 1"


def test_revoked_token_is_refused_by_all_workers_and_no_longer_listed(admin: Admin) -> None:
    text, token = issue(admin, "user")
    other_worker = client_of(admin.environ)
    assert guard_error(other_worker, text) == guard_error(admin.client, text) == ""
    shown = admin.client.get(f"/api/tokens/{token.id}", headers=bearer(admin.access))
    assert ask(admin, "DELETE", f"/{token.id}", **{"If-Match": '"another"'})[1]["code"] == "precondition_failed"
    assert ask(admin, "DELETE", f"/{token.id}", **{"If-Match": shown.headers["ETag"]})[0] == 200
    assert guard_error(admin.client, text) == "revoked_token"
    wait_until(lambda: guard_error(other_worker, text) == "revoked_token")
    assert listed(admin) == []
    assert ask(admin, "DELETE", f"/{token.id}")[1]["code"] == "no_such_token"
    (event,) = [event for event in admin.table.users.history() if event.action == "service_token_revoked"]
    assert (event.operator, event.username_folded) == (f"database:{ZOE.username}", "service:backup")


@SQLITE_ONLY
def test_only_administrators_who_may_grant_all_roles_of_a_token_may_revoke_it(admin: Admin) -> None:
    text, token = issue(admin, "super_admin")
    assert ask(admin, "DELETE", f"/{token.id}")[1]["code"] == "role_not_grantable"
    for method, path in (("GET", ""), ("GET", f"/{token.id}"), ("DELETE", f"/{token.id}")):
        user = Admin(admin.client, admin.environ, token_of(admin.client, MAX))
        assert ask(user, method, path)[1]["code"] == "role_required"
        assert ask(user, method, path, Authorization="")[1]["code"] == "missing_token"
    assert guard_error(admin.client, text) == ""


@SQLITE_ONLY
def test_service_token_is_valid_at_guards_and_is_never_a_user(admin: Admin) -> None:
    text, _ = issue(admin, "admin", "user")
    client, service = admin.client, bearer(text)
    assert client.get("/api/protected_route_admin", headers=service).status_code == 200
    verified = client.get("/api/auth/verify?role=user", headers=service)
    assert [verified.headers[f"X-Auth-{name}"] for name in ("User", "Idp", "Roles")] == [
        "service:backup",
        "",
        "admin,user",
    ]
    introspected = client.post("/oauth/introspect", data={"token": text}, headers=REPORTS_AUTH).get_json()
    assert {"username", "email", "idp", "sid"}.isdisjoint(introspected)
    assert (introspected["active"], introspected["sub"]) == (True, "service:backup")
    for path in ("/api/users", "/api/tokens"):
        assert error_message(client.get(path, headers=service), 403, "caller_unverifiable")
    change = {"password": "x", "new_password": "lampshade quarry violin 9"}
    assert error_message(client.post("/api/auth/password", json=change, headers=service), 404, "users_elsewhere")
    assert error_message(client.post("/api/auth/refresh", json={"refresh_token": text}), 400, "invalid_refresh_token")


@SQLITE_ONLY
def test_no_user_can_have_the_subject_of_a_machine(admin: Admin) -> None:
    for name in ("service:backup", "Service:Backup", "client:reports"):
        added = admin.ask("POST", "", {"username": name, "password": "lampshade quarry violin 9"})
        assert "must not begin with service: or client:" in error_message(added, 400, "invalid_request")
        renamed = admin.patch(admin.id_of(MAX), {"username": name})
        assert error_message(renamed, 400, "invalid_request")
    tokens = log_in(admin.client, MAX)
    with admin.engine.begin() as connection:  # as another program may do it
        values = {"username": "SERVICE:backup", "username_folded": "service:backup"}
        connection.execute(update(users).where(users.c.username == MAX.username).values(values))
    login = {"email": MAX.email, "password": MAX.password}
    assert error_message(admin.client.post("/api/auth", json=login), 400, "invalid_credentials")
    assert error_message(admin.client.get("/api/users", headers=bearer(tokens.access)), 403, "role_required")
    assert send_login(admin.client, ZOE).status_code == 200


@SQLITE_ONLY
def test_token_that_is_used_to_log_out_is_no_longer_listed(admin: Admin) -> None:
    text, _ = issue(admin, "user")
    assert log_out(admin.client, text).status_code == 200
    assert (guard_error(admin.client, text), listed(admin)) == ("revoked_token", [])


@SQLITE_ONLY
def test_expired_token_is_not_listed_and_its_row_is_deleted(admin: Admin) -> None:
    past = datetime.now(UTC) - timedelta(days=3)
    row = {"name": "old", "roles": "[]", "jti": "old", "key_id": "k", "operator": "tests", "created_at": past}
    with admin.engine.begin() as connection:
        connection.execute(insert(service_tokens).values({**row, "expires_at": past}))
    assert listed(admin) == []
    _, token = issue(admin, "user")
    with admin.engine.connect() as connection:
        assert [*connection.scalars(select(service_tokens.c.id))] == [token.id]


def test_without_a_database_there_are_no_service_tokens(static_environ: dict[str, str]) -> None:
    client = client_of(static_environ)
    response = client.get("/api/tokens", headers=bearer(send_login(client).get_json()["data"]))
    assert error_message(response, 404, "sessions_disabled") == "Sessions are disabled: DATABASE_URL is not set"
