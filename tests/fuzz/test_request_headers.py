"""Any request headers: never a 5xx, no access without a token, and no header value in the response."""

import re
from collections.abc import Mapping

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from tests.fuzz.fuzzed_services import FuzzedService
from tests.fuzz.strategies import HEADER_VALUES, damaged_text
from tests.fuzz.targets.responses import accepted, accepted_by_oauth
from tests.support.oauth import FORM
from tests.support.sessions import bearer

USER = "/api/users/1"
WHOLE = [
    *("application/json", "application/json; charset=utf-8", f"{FORM}; charset=utf-16", "application/x+json", "*/*"),
    *(
        "multipart/form-data; boundary=x",
        "text/plain",
        '"abc", W/"abc", *',
        "bytes=0-1,-5",
        "gzip;q=0.5, br",
        "chunked",
    ),
    *("203.0.113.7, 10.0.0.1", 'for="[2001:db8::1]:80";proto=https;host=evil', "example.org:80", "127.0.0.1", "[::1]"),
    *("Sat, 28 Nov 2026 10:00:00 GMT", "100-continue", "16384", "-1", "1" * 30, "session=x; a=b", "Basic eDp5"),
]
NAMES = [
    *("Content-Type", "Content-Length", "Transfer-Encoding", "If-Match", "If-None-Match", "If-Modified-Since", "Range"),
    *("X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Prefix", "Forwarded", "Host", "Accept"),
    *("X-Request-ID", "Cookie", "Origin", "Expect", "Content-Encoding", "Accept-Encoding", "X-HTTP-Method-Override"),
]
ENDPOINTS = [
    *(("POST", "/api/auth"), ("DELETE", "/api/auth"), ("POST", "/api/auth/refresh"), ("POST", "/api/auth/password")),
    *(("GET", "/api/auth/me"), ("GET", "/api/auth/verify"), ("GET", "/api/users"), ("POST", "/api/users")),
    *(("GET", USER), ("PATCH", USER), ("PUT", f"{USER}/password"), ("GET", "/api/protected_route_admin")),
]
OAUTH_ENDPOINTS = [("POST", f"/oauth/{name}") for name in ("token", "introspect", "revoke")]
PUBLIC_ENDPOINTS = [
    ("GET", "/health/live"),
    ("GET", "/health/ready"),
    ("GET", "/.well-known/jwks.json"),
    ("OPTIONS", USER),
]


def as_header(text: str) -> str:
    """Return a text in UTF-8 as a header value of a WSGI server."""
    return text.encode("utf-8", "replace").decode("latin-1")


header_values = HEADER_VALUES | damaged_text(WHOLE).map(as_header)
headers = st.dictionaries(st.sampled_from(NAMES), header_values, max_size=4)


def environ_of(headers: Mapping[str, str]) -> dict[str, str]:
    """Return headers as a WSGI server passes them (PEP 3333)."""
    names = {name: name.upper().replace("-", "_") for name in headers}
    return {
        name if name in {"CONTENT_TYPE", "CONTENT_LENGTH"} else f"HTTP_{name}": headers[header]
        for header, name in names.items()
    }


def send(service: FuzzedService, endpoint: tuple[str, str], headers: Mapping[str, str]) -> TestResponse:
    """Send a request with these headers and a small body, and check that no header value is repeated."""
    method, path = endpoint
    response = service.client.open(path, method=method, data=b"{}", environ_overrides=environ_of(headers))
    repeated = "\n".join([*map(str, response.headers.values()), response.text])
    assert not any(value in repeated for value in headers.values() if len(value.strip()) > 24)
    assert response.headers["X-Request-ID"] != headers.get("X-Request-ID")
    return response


@given(st.sampled_from(ENDPOINTS), headers, header_values)
def test_no_header_but_a_token_gives_access(
    sqlite_service: FuzzedService, endpoint: tuple[str, str], headers: dict[str, str], authorization: str
) -> None:
    assert not accepted(send(sqlite_service, endpoint, headers))
    assert not accepted(send(sqlite_service, endpoint, {**headers, "Authorization": authorization}))


@given(st.sampled_from(OAUTH_ENDPOINTS), headers, header_values)
def test_no_header_authenticates_an_oauth_client(
    sqlite_service: FuzzedService, endpoint: tuple[str, str], headers: dict[str, str], authorization: str
) -> None:
    assert not accepted_by_oauth(send(sqlite_service, endpoint, {**headers, "Authorization": authorization}))


@given(st.sampled_from(PUBLIC_ENDPOINTS), headers)
def test_public_endpoint_responds_to_any_headers(
    sqlite_service: FuzzedService, endpoint: tuple[str, str], headers: dict[str, str]
) -> None:
    assert send(sqlite_service, endpoint, headers).status_code in {200, 206, 304, 400, 412, 416}


@pytest.fixture(scope="module")
def admin_token(sqlite_service: FuzzedService) -> str:
    return sqlite_service.token()


@given(headers)
def test_any_headers_with_a_token_cause_no_failure(
    sqlite_service: FuzzedService, admin_token: str, headers: dict[str, str]
) -> None:
    for endpoint in [("GET", "/api/users"), ("GET", USER), ("GET", "/api/auth/verify"), ("POST", "/api/users")]:
        accepted(send(sqlite_service, endpoint, {**headers, **bearer(admin_token)}))


@example('W/"ETAG"')
@example('"x", "ETAG"')
@given(damaged_text(['"ETAG"', 'W/"ETAG"', '"a", "ETAG"', "*", '"*"', "ETAG"]))
def test_edit_requires_the_version_of_the_user_or_any_version(
    sqlite_service: FuzzedService, admin_token: str, if_match: str
) -> None:
    client, authorization = sqlite_service.client, bearer(admin_token)
    version = client.get(USER, headers=authorization).headers["ETag"].strip('"')
    header = as_header(if_match).replace("ETAG", version)
    environ = environ_of({"If-Match": header, **authorization})
    if accepted(client.patch(USER, json={"active": True}, environ_overrides=environ)):
        assert header.strip() == "*" or re.search(f'(?<!W/)(?<!w/)"?{version}"?', header), header


@given(st.sampled_from(["GET", "POST", "get", "\xff", "OPTIONS"]), header_values, header_values, st.booleans())
def test_any_path_and_query_causes_no_failure(
    sqlite_service: FuzzedService, method: str, path: str, query: str, with_prefix: bool
) -> None:
    target = f"/api/users/{path}" if with_prefix else path
    environ = {"REQUEST_METHOD": method, "PATH_INFO": target, "QUERY_STRING": query}
    for headers in ({}, bearer(sqlite_service.token())):
        accepted(sqlite_service.client.get("/", headers=headers, environ_overrides=environ))
    for endpoint in ("/api/auth/verify", "/api/users", "/api/protected_route", "/.well-known/jwks.json"):
        environ = {"QUERY_STRING": query}
        headers = bearer(sqlite_service.token())
        accepted(sqlite_service.client.get(endpoint, headers=headers, environ_overrides=environ))
