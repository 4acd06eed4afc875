"""What every response to a fuzzer must be, whatever the request was."""

from http import HTTPStatus

from werkzeug.test import TestResponse

from tests.support.error_responses import error_message
from tests.support.oauth import oauth_error


def accepted(response: TestResponse) -> bool:
    """Return whether the request was accepted. Fail unless the response is a success, or an error of the JSON API."""
    if response.status_code == HTTPStatus.OK:
        return True
    assert response.status_code < HTTPStatus.INTERNAL_SERVER_ERROR, (response.status_code, response.text)
    assert error_message(response, response.status_code, error_code(response))
    return False


def accepted_by_oauth(response: TestResponse) -> bool:
    """Return the same for an endpoint whose errors are those of RFC 6749 §5.2."""
    if response.status_code == HTTPStatus.OK:
        return True
    assert response.status_code < HTTPStatus.INTERNAL_SERVER_ERROR, (response.status_code, response.text)
    assert oauth_error(response, response.status_code, (response.json or {})["error"])
    return False


def error_code(response: TestResponse) -> str:
    """Return the code of an error of the JSON API; an empty text if there is none."""
    return str((response.json or {}).get("code", ""))
