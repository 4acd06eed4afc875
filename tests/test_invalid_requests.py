"""Requests that gunicorn cannot parse: the response is JSON, and neither it nor the log repeats the request."""

import json
import socket
from collections.abc import Iterator
from http.client import HTTPResponse
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.servers.gunicorn import gunicorn

GET = "GET /api/users HTTP/1.1\r\nHost: x\r\n"
POST = "POST /api/auth HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
SECRET = "a-secret-of-the-client"
REQUESTS = {
    "no method": (400, "bad_request", f"{SECRET}\r\n\r\n"),
    "another version": (400, "bad_request", f"GET /?{SECRET} HTTP/9.9\r\n\r\n"),
    "a header without a colon": (400, "bad_request", f"{GET}Authorization Bearer {SECRET}\r\n\r\n"),
    "a header name with a space": (400, "bad_request", f"{GET}Authorization : Bearer {SECRET}\r\n\r\n"),
    "a header name with the value": (400, "bad_request", f"{GET}Bearer {SECRET}: Authorization\r\n\r\n"),
    "a folded header": (400, "bad_request", f"{GET}Authorization: Bearer\r\n {SECRET}\r\n\r\n"),
    "two lengths": (400, "bad_request", f"{POST}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{{}}"),
    "no length": (400, "bad_request", f"{POST}Content-Length: {SECRET}\r\n\r\n"),
    "an unknown transfer coding": (400, "bad_request", f"{POST}Transfer-Encoding: {SECRET}\r\n\r\n"),
    "an unknown expectation": (417, "expectation_failed", f"{POST}Expect: {SECRET}\r\n\r\n"),
    "a long target": (414, "request_uri_too_long", f"GET /?{SECRET * 1000} HTTP/1.1\r\n\r\n"),
    "long headers": (431, "request_header_fields_too_large", f"{GET}X: {SECRET * 1000}\r\n\r\n"),
    "an invalid chunk": (400, "malformed_body", f"{POST}Transfer-Encoding: chunked\r\n\r\n{SECRET}\r\n"),
}


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The log of the server."""
    return tmp_path_factory.mktemp("gunicorn") / "log"


@pytest.fixture(scope="module")
def url(static_environ: dict[str, str], log: Path) -> Iterator[str]:
    with log.open("wb") as file, gunicorn(static_environ, log_level="warning", log=file) as address:
        yield address


def respond(url: str, request: str) -> tuple[HTTPResponse, str]:
    """Send a request on a new connection, and return the response with its body."""
    address = urlsplit(url)
    with socket.create_connection((str(address.hostname), address.port or 0), 60) as connection:
        connection.sendall(request.encode())
        with HTTPResponse(connection) as response:
            response.begin()
            return response, response.read().decode()


@pytest.mark.parametrize("name", REQUESTS)
def test_response_and_log_do_not_repeat_an_invalid_request(url: str, log: Path, name: str) -> None:
    status, code, request = REQUESTS[name]
    response, body = respond(url, request)
    assert (response.status, response.headers["Content-Type"]) == (status, "application/json")
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    answer = json.loads(body)
    assert {**answer, "message": bool(answer["message"])} == {"status": status, "code": code, "message": True}
    assert SECRET not in body + log.read_text()


def test_log_names_the_address_and_the_fault(url: str, log: Path) -> None:
    respond(url, f"{GET}a name: value\r\n\r\n")
    assert "a request of 127.0.0.1 is not valid HTTP: InvalidHeaderName" in log.read_text()
