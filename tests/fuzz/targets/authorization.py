"""The header `Authorization`: a bearer token at a guarded route, and the credentials of an OAuth client.

In the input, TOKEN stands for a valid token, and CLIENT for the right credentials of a client.
"""

import re
from collections.abc import Iterable

from flask.testing import FlaskClient

from tests.fuzz.fuzzed_services import FuzzedService
from tests.fuzz.rules import is_right_basic
from tests.fuzz.targets.responses import accepted, accepted_by_oauth
from tests.support.oauth import REPORTS_AUTH

CLIENT = REPORTS_AUTH["Authorization"].removeprefix("Basic ").encode()


class Authorization:
    """Sends the input as the header."""

    def __init__(self, services: Iterable[FuzzedService]) -> None:
        self._tokens = [(service, service.token()) for service in services]

    def __call__(self, data: bytes) -> None:
        for service, token in self._tokens:
            header = data.replace(b"TOKEN", token.encode()).replace(b"CLIENT", CLIENT).decode("latin-1")
            accepts_token = self._accepts_token(service.client, token, header)
            accepts_client = self._accepts_client(service.client, token, header)
            if not accepts_token and not accepts_client:
                return  # before a store is asked

    def _accepts_token(self, client: FlaskClient, token: str, header: str) -> bool:
        response = client.get("/api/protected_route", environ_overrides={"HTTP_AUTHORIZATION": header})
        is_accepted = accepted(response)
        assert is_accepted == bool(re.fullmatch(f"(?i:bearer) +{re.escape(token)} *", header)), response.text
        return is_accepted

    def _accepts_client(self, client: FlaskClient, token: str, header: str) -> bool:
        environ = {"HTTP_AUTHORIZATION": header}
        response = client.post("/oauth/introspect", data={"token": token}, environ_overrides=environ)
        is_accepted = accepted_by_oauth(response)
        assert not is_accepted or is_right_basic(header), response.text
        return is_accepted
