"""`ETag` and `If-Match` at `/api/users/7` prevent lost updates."""

import re
from collections.abc import Callable

import pytest

from tests.support.error_responses import error_message
from tests.support.sessions import bearer, log_in, send_login
from tests.support.users import SampleUser
from tests.support.users_api import MAX, NEW, Admin, user_in

STALE = ['"0123456789abcdef"', '"x", "y"', '""', "x", '"*"', 'W/"*"']
WITHOUT_AN_ETAG = ["", " ", ",", ", ,"]
CURRENT = ["{}", "*", '"x", {}', "{}, *", '{},W/"x"', ' "x" , {} ']
COMPRESSED = ["W/{}", '"x", W/{}', '"{tag}-gzip"', 'W/"{tag}-gzip"', '"{tag}-br"', '"{tag};gzip"']
"""What proxies make of the ETag when they compress the response."""
EDITS: list[Callable[[Admin, int], object]] = [
    lambda admin, _: admin.table.set_active(MAX.username, active=False),
    lambda admin, _: admin.table.set_active(MAX.username, active=True),
    lambda admin, _: admin.table.set_password(MAX.username, "$argon2id$another"),
    lambda admin, user_id: admin.patch(user_id, {"roles": ["editor"]}),
    lambda admin, user_id: admin.patch(user_id, {"roles": ["user"]}),
    lambda admin, user_id: admin.patch(user_id, {"email": None}),
    lambda admin, user_id: admin.patch(user_id, {"username": "MAX"}),
    lambda admin, user_id: admin.ask("PUT", f"/{user_id}/password", {"password": NEW["password"]}),
]


def etag(admin: Admin, user_id: int) -> str:
    tag = admin.read(user_id).headers["ETag"]
    assert re.fullmatch('"[0-9a-f]{16}"', tag)
    return tag


def set_password(admin: Admin, user_id: int, if_match: str) -> int:
    response = admin.ask("PUT", f"/{user_id}/password", {"password": NEW["password"]}, {"If-Match": if_match})
    return response.status_code


def test_edit_without_if_match_is_428(admin: Admin) -> None:
    response = admin.ask("PATCH", f"/{admin.id_of(MAX)}", {"active": False})
    assert error_message(response, 428, "precondition_required") == "Missing If-Match header: send the user's ETag"
    assert admin.table.users.require("max").active


def test_password_can_be_set_without_if_match(admin: Admin) -> None:
    response = admin.ask("PUT", f"/{admin.id_of(MAX)}/password", {"password": NEW["password"]})
    assert (user_in(response)["username"], response.headers["ETag"]) == (MAX.username, etag(admin, admin.id_of(MAX)))


@pytest.mark.parametrize("if_match", CURRENT)
def test_current_etag_is_accepted(admin: Admin, if_match: str) -> None:
    user_id = admin.id_of(MAX)
    assert user_in(admin.patch(user_id, {"active": False}, if_match.format(etag(admin, user_id))))["active"] is False
    assert set_password(admin, user_id, if_match.format(etag(admin, user_id))) == 200


@pytest.mark.parametrize("if_match", COMPRESSED)
def test_etag_that_a_compressing_proxy_has_changed_is_accepted(admin: Admin, if_match: str) -> None:
    user_id = admin.id_of(MAX)
    for active in (False, True):
        current = etag(admin, user_id)
        sent = if_match.format(current, tag=current.strip('"'))
        assert user_in(admin.patch(user_id, {"active": active}, sent))["active"] is active


@pytest.mark.parametrize("if_match", [*STALE, '"0123456789abcdef-gzip"', '"-gzip"', "{}-gzip", '"x{}"'])
def test_stale_etag_is_412_and_changes_nothing(admin: Admin, if_match: str) -> None:
    user_id = admin.id_of(MAX)
    sent = if_match.format(etag(admin, user_id))
    assert error_message(admin.patch(user_id, {"active": False}, sent), 412, "precondition_failed")
    assert set_password(admin, user_id, sent) == 412
    assert (admin.table.users.require("max").active, admin.history("max")) == (True, [])
    assert send_login(admin.client, MAX).status_code == 200


@pytest.mark.parametrize("if_match", WITHOUT_AN_ETAG)
def test_if_match_without_an_etag_is_rejected(admin: Admin, if_match: str) -> None:
    user_id = admin.id_of(MAX)
    assert admin.patch(user_id, {"active": False}, if_match).status_code in {412, 428}
    assert set_password(admin, user_id, if_match) in {412, 428}
    assert (admin.table.users.require("max").active, admin.history("max")) == (True, [])


def test_every_edit_changes_the_etag(admin: Admin) -> None:
    user_id = admin.id_of(MAX)
    tags = [etag(admin, user_id)]
    for edit in EDITS:
        edit(admin, user_id)
        tags.append(etag(admin, user_id))
        assert error_message(admin.patch(user_id, {"roles": ["x"]}, tags[-2]), 412, "precondition_failed")
    assert len(set(tags)) == len(EDITS) + 1


def test_logins_and_other_users_do_not_change_the_etag(admin: Admin) -> None:
    user_id = admin.id_of(MAX)
    before = etag(admin, user_id)
    log_in(admin.client, MAX)
    user_in(admin.ask("POST", "", {**NEW, "roles": ["user"]}), 201)
    assert (etag(admin, user_id), admin.table.users.require("max").last_login_at is None) == (before, False)


def test_own_password_change_changes_the_etag(admin: Admin) -> None:
    user_id = admin.id_of(MAX)
    before = etag(admin, user_id)
    body = {"password": MAX.password, "new_password": NEW["password"]}
    response = admin.client.post("/api/auth/password", json=body, headers=bearer(log_in(admin.client, MAX).access))
    assert response.status_code == 200
    assert set_password(admin, user_id, before) == 412
    assert send_login(admin.client, SampleUser("max", "", NEW["password"])).status_code == 200


def test_etag_of_another_user_is_412(admin: Admin) -> None:
    other = user_in(admin.ask("POST", "", NEW), 201)["id"]
    assert error_message(
        admin.patch(other, {"active": False}, etag(admin, admin.id_of(MAX))), 412, "precondition_failed"
    )


def test_body_is_validated_before_the_etag(admin: Admin) -> None:
    assert error_message(admin.patch(admin.id_of(MAX), {"active": "no"}, '"x"'), 400, "invalid_request")
