"""`POST /api/users` and `GET /api/users/7`: adding a user, and reading one."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.support.error_responses import error_message
from tests.support.sessions import bearer, log_in, send_login
from tests.support.users import ZOE, SampleUser
from tests.support.users_api import ANY_VERSION, ENDPOINTS, MAX, NEW, SQLITE_ONLY, Admin, user_in


def test_user_is_returned_with_all_members_but_the_hash(admin: Admin) -> None:
    log_in(admin.client, ZOE)
    user = user_in(admin.read(admin.id_of(ZOE)))
    assert (user["username"], user["email"], user["roles"]) == (ZOE.username, ZOE.email, ["admin", "user"])
    assert (user["id"], user["active"]) == (admin.id_of(ZOE), True)
    for moment in ("created_at", "updated_at", "last_login_at"):
        when = datetime.fromisoformat(user[moment])
        assert when.utcoffset() == timedelta(0)
        assert abs(datetime.now(UTC) - when) < timedelta(minutes=10)
    assert user_in(admin.read(admin.id_of(MAX)))["last_login_at"] is None


@SQLITE_ONLY
@pytest.mark.parametrize("user_id", [0, 2147483647])
@pytest.mark.parametrize(
    ("method", "after", "members"), [("GET", "", None), *((m, p[2:], b) for m, p, b in ENDPOINTS[4:])]
)
def test_unknown_id_is_404(admin: Admin, user_id: int, method: str, after: str, members: object) -> None:
    assert error_message(admin.ask(method, f"/{user_id}{after}", members, ANY_VERSION), 404, "no_such_user")


def test_new_user_is_at_the_location_and_can_log_in(admin: Admin) -> None:
    members = {**NEW, "username": " nëw ", "email": "New@example.org", "roles": ["user", "editor", "user"]}
    response = admin.ask("POST", "", members)
    user = user_in(response, 201)
    assert (user["username"], user["email"], user["roles"]) == ("nëw", "New@example.org", ["editor", "user"])
    read = admin.client.get(response.headers["Location"], headers=bearer(admin.access))
    assert (user_in(read), read.headers["ETag"]) == (user, response.headers["ETag"])
    assert response.headers["Location"] == f"/api/users/{user['id']}"
    assert log_in(admin.client, SampleUser("NËW", "", NEW["password"])).access
    (event,) = admin.history("nëw")
    assert (event.operator, event.action, event.details) == ("database:zoé", "user_added", "roles: editor, user")


def test_new_user_needs_only_username_and_password_and_can_be_disabled(admin: Admin) -> None:
    minimal = user_in(admin.ask("POST", "", NEW), 201)
    assert (minimal["email"], minimal["roles"], minimal["active"], minimal["last_login_at"]) == (None, [], True, None)
    assert (
        user_in(admin.ask("POST", "", {**NEW, "username": "off", "email": None, "active": False}), 201)["active"]
        is False
    )
    assert send_login(admin.client, SampleUser("new", "", NEW["password"])).status_code == 200
    assert error_message(send_login(admin.client, SampleUser("off", "", NEW["password"])), 400, "invalid_credentials")


@SQLITE_ONLY
@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("too short", "must be at least 15 characters long"),
        ("quarry newcomer violin 9", "must not contain the username or the email"),
        ("quarry NEW.address violin 9", "must not contain the username or the email"),
        ("passwordpassword", "is easy to guess"),
        ("quarry violin\0lampshade", "must not contain control characters or lone surrogates"),
        ("x" * 1025, "must be at most 1024 characters long"),
        ("", "must not be empty"),
    ],
)
def test_weak_password_adds_no_user_and_names_the_reason(admin: Admin, password: str, reason: str) -> None:
    members = {"username": "newcomer", "email": "new.address@example.org", "password": password}
    assert reason in error_message(admin.ask("POST", "", members), 400, "weak_password")
    assert admin.table.users.find("newcomer") is None


@pytest.mark.parametrize(
    "names",
    [
        {"username": "MAX"},
        {"username": "max@example.org"},
        {"username": "zoe\u0301"},
        {"email": "MAX@example.org"},
        {"email": "max"},
        {"username": "Zoe@Example.org", "email": "new@example.org"},
    ],
)
def test_username_or_email_in_use_is_409(admin: Admin, names: dict[str, str]) -> None:
    assert error_message(admin.ask("POST", "", {**NEW, **names}), 409, "user_exists")
    assert admin.table.users.count() == 2


def test_username_can_equal_the_users_own_email(admin: Admin) -> None:
    both = {"username": "new@example.org", "email": "New@example.org"}
    assert user_in(admin.ask("POST", "", {**NEW, **both}), 201)["email"] == "New@example.org"


def test_location_has_the_prefix_of_a_mounted_application(admin: Admin) -> None:
    response = admin.client.post(
        "/api/users", json=NEW, headers=bearer(admin.access), environ_overrides={"SCRIPT_NAME": "/auth"}
    )
    assert response.headers["Location"] == f"/auth/api/users/{user_in(response, 201)['id']}"
    pages = admin.client.get(
        "/api/users?limit=1", headers=bearer(admin.access), environ_overrides={"SCRIPT_NAME": "/auth"}
    )
    assert pages.get_json()["next"].startswith("/auth/api/users?limit=1&after=")
