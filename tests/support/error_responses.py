"""The members that every error response of the JSON API has."""

from werkzeug.test import TestResponse


def error_message(response: TestResponse, status: int, code: str) -> str:
    """Return the message of an error response. Assert its status, its code, and what it must not contain."""
    assert (response.status_code, response.mimetype) == (status, "application/json")
    assert response.json is not None
    assert set(response.json) == {"status", "message", "code"}
    assert (response.json["status"], response.json["code"]) == (status, code)
    assert len(response.headers["X-Request-ID"]) == 16
    assert {"Location", "Set-Cookie", "Server"}.isdisjoint(response.headers.keys())
    message = response.json["message"]
    assert isinstance(message, str)
    assert message
    return message
