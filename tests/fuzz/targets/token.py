"""The text of a token: an access token at a guarded route and for introspection, and a refresh token.

In the input, TOKEN stands for a valid access token.
"""

from collections.abc import Iterable

from flask.testing import FlaskClient

from tests.fuzz.fuzzed_services import FuzzedService
from tests.fuzz.targets.responses import accepted, accepted_by_oauth
from tests.support.oauth import REPORTS_AUTH


class Token:
    """Sends the input as a token."""

    def __init__(self, services: Iterable[FuzzedService]) -> None:
        self._tokens = [(service, service.token()) for service in services]

    def __call__(self, data: bytes) -> None:
        for service, token in self._tokens:
            if not self._check(service.client, token, data.replace(b"TOKEN", token.encode()).decode("latin-1")):
                return  # before a store is asked

    def _check(self, client: FlaskClient, token: str, text: str) -> bool:
        """Return whether the token was accepted."""
        guarded = client.get("/api/auth/me", environ_overrides={"HTTP_AUTHORIZATION": f"Bearer {text}"})
        is_accepted = accepted(guarded)
        assert is_accepted == (text.strip(" ") == token), guarded.text
        introspected = client.post("/oauth/introspect", data={"token": text}, headers=REPORTS_AUTH)
        if accepted_by_oauth(introspected):
            assert (introspected.json or {})["active"] == (text == token), introspected.text
        assert not accepted(client.post("/api/auth/refresh", json={"refresh_token": text}))
        return is_accepted
