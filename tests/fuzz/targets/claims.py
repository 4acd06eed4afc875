"""Tokens with any header and any claims, signed with the key of the service.

The input is two lines of JSON: the header and the claims. KEY_ID, JTI, NOW and LATER are replaced by the id of the
key, a new id, and a time now and in ten minutes.
"""

import secrets
import time
from collections.abc import Iterable

from services.context import services_of
from tests.fuzz.fuzzed_services import FuzzedService
from tests.fuzz.rules import may_accept_claims
from tests.fuzz.targets.responses import accepted
from tests.support.sessions import bearer
from tests.support.signed_tokens import sign

GUARDED = ["/api/auth/me", "/api/auth/verify?role=admin", "/api/users", "/api/protected_route_admin"]


class Claims:
    """Signs the input and sends it as an access token to every kind of guarded endpoint."""

    def __init__(self, services: Iterable[FuzzedService]) -> None:
        self._services = [*services]

    def __call__(self, data: bytes) -> None:
        for service in self._services:
            if not self._check(service, data):
                return  # before a store is asked

    def _check(self, service: FuzzedService, data: bytes) -> bool:
        """Return whether the token was accepted."""
        key_id = services_of(service.client.application).keys.ring().current.id
        now = int(time.time())
        marks = {b"KEY_ID": key_id, b"JTI": secrets.token_hex(8), b"NOW": now, b"LATER": now + 600}
        for mark, value in marks.items():
            data = data.replace(mark, str(value).encode())
        header, _, claims = data.partition(b"\n")
        token = bearer(sign(header, claims))
        is_accepted = accepted(service.client.get(GUARDED[0], headers=token))
        if is_accepted:
            assert may_accept_claims(header, claims, key_id), data
            for path in GUARDED[1:]:
                accepted(service.client.get(path, headers=token))
            passwords = {"password": "x", "new_password": "lampshade quarry violin 9"}
            assert not accepted(service.client.post("/api/auth/password", json=passwords, headers=token))
            accepted(service.client.delete("/api/auth", headers=token))
        return is_accepted
