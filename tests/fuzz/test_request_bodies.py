"""Any JSON, form or query: never a 5xx, and what is accepted is stored as it was sent, in every user table."""

import json
from unicodedata import normalize
from urllib.parse import urlencode

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.fuzz.fuzzed_services import FuzzedService
from tests.fuzz.rules import is_right_password
from tests.fuzz.strategies import ANY_TEXT, JSON_VALUES, damaged, damaged_text, fewer_examples
from tests.fuzz.targets.responses import accepted, accepted_by_oauth
from tests.support.oauth import FORM, REPORTS_AUTH
from tests.support.sessions import bearer
from tests.support.users import SAMPLE_USERS

USERNAMES = [user.username for user in SAMPLE_USERS] + [user.email for user in SAMPLE_USERS]
PASSWORDS = [user.password for user in SAMPLE_USERS]
JSON = "application/json"
MEMBERS = ["email", "password", "new_password", "refresh_token", "username", "roles", "active", "more"]
VALID: dict[str, dict[str, object]] = {
    "/api/auth": {"email": "zoé", "password": "wrong"},
    "/api/auth/refresh": {"refresh_token": "x"},
    "/api/auth/password": {"password": "wrong", "new_password": "lampshade quarry violin 9"},
    "/api/users": {"username": "zoé", "password": "lampshade quarry violin 9", "roles": ["user"], "email": None},
}
PARAMETERS = [
    "grant_type",
    "client_id",
    "client_secret",
    "username",
    "password",
    "refresh_token",
    "token",
    "scope",
    "x",
]
FORM_VALUES = ["password", "refresh_token", "reports", "phone", "", *USERNAMES[:2]]

names = ANY_TEXT | damaged_text(USERNAMES)
passwords = ANY_TEXT | damaged_text(PASSWORDS)


@pytest.mark.parametrize("path", VALID)
@given(data=st.data())
def test_members_of_any_type_cause_no_failure(services: list[FuzzedService], path: str, data: st.DataObject) -> None:
    members = st.dictionaries(st.sampled_from(MEMBERS) | ANY_TEXT, JSON_VALUES, max_size=3)
    body = json.dumps({**VALID[path], **data.draw(members)})
    for service in services:
        headers = bearer(service.token())
        assert not accepted(service.client.post(path, data=body, content_type=JSON, headers=headers))


@pytest.mark.parametrize("path", VALID)
@given(data=st.data())
def test_damaged_body_causes_no_failure(sqlite_service: FuzzedService, path: str, data: st.DataObject) -> None:
    body = data.draw(damaged([json.dumps(VALID[path]).encode(), b"[" * 3000, b'{"a":' * 2000]))
    headers = bearer(sqlite_service.token())
    sqlite_service.client.post(path, data=body, content_type=JSON, headers=headers)
    assert not accepted(sqlite_service.client.post(path, data=body, content_type=JSON, headers=headers))


@given(login=names, password=passwords)
def test_login_is_accepted_only_with_the_password_of_the_user(
    services: list[FuzzedService], login: str, password: str
) -> None:
    body = json.dumps({"email": login, "password": password})
    for service in services:
        response = service.client.post("/api/auth", data=body, content_type=JSON)
        if accepted(response):
            headers = bearer((response.json or {})["data"])
            user = service.client.get("/api/auth/me", headers=headers).json
            assert is_right_password((user or {})["data"]["username"], login, password)
            service.restore_hashes()


@given(st.sampled_from(["token", "introspect", "revoke"]), st.data(), st.booleans())
def test_form_with_any_parameters_causes_no_failure(
    services: list[FuzzedService], name: str, data: st.DataObject, with_client: bool
) -> None:
    values = st.sampled_from(FORM_VALUES) | ANY_TEXT
    pairs = data.draw(st.lists(st.tuples(st.sampled_from(PARAMETERS), values), max_size=5))
    body = urlencode(pairs, errors="surrogatepass")
    for service in services:
        headers = REPORTS_AUTH if with_client else {}
        response = service.client.post(f"/oauth/{name}", data=body, content_type=FORM, headers=headers)
        assert not accepted_by_oauth(response) or (response.json or {}) in ({}, {"active": False})


@fewer_examples(2)
@given(names, st.none() | names, st.lists(ANY_TEXT, max_size=2), st.booleans())
def test_added_user_has_the_names_that_were_sent(
    tables: list[FuzzedService], username: str, email: str | None, roles: list[str], active: bool
) -> None:
    new = {"username": username, "email": email, "roles": roles, "active": active, "password": "lampshade quarry 9 tin"}
    for service in tables:
        client, headers = service.client, bearer(service.token())
        response = client.post("/api/users", data=json.dumps(new), content_type=JSON, headers=headers)
        assert response.status_code in {201, 400, 403, 409}, response.text
        if response.status_code == 201:
            user = (client.get(response.headers["Location"], headers=headers).json or {})["data"]
            assert user == (response.json or {})["data"]
            sent = [username, email or "", *sorted({*roles})]
            assert [user["username"], user["email"] or "", *user["roles"]] == [*map(normal, sent)]


def normal(name: str) -> str:
    """Return a name as it is stored."""
    return normalize("NFC", name).strip()


queries = st.lists(
    st.tuples(
        st.sampled_from(["limit", "after", "role", "active", "search", "x"]),
        names | st.sampled_from(["1", "200", "true"]),
    ),
    max_size=3,
)


@given(queries)
def test_page_with_any_query_causes_no_failure(tables: list[FuzzedService], query: list[tuple[str, str]]) -> None:
    path = f"/api/users?{urlencode(query, errors='surrogatepass')}"
    for service in tables:
        headers = bearer(service.token())
        response = service.client.get(path, headers=headers)
        if accepted(response):
            body = response.json or {}
            assert body["next"] is None or accepted(service.client.get(body["next"], headers=headers))
            assert len(body["data"]) <= 200


@given(position=names)
def test_page_begins_after_any_position(tables: list[FuzzedService], position: str) -> None:
    pages = []
    for service in tables:
        query = urlencode({"after": position}, errors="surrogatepass")
        response = service.client.get(f"/api/users?{query}", headers=bearer(service.token()))
        assume(accepted(response))
        pages.append([user["username"] for user in (response.json or {})["data"]])
    folded = normal(normal(position).casefold())
    everybody = {user.username for user in SAMPLE_USERS}
    for page in pages:
        expected = [name for name in everybody if normal(name.casefold()) > folded]
        assert everybody.intersection(page) == {*expected}
