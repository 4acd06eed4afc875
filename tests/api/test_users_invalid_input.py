"""Invalid input at `/api/users`: an error with the usual members, never a 5xx, and never echoed."""

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.error_responses import error_message
from tests.support.sessions import bearer
from tests.support.stores import rename_by_hand
from tests.support.users import SampleUser
from tests.support.users_api import MAX, NEW, SQLITE_ONLY, Admin, user_in

CANARY = "canary-4711"
QUERIES = ["limit=0", "limit=201", f"limit={CANARY}", "limit=-1", "limit=1.5", "limit=1e2", "limit=", "limit=%00"]
QUERIES += [
    f"limit={'9' * 5000}",
    "limit=٢٢٢٢",
    f"active={CANARY}",
    "active=",
    "active=2",
    "active=TRUE",
    "active=1",
    "active=yes",
    f"role={CANARY}%00",
    "role=",
]
QUERIES += [f"search={'x' * 257}", "search=%20", "search=%1b", "after=%00", f"after={'x' * 300}", f"{CANARY}=1", "x"]
QUERIES += ["limit=1&limit=1", "after=a&after=b", "role=a&role=b", "%6cimit=1&limit=2", "offset=3", "Limit=1"]
NAMES: list[Any] = [
    None,
    5,
    True,
    [],
    {},
    ["x"],
    "",
    " ",
    "\t",
    f"{CANARY}\0",
    f"{CANARY}\n",
    "\ud800",
    "x" * 257,
    "\x85",
]
NAMES += [f"{CANARY}\u200bx", f"\u202e{CANARY}", f"{CANARY}\U000e0001", f"{CANARY}\ue000", f"{CANARY}\u2028x"]
NAMES += [CANARY + "e\u0301" * 300, "\x7f", 1e300, 10**40]
ROLES: list[Any] = [
    None,
    "admin",
    {"admin": 1},
    [1],
    [None],
    [CANARY, ""],
    [["admin"]],
    ["\0"],
    ["x" * 257],
    [CANARY, {}],
]
ACTIVES: list[Any] = [None, 0, 1, "true", "yes", [], {}]
PASSWORDS: list[Any] = [None, 5, ["x"], {}, True]
EXTRA: list[dict[str, Any]] = [
    {"id": 1},
    {"password_hash": "$argon2id$x"},
    {"force": True},
    {"created_at": None},
    {"Roles": []},
    {CANARY: CANARY},
]
BODIES = [b"", b"null", b"[]", b'"x"', b"{", b'{"a":NaN}', b"\xff", b'{"username":"\xed\xa0\x80"}', b"[" * 16000]
BODIES += [b'{"username":' + b"9" * 5000 + b"}"]


def invalid_new_users() -> Iterator[dict[str, Any]]:
    yield {}
    yield from ({name: value for name, value in NEW.items() if name != left_out} for left_out in NEW)
    yield from ({**NEW, "username": name} for name in NAMES)
    yield from ({**NEW, "email": name} for name in NAMES if name is not None)
    yield from ({**NEW, "roles": roles} for roles in ROLES)
    yield from ({**NEW, "active": active} for active in ACTIVES)
    yield from ({**NEW, "password": password} for password in PASSWORDS)
    yield from ({**NEW, **extra} for extra in EXTRA)


def invalid_edits() -> Iterator[dict[str, Any]]:
    yield from ({"username": name} for name in NAMES)
    yield from ({"email": name} for name in NAMES if name is not None)
    yield from ({"roles": roles} for roles in ROLES)
    yield from ({"active": active} for active in ACTIVES)
    yield from EXTRA
    yield {"password": CANARY * 3}


def test_invalid_query_is_rejected(admin: Admin, caplog: pytest.LogCaptureFixture) -> None:
    for query in QUERIES:
        message = error_message(
            admin.client.get(f"/api/users?{query}", headers=bearer(admin.access)), 400, "invalid_request"
        )
        assert CANARY not in message + caplog.text


def test_invalid_new_user_is_rejected_and_not_added(admin: Admin, caplog: pytest.LogCaptureFixture) -> None:
    for members in invalid_new_users():
        message = error_message(admin.ask("POST", "", members), 400, "invalid_request")
        assert CANARY not in message + caplog.text, members
    assert admin.table.users.count() == 2


def test_invalid_edit_is_rejected_and_changes_nothing(admin: Admin, caplog: pytest.LogCaptureFixture) -> None:
    user_id = admin.id_of(MAX)
    before = admin.read(user_id).get_json()
    for members in invalid_edits():
        message = error_message(admin.patch(user_id, members), 400, "invalid_request")
        assert CANARY not in message + caplog.text, members
    assert (admin.read(user_id).get_json(), admin.history("max")) == (before, [])


@SQLITE_ONLY
@pytest.mark.parametrize(
    "members", [{}, *({"password": value} for value in PASSWORDS), {**NEW, "force": True}], ids=str
)
def test_invalid_password_member_is_rejected(admin: Admin, members: dict[str, Any]) -> None:
    response = admin.ask("PUT", f"/{admin.id_of(MAX)}/password", members)
    assert error_message(response, 400, "invalid_request")
    assert admin.history("max") == []


@SQLITE_ONLY
@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"username": 5}, "username is invalid: input should be a valid string"),
        ({"username": ""}, "username must not be empty"),
        ({"roles": ["ok", "\0"]}, "roles.1 must not contain control characters or lone surrogates"),
        ({"roles": ["ok", "a,b"]}, "roles.1 must not contain a comma or a semicolon: name each role by itself"),
        (
            {"active": 1, "email": "x" * 257},
            "email must be at most 256 characters long; active is invalid: input should be a valid",
        ),
        ({"roles": None}, "roles is invalid: input should be a valid list"),
        ({"id": 5}, "only these names are allowed: username, email, roles, active"),
    ],
)
def test_message_names_the_member_and_the_fault(admin: Admin, members: dict[str, Any], expected: str) -> None:
    assert error_message(admin.patch(admin.id_of(MAX), members), 400, "invalid_request").startswith(expected)


@SQLITE_ONLY
@pytest.mark.parametrize(("method", "path"), [("POST", ""), ("PATCH", "/{}"), ("PUT", "/{}/password")])
def test_malformed_body_is_rejected_at_every_endpoint(admin: Admin, method: str, path: str) -> None:
    headers = bearer(admin.access) | {"If-Match": "*"}
    url = f"/api/users{path.format(admin.id_of(MAX))}"
    for body in BODIES:
        response = admin.client.open(url, method=method, data=body, content_type="application/json", headers=headers)
        assert error_message(response, 400, "malformed_body")
    large = json.dumps({**NEW, "email": "x" * 1_000_000}).encode()
    response = admin.client.open(url, method=method, data=large, content_type="application/json", headers=headers)
    assert error_message(response, 413, "request_entity_too_large")
    response = admin.client.open(url, method=method, data=NEW, headers=headers)
    assert error_message(response, 415, "malformed_body")


def test_longest_names_are_stored_and_found(admin: Admin) -> None:
    longest = "ñ" * 255 + "\U0001f511"
    user = user_in(admin.ask("POST", "", {**NEW, "username": longest, "roles": ["é" * 256]}), 201)
    assert user_in(admin.patch(user["id"], {"email": "x" * 256}))["username"] == longest
    response = admin.ask("GET", f"?role={'é' * 256}&limit=1&search={'ñ' * 200}")
    assert [each["username"] for each in response.get_json()["data"]] == [longest]


def test_hashes_and_passwords_are_never_returned_or_logged(admin: Admin, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    user_id = admin.id_of(MAX)
    other, third = "quarry violin lampshade 7", "violin lampshade quarry 3"
    responses = [
        admin.ask("POST", "", {**NEW, "roles": ["user"]}),
        admin.ask("POST", "", {**NEW, "username": "max"}),
        admin.ask("POST", "", {"username": "third", "password": CANARY}),
        admin.ask("PUT", f"/{user_id}/password", {"password": other}),
        admin.ask("PUT", f"/{user_id}/password", {"password": CANARY}),
        admin.ask("GET", ""),
        admin.ask("GET", f"/{user_id}"),
        admin.patch(user_id, {"active": True}),
        admin.client.post("/api/auth", json={"email": "max", "password": other}),
    ]
    headers = bearer(responses[-1].get_json()["data"])
    bodies = [{"password": other, "new_password": CANARY}, {"password": other, "new_password": third}]
    responses += [admin.client.post("/api/auth/password", json=body, headers=headers) for body in bodies]
    assert [response.status_code for response in responses] == [201, 409, 400, 200, 400, 200, 200, 200, 200, 400, 200]
    seen = caplog.text + "".join(response.text + str(response.headers) for response in responses)
    seen += "".join(str(event) for name in ("max", "new", "zoé") for event in admin.table.users.history(name))
    for secret in (NEW["password"], other, third, CANARY, MAX.password, "$argon2", "password_hash"):
        assert secret not in seen


def test_username_cannot_forge_a_log_line(admin: Admin, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    name = "x\u2028INFO forged\u202e"  # such names could be added before
    user_in(admin.ask("POST", "", NEW), 201)
    rename_by_hand(admin.engine, "new", name)
    user_in(admin.patch(admin.table.users.require(name).id, {"roles": ["editor"]}))
    assert r'account="x\u2028INFO forged\u202e"' in caplog.text
    assert admin.client.post("/api/auth", json={"email": name, "password": NEW["password"]}).status_code == 200
    assert "\u2028" not in caplog.text


def test_user_with_an_unreadable_hash_can_be_edited(admin: Admin) -> None:
    unreadable = SampleUser("unreadable", "odd@example.org", "", ())
    row = admin.table.add(unreadable.username, unreadable.email, "not a hash", ["user"])
    assert user_in(admin.patch(row.id, {"roles": ["editor"]}))["roles"] == ["editor"]
    assert user_in(admin.ask("PUT", f"/{row.id}/password", {"password": NEW["password"]}))["username"] == "unreadable"
    assert admin.client.post("/api/auth", json={"email": "unreadable", "password": NEW["password"]}).status_code == 200
