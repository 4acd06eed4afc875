"""The contract of Latchkey, with an issuer that publishes its keys over HTTP."""

import json
import time
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from issuer_provider import IssuerProvider, open_issuer
from jwt.algorithms import ECAlgorithm

from latchkey import ConfigurationError
from latchkey.contract import Account, ProviderContract, client_of

ISSUER, AUDIENCE = "https://login.example.org", "latchkey"
KEY, OTHER_KEY = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
KEYS = {"keys": [{**ECAlgorithm.to_jwk(KEY.public_key(), as_dict=True), "kid": "1", "use": "sig", "alg": "ES256"}]}


def token(subject: str, key: Any = KEY, **claims: object) -> str:
    """Return a token of the issuer, which ends in an hour."""
    known = {"iss": ISSUER, "aud": AUDIENCE, "sub": subject, "exp": int(time.time()) + 3600, **claims}
    return jwt.encode({name: one for name, one in known.items() if one is not None}, key, "ES256", {"kid": "1"})


class KeyServer(ThreadingHTTPServer):
    """Publishes the keys of the issuer."""

    request_queue_size = 64


class Keys(BaseHTTPRequestHandler):
    """The response of the issuer."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(KEYS).encode())

    def log_message(self, *_: object) -> None:
        """Write nothing to the terminal."""


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """Return the port at which the issuer publishes its keys."""
    with KeyServer(("127.0.0.1", 0), Keys) as server:
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def settings(port: int) -> dict[str, str]:
    """Return the settings of the provider."""
    keys = f"http://127.0.0.1:{port}/keys"
    roles = json.dumps({"staff": "user", "operators": "admin"})
    return {"ISSUER_URL": ISSUER, "ISSUER_AUDIENCE": AUDIENCE, "ISSUER_KEYS_URL": keys, "ISSUER_ROLES": roles}


class TestIssuerProvider(ProviderContract):
    accounts = (
        Account(
            "248289761001",
            "zoe@example.org",
            token("248289761001", email="zoe@example.org", email_verified=True, groups=["staff", "operators", "chess"]),
            ("user", "admin"),
        ),
        Account("Yan", None, token("Yan"), ()),
    )
    disabled = None

    @pytest.fixture
    def provider(self, port: int) -> IssuerProvider:
        return self.provider_at(port)

    def provider_at(self, port: int) -> IssuerProvider:
        return open_issuer(settings(port))


def test_users_log_in_to_a_service_with_the_provider(port: int) -> None:
    credentials = {"email": "Yan", "password": token("Yan")}
    assert client_of("issuer", settings(port)).post("/api/auth", json=credentials).status_code == 200


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://login.example.org.evil.example"},
        {"aud": "another service"},
        {"exp": 1},
        {"exp": None},
        {"sub": None},
        {"key": OTHER_KEY},
    ],
    ids=str,
)
def test_token_that_is_not_for_this_service_is_denied(port: int, claims: Mapping[str, Any]) -> None:
    provider = open_issuer(settings(port))
    assert provider.authenticate("Yan", token("Yan")) is not None
    assert provider.authenticate("Yan", token(**{"subject": "Yan", **claims})) is None


def test_email_that_the_issuer_has_not_verified_is_not_a_login(port: int) -> None:
    provider = open_issuer(settings(port))
    assert provider.authenticate("zoe@example.org", token("Mallory", email="zoe@example.org")) is None


def test_invalid_settings_are_refused_together() -> None:
    with pytest.raises(ConfigurationError) as refused:
        open_issuer({**settings(1), "ISSUER_KEYS_URL": "http://login.example.org/keys", "ISSUER_ROLES": "[]"})
    assert [problem.subject for problem in refused.value.problems] == ["ISSUER_KEYS_URL", "ISSUER_ROLES"]
