"""What administrators may do at `/api/users`: only while they have the role, and only with grantable roles."""

import json
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, update

from database.session_table import SessionTable
from database.tables import sessions, user_roles, users
from database.user_filter import UserFilter
from services.context import services_of
from tests.support.error_responses import error_message
from tests.support.sessions import bearer, client_of, guard_error, log_in
from tests.support.statement_hooks import call_before_statement
from tests.support.stores import users_file
from tests.support.users import ZOE, SampleUser
from tests.support.users_api import ANY_VERSION, ENDPOINTS, MAX, NEW, SQLITE_ONLY, Admin, Endpoint, admin_at, user_in

BOSS = SampleUser("boss", "boss@example.org", "the password of the boss", ("admin",))
ALL_USERS = UserFilter()
BODIES: list[Endpoint] = [endpoint for endpoint in ENDPOINTS if endpoint[0] != "HEAD"]


@pytest.fixture(params=["with a session", "without a session"])
def admin(request: pytest.FixtureRequest, users_environ: dict[str, str]) -> Admin:
    """Zoé, an administrator with the role `user`, at an application with the default rule. Max is the other user."""
    admin = admin_at(users_environ, ADMIN_GRANTABLE_ROLES="")
    return replace(admin, access=log_in(admin.client).access) if request.param == "with a session" else admin


@pytest.fixture
def users_path(tmp_path: Path) -> Path:
    """The path of a users file with the administrator BOSS."""
    path = tmp_path / "users.toml"
    users_file(path, [BOSS])
    return path


@pytest.fixture
def boss(users_environ: dict[str, str], users_path: Path) -> Admin:
    """An administrator of the users file, which precedes the user table."""
    environ = {**users_environ, "STATIC_USERS_FILE": str(users_path), "AUTH_PROVIDER": "static,database"}
    client = client_of(environ)
    return Admin(client, environ, log_in(client, BOSS).access)


def demote_with_sql(admin: Admin) -> None:
    """Remove the roles of all users without a revocation, as another store would."""
    with admin.engine.begin() as connection:
        connection.execute(delete(user_roles))


def disable_with_sql(admin: Admin) -> None:
    with admin.engine.begin() as connection:
        connection.execute(update(users).values(active=False))


def delete_with_sql(admin: Admin) -> None:
    with admin.engine.begin() as connection:
        connection.execute(delete(users).where(users.c.username == ZOE.username))


def test_demoted_administrator_cannot_make_themselves_admin_again(admin: Admin) -> None:
    zoe = admin.id_of(ZOE)
    admin.table.change("zoé", lambda row: replace(row, roles=("user",)), force=True)
    services = services_of(admin.client.application)
    assert services.sessions
    services.sessions.refresh_revocations()
    response = admin.patch(zoe, {"roles": ["admin", "user"]})
    assert error_message(response, 401, "revoked_token")
    assert admin.table.users.require("zoé").roles == ("user",)


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        (demote_with_sql, 403, "role_required"),
        (disable_with_sql, 401, "revoked_token"),
        (delete_with_sql, 401, "revoked_token"),
    ],
    ids=["demoted", "disabled", "deleted"],
)
def test_token_does_not_keep_the_rights_that_its_user_has_lost(
    admin: Admin, change: Callable[[Admin], None], status: int, code: str
) -> None:
    change(admin)
    assert guard_error(admin.client, admin.access) == ""
    before = admin.table.users.page(ALL_USERS, 10)
    for method, path, members in BODIES:
        response = admin.ask(method, path.replace("1", str(before[0].id)), members, ANY_VERSION)
        assert error_message(response, status, code)
    assert admin.table.users.page(ALL_USERS, 10) == before


class SlowBody(BytesIO):
    """The body of a request during which something happens."""

    def __init__(self, members: object, during: Callable[[], object]) -> None:
        super().__init__(json.dumps(members).encode())
        self._during: list[Callable[[], object]] = [during]

    def readinto(self, buffer: Any) -> int:
        if self._during:
            self._during.pop()()
        return super().readinto(buffer)


def revoke_here(admin: Admin) -> None:
    """Revoke the tokens of Zoé, and read the revocation."""
    SessionTable(admin.engine).end_user_sessions("zoé")
    current = services_of(admin.client.application).sessions
    assert current
    current.refresh_revocations()


@pytest.mark.parametrize("change", [demote_with_sql, disable_with_sql, revoke_here])
@pytest.mark.parametrize("endpoint", [endpoint for endpoint in BODIES if endpoint[2]], ids=str)
def test_request_with_a_slow_body_does_not_keep_the_rights_of_its_beginning(
    admin: Admin, endpoint: Endpoint, change: Callable[[Admin], None]
) -> None:
    method, path, members = endpoint
    history = admin.table.users.history()
    body = SlowBody(members, lambda: change(admin))
    response = admin.client.open(
        f"/api/users{path.replace('1', str(admin.id_of(MAX)))}",
        method=method,
        headers={**bearer(admin.access), **ANY_VERSION},
        input_stream=body,
        content_length=len(body.getvalue()),
        content_type="application/json",
    )
    assert response.status_code in {401, 403}
    assert admin.table.users.history() == history


def test_token_of_a_session_that_ended_elsewhere_is_rejected_before_the_next_poll(
    users_environ: dict[str, str],
) -> None:
    admin = admin_at(users_environ)
    admin = replace(admin, access=log_in(admin.client).access)
    with admin.engine.begin() as connection:
        connection.execute(delete(sessions))
    assert error_message(admin.patch(admin.id_of(MAX), {"active": False}), 401, "revoked_token")


def test_session_of_a_deleted_user_is_not_that_of_a_new_user_of_the_same_name(users_environ: dict[str, str]) -> None:
    admin = admin_at(users_environ)
    admin = replace(admin, access=log_in(admin.client).access)
    delete_with_sql(admin)
    admin.table.add(ZOE.username, None, "no hash", ["admin"])
    assert guard_error(admin.client, admin.access) == ""
    assert error_message(admin.patch(admin.id_of(MAX), {"active": False}), 401, "revoked_token")


@SQLITE_ONLY
def test_administrator_with_a_new_password_in_another_store_must_log_in_again(boss: Admin, users_path: Path) -> None:
    users_file(users_path, [replace(BOSS, password="another password of the boss")])
    assert guard_error(boss.client, boss.access) == ""
    assert error_message(boss.ask("POST", "", NEW), 401, "revoked_token")


@SQLITE_ONLY
def test_administrator_who_is_demoted_in_another_store_manages_no_users(boss: Admin, users_path: Path) -> None:
    assert boss.ask("GET", "").status_code == 200
    users_file(users_path, [replace(BOSS, roles=("user", "administrator"))])
    assert guard_error(boss.client, boss.access) == ""
    assert error_message(boss.ask("POST", "", {**NEW, "roles": ["admin"]}), 403, "role_required")


@SQLITE_ONLY
@pytest.mark.parametrize("idp", [None, "kiosk", "ldap"], ids=["no provider", "unknown provider", "direct bind"])
def test_token_of_a_user_who_cannot_be_looked_up_manages_no_users(
    users_environ: dict[str, str], idp: str | None
) -> None:
    direct_bind = {"LDAP_URL": "ldaps://127.0.0.1:1", "LDAP_USER_DN_TEMPLATE": "uid={login},dc=example,dc=org"}
    base = {"LDAP_BASE_DN": "dc=example,dc=org", "AUTH_PROVIDER": "database,ldap"}
    client = client_of({**users_environ, **direct_bind, **base})
    claims = {"username": "zoé", "roles": ["admin"], **({"idp": idp} if idp else {})}
    token = services_of(client.application).issuer.generate(claims)
    for endpoint in BODIES:
        response = Admin(client, users_environ, token).ask(*endpoint, ANY_VERSION)
        assert error_message(response, 403, "caller_unverifiable")
        assert 'error="insufficient_scope"' in response.headers["WWW-Authenticate"]


FORBIDDEN: dict[str, tuple[str, str, dict[str, object]]] = {
    "add": ("POST", "", {**NEW, "roles": ["user", "super_admin"]}),
    "grant to themselves": ("PATCH", "/{zoe}", {"roles": ["admin", "user", "super_admin"]}),
    "grant to another": ("PATCH", "/{max}", {"roles": ["super_admin"]}),
    "similar name": ("PATCH", "/{max}", {"roles": ["Admin"]}),
    "remove": ("PATCH", "/{root}", {"roles": []}),
    "keep": ("PATCH", "/{root}", {"roles": ["admin", "super_admin"]}),
    "rename": ("PATCH", "/{root}", {"username": "toor"}),
    "email": ("PATCH", "/{root}", {"email": "zoe@example.com"}),
    "disable": ("PATCH", "/{root}", {"active": False}),
    "no change": ("PATCH", "/{root}", {}),
    "password": ("PUT", "/{root}/password", {"password": NEW["password"]}),
}


@pytest.mark.parametrize(("method", "path", "members"), FORBIDDEN.values(), ids=FORBIDDEN)
def test_administrator_cannot_become_super_admin(
    users_environ: dict[str, str], method: str, path: str, members: dict[str, object]
) -> None:
    admin = admin_at(users_environ, ADMIN_GRANTABLE_ROLES="")
    root = admin.table.add("root", "root@example.org", "no hash", ["admin", "super_admin"])
    before = admin.table.users.page(ALL_USERS, 10)
    path = path.format(zoe=admin.id_of(ZOE), max=admin.id_of(MAX), root=root.id)
    response = admin.ask(method, path, members, ANY_VERSION)
    assert "ADMIN_GRANTABLE_ROLES" in error_message(response, 403, "role_not_grantable")
    assert 'error="insufficient_scope"' in response.headers["WWW-Authenticate"]
    assert admin.table.users.page(ALL_USERS, 10) == before


@SQLITE_ONLY
def test_role_that_the_user_gets_during_the_request_counts(users_environ: dict[str, str]) -> None:
    admin = admin_at(users_environ, ADMIN_GRANTABLE_ROLES="")
    user_id = admin.id_of(MAX)

    def promote() -> None:
        admin.table.change(user_id, lambda row: replace(row, roles=("super_admin",)), force=True)

    with call_before_statement("BEGIN IMMEDIATE", promote):
        response = admin.ask("PUT", f"/{user_id}/password", {"password": NEW["password"]})
    assert error_message(response, 403, "role_not_grantable")


def test_administrator_grants_and_removes_the_roles_that_they_have(users_environ: dict[str, str]) -> None:
    admin = admin_at(users_environ, ADMIN_GRANTABLE_ROLES="")
    max_id = admin.id_of(MAX)
    for roles in (["admin", "user"], ["admin"], []):
        assert user_in(admin.patch(max_id, {"roles": roles}))["roles"] == roles
    assert user_in(admin.ask("PUT", f"/{max_id}/password", {"password": NEW["password"]}))["username"] == "Max"


@pytest.mark.parametrize("setting", ["editor, super_admin", "super_admin,e\u0301diteur,editor"])
def test_administrators_can_grant_the_roles_of_the_setting(users_environ: dict[str, str], setting: str) -> None:
    admin = admin_at(users_environ, ADMIN_GRANTABLE_ROLES=setting)
    granted = ["editor", "super_admin", *(["\u00e9diteur"] if "diteur" in setting else [])]
    user = user_in(admin.ask("POST", "", {**NEW, "roles": granted}), 201)
    assert user["roles"] == granted
    assert user_in(admin.patch(user["id"], {"active": False}))["active"] is False


def test_operator_at_the_terminal_grants_every_role(admin: Admin) -> None:
    row = admin.table.change("max", lambda row: replace(row, roles=("super_admin",)))
    assert row.roles == ("super_admin",)
    assert admin.table.set_password("max", "another hash").password_hash == "another hash"


def test_users_change_their_own_password_with_any_role(users_environ: dict[str, str]) -> None:
    admin = admin_at(users_environ, ADMIN_GRANTABLE_ROLES="")
    admin.table.change("max", lambda row: replace(row, roles=("super_admin",)))
    body = {"password": MAX.password, "new_password": NEW["password"]}
    own = log_in(admin.client, MAX).access
    assert admin.client.post("/api/auth/password", json=body, headers=bearer(own)).status_code == 200
