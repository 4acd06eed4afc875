"""`PATCH /api/users/7` and `PUT /api/users/7/password`: what they change, revoke and reject."""

from dataclasses import replace
from typing import Any

import pytest

from tests.servers.process import wait_until
from tests.support.error_responses import error_message
from tests.support.sessions import Tokens, client_of, guard_error, log_in, refresh, send_login, send_refresh
from tests.support.users import ZOE, SampleUser
from tests.support.users_api import MAX, NEW, SQLITE_ONLY, Admin, user_in

CHANGES: dict[str, tuple[dict[str, Any], str, str | None]] = {
    "username": ({"username": "Maxine"}, "user_renamed", "was Max"),
    "its case": ({"username": "MAX"}, "user_renamed", "was Max"),
    "email": ({"email": "Other@example.org"}, "email_changed", "was max@example.org"),
    "no email": ({"email": None}, "email_changed", "was max@example.org"),
    "roles": ({"roles": ["editor", "author"]}, "roles_changed", "+author +editor -user"),
    "no roles": ({"roles": []}, "roles_changed", "-user"),
    "active": ({"active": False}, "user_disabled", None),
}
REVOKING_EDITS: dict[str, dict[str, Any]] = {
    "another name": {"username": "maxine"},
    "disabled": {"active": False},
    "a role removed": {"roles": []},
    "a role replaced": {"roles": ["admin"]},
    "another password": {"password": NEW["password"]},
}
NAMES_IN_USE = [
    {"username": "ZOÉ"},
    {"username": "zoe@example.org"},
    {"email": "zoe@EXAMPLE.org"},
    {"email": "zoe\u0301"},
]


def change(admin: Admin, members: dict[str, Any]) -> None:
    """Send these members to the endpoint that accepts them, for Max."""
    user_id = admin.id_of(MAX)
    if "password" in members:
        assert user_in(admin.ask("PUT", f"/{user_id}/password", members))["username"] == MAX.username
    else:
        user_in(admin.patch(user_id, members))


@pytest.mark.parametrize(("members", "action", "details"), CHANGES.values(), ids=CHANGES)
def test_edit_changes_only_the_given_members(
    admin: Admin, members: dict[str, Any], action: str, details: str | None
) -> None:
    user_id = admin.id_of(MAX)
    before, zoe = user_in(admin.read(user_id)), user_in(admin.read(admin.id_of(ZOE)))
    response = admin.patch(user_id, members)
    after, read = user_in(response), admin.read(user_id)
    assert (after, response.headers["ETag"]) == (user_in(read), read.headers["ETag"])
    assert after["updated_at"] > before["updated_at"]
    wanted = {name: sorted(value) if name == "roles" else value for name, value in members.items()}
    assert after == {**before, **wanted, "updated_at": after["updated_at"]}
    assert user_in(admin.read(admin.id_of(ZOE))) == zoe
    (event,) = admin.history(after["username"])
    assert event.request_id == response.headers["X-Request-ID"]
    assert (event.operator, event.action, event.details) == ("database:zoé", action, details)


@pytest.mark.parametrize("members", [{}, {"roles": ["user", "user"]}, {"email": " max@example.org", "active": True}])
def test_edit_without_a_difference_leaves_no_trace(admin: Admin, members: dict[str, Any]) -> None:
    user_id = admin.id_of(MAX)
    tokens, before = log_in(admin.client, MAX), admin.read(user_id)
    response = admin.patch(user_id, members)
    assert (user_in(response), response.headers["ETag"]) == (user_in(before), before.headers["ETag"])
    assert (admin.history("max"), guard_error(admin.client, tokens.access)) == ([], "")


@pytest.mark.parametrize("members", REVOKING_EDITS.values(), ids=REVOKING_EDITS)
def test_edit_ends_sessions_immediately_here_and_soon_elsewhere(admin: Admin, members: dict[str, Any]) -> None:
    other = client_of(admin.environ)
    tokens, bystander = log_in(admin.client, MAX), log_in(admin.client)
    assert (guard_error(other, tokens.access), guard_error(admin.client, tokens.access)) == ("", "")
    change(admin, members)
    assert guard_error(admin.client, tokens.access) == "revoked_token"
    assert error_message(send_refresh(other, tokens.refresh), 400, "invalid_refresh_token")
    wait_until(lambda: guard_error(other, tokens.access) == "revoked_token")
    assert (guard_error(admin.client, bystander.access), guard_error(admin.client, admin.access)) == ("", "")


def test_reenabled_user_must_log_in_again(admin: Admin) -> None:
    tokens = log_in(admin.client, MAX)
    change(admin, {"active": False})
    assert error_message(send_login(admin.client, MAX), 400, "invalid_credentials")
    change(admin, {"active": True})
    assert guard_error(admin.client, tokens.access) == "revoked_token"
    assert guard_error(admin.client, log_in(admin.client, MAX).access) == ""
    assert [event.action for event in admin.history("max")] == ["user_enabled", "user_disabled"]


@pytest.mark.parametrize("members", [{"email": "other@example.org"}, {"roles": ["admin", "user"]}])
def test_other_edits_keep_sessions_and_apply_to_the_next_token(admin: Admin, members: dict[str, Any]) -> None:
    tokens = log_in(admin.client, MAX)
    change(admin, members)
    assert guard_error(admin.client, tokens.access) == ""
    claims = me(admin, refresh(admin.client, tokens))
    assert {name: claims[name] for name in members} == members


def me(admin: Admin, tokens: Tokens) -> dict[str, Any]:
    response = admin.client.get("/api/auth/me", headers={"Authorization": f"Bearer {tokens.access}"})
    data: dict[str, Any] = response.get_json()["data"]
    return data


def test_renamed_user_logs_in_only_with_the_new_name_and_password(admin: Admin) -> None:
    change(admin, {"password": NEW["password"]})
    assert error_message(send_login(admin.client, MAX), 400, "invalid_credentials")
    user_in(admin.patch(admin.id_of(MAX), {"username": "maxine"}))
    assert error_message(send_login(admin.client, SampleUser("max", "", NEW["password"])), 400, "invalid_credentials")
    assert me(admin, log_in(admin.client, SampleUser("MAXINE", "", NEW["password"])))["username"] == "maxine"
    assert [event.action for event in admin.history("maxine")] == ["user_renamed", "password_set"]
    assert [(event.operator, event.action) for event in admin.history("max")] == [("database:zoé", "password_set")]


@SQLITE_ONLY
@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("short", "must be at least 15 characters long"),
        ("MAX@example.org violin quarry", "must not contain the username or the email"),
    ],
)
def test_weak_password_is_not_set(admin: Admin, password: str, reason: str) -> None:
    response = admin.ask("PUT", f"/{admin.id_of(MAX)}/password", {"password": password})
    assert reason in error_message(response, 400, "weak_password")
    assert guard_error(admin.client, log_in(admin.client, MAX).access) == ""


@pytest.mark.parametrize("members", NAMES_IN_USE, ids=str)
def test_username_or_email_in_use_is_409(admin: Admin, members: dict[str, Any]) -> None:
    before = admin.read(admin.id_of(MAX)).get_json()
    assert error_message(admin.patch(admin.id_of(MAX), {**members, "roles": ["editor"]}), 409, "user_exists")
    assert (admin.read(admin.id_of(MAX)).get_json(), admin.history("max")) == (before, [])


def test_former_username_and_email_can_be_reused(admin: Admin) -> None:
    change(admin, {"username": "maxine", "email": None})
    assert user_in(admin.ask("POST", "", {**NEW, "username": "max", "email": MAX.email}), 201)["username"] == "max"


@pytest.mark.parametrize("members", [{"roles": []}, {"roles": ["Admin"]}, {"active": False}], ids=str)
@pytest.mark.parametrize("other", [("user",), ("Admin",), ("admin",)])
def test_last_admin_cannot_be_removed(admin: Admin, members: dict[str, Any], other: tuple[str, ...]) -> None:
    disabled = other == ("admin",)
    admin.patch(admin.id_of(MAX), {"roles": [*other], "active": not disabled})
    before = admin.read(admin.id_of(ZOE)).get_json()
    response = admin.patch(admin.id_of(ZOE), {**members, "email": None})
    assert error_message(response, 409, "last_admin") == "Cannot remove the last active administrator"
    assert (admin.read(admin.id_of(ZOE)).get_json(), admin.history("zoé")) == (before, [])


def test_last_admin_can_be_renamed_and_get_more_roles(admin: Admin) -> None:
    user_in(admin.patch(admin.id_of(ZOE), {"username": "zoe", "roles": ["admin", "editor"]}))
    assert admin.table.users.require("zoe").roles == ("admin", "editor")


@pytest.mark.parametrize("members", [{"roles": ["user"]}, {"active": False}], ids=str)
def test_one_of_two_admins_can_be_removed_and_the_other_cannot(admin: Admin, members: dict[str, Any]) -> None:
    change(admin, {"roles": ["admin"]})
    user_in(admin.patch(admin.id_of(ZOE), members))
    other = replace(admin, access=log_in(admin.client, MAX).access)
    assert error_message(other.patch(admin.id_of(MAX), members), 409, "last_admin")
