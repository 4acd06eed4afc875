"""The body of a login: JSON at `/api/auth`, and a form at `/oauth/token`."""

from collections.abc import Iterable

from services.context import services_of
from tests.fuzz.fuzzed_services import FuzzedService
from tests.fuzz.rules import credentials_in_form, credentials_in_json, is_right_password
from tests.fuzz.targets.responses import accepted, accepted_by_oauth, error_code
from tests.support.oauth import FORM

_BEFORE_THE_STORE = {"malformed_body", "missing_credentials", "request_entity_too_large"}
"""Codes of errors that are found before a store is asked, so that all applications return the same."""


class Login:
    """Sends the input as the body of `POST /api/auth`."""

    def __init__(self, services: Iterable[FuzzedService]) -> None:
        self._services = [*services]

    def __call__(self, data: bytes) -> None:
        for service in self._services:
            response = service.client.post("/api/auth", data=data, content_type="application/json")
            if accepted(response):
                _check_user(service, (response.json or {})["data"], credentials_in_json(data))
            elif error_code(response) in _BEFORE_THE_STORE:
                return


class OAuthLogin:
    """Sends the input as the body of `POST /oauth/token`."""

    def __init__(self, services: Iterable[FuzzedService]) -> None:
        self._services = [*services]

    def __call__(self, data: bytes) -> None:
        for service in self._services:
            response = service.client.post("/oauth/token", data=data, content_type=FORM)
            if accepted_by_oauth(response):
                _check_user(service, (response.json or {})["access_token"], credentials_in_form(data))
            elif (response.json or {})["error"] != "invalid_grant":
                return


def _check_user(service: FuzzedService, token: str, credentials: tuple[str, str]) -> None:
    username = services_of(service.client.application).issuer.decode(token)["username"]
    assert is_right_password(username, *credentials), (service.store, username, credentials)
    service.restore_hashes()
