"""The contract of Latchkey, with a small service in place of the real one."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from acme_provider import AcmeProvider, open_acme

from latchkey import ConfigurationError
from latchkey.contract import SAMPLE_ACCOUNTS, ProviderContract, client_of

TOKEN = "the token of the tests"
ACCOUNTS = {str(one.email).casefold(): one for one in SAMPLE_ACCOUNTS}
ACCOUNTS |= {one.username.casefold(): one for one in SAMPLE_ACCOUNTS}


class Service(BaseHTTPRequestHandler):
    """The service of acme, as far as the provider uses it."""

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        account = ACCOUNTS.get(request["login"].casefold())
        is_right = self.headers["Authorization"] == f"Bearer {TOKEN}"
        is_right = is_right and account is not None and account.password == request["password"]
        self.send_response(200 if is_right else 401)
        self.end_headers()
        if account and is_right:
            user = {"username": account.username, "email": account.email, "roles": account.roles}
            self.wfile.write(json.dumps(user).encode())

    def log_message(self, *_: object) -> None:
        """Write nothing to the terminal."""


class Server(ThreadingHTTPServer):
    """A server for the threads of the contract, which all connect together."""

    request_queue_size = 64


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """Return the port of the running service."""
    with Server(("127.0.0.1", 0), Service) as server:
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def settings(port: int) -> dict[str, str]:
    """Return the settings of the provider."""
    return {"ACME_URL": f"http://127.0.0.1:{port}/logins", "ACME_TOKEN": TOKEN}


class TestAcmeProvider(ProviderContract):
    """One test for each rule. Add the methods that you write, such as `find`, to `methods`."""

    accounts = SAMPLE_ACCOUNTS
    disabled = None
    methods = ()
    secrets = (TOKEN,)

    @pytest.fixture
    def provider(self, port: int) -> AcmeProvider:
        return self.provider_at(port)

    def provider_at(self, port: int) -> AcmeProvider:
        return open_acme(settings(port))


def test_users_log_in_to_a_service_with_the_provider(port: int) -> None:
    client, account = client_of("acme", settings(port)), SAMPLE_ACCOUNTS[0]
    response = client.post("/api/auth", json={"email": account.email, "password": account.password})
    assert response.status_code == 200


def test_url_without_tls_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="ACME_URL is not an https URL"):
        open_acme({**settings(0), "ACME_URL": "http://acme.example.org/logins"})
