"""The contract of Latchkey, with FreeRADIUS (`apt-get install freeradius`)."""

import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from radius_provider import RadiusProvider, open_radius

from latchkey import ConfigurationError, ProviderUnavailable
from latchkey.contract import Account, ProviderContract, client_of

SECRET = "the secret shared with the server"
ACCOUNTS = (
    Account("Zoé", None, "pässwörd-日本-Zoé", ("admin", "user")),
    Account("o'brien", None, "comma, \\backslash\\ and 'quotes'"),
    Account("long", None, "0123456789" * 10, ()),
)
CONFIGURATION = """
prefix = /usr
libdir = /usr/lib/freeradius
logdir = {folder}
run_dir = {folder}
pidfile = {folder}/radiusd.pid
security {{ reject_delay = 0 }}
client localhost {{
  ipaddr = 127.0.0.1
  secret = "{secret}"
  require_message_authenticator = yes
}}
modules {{
  files {{ usersfile = {folder}/users }}
  pap {{ }}
}}
server default {{
  listen {{ type = auth
    ipaddr = 127.0.0.1
    port = {port}
  }}
  authorize {{
    files
    pap
  }}
  authenticate {{
    pap
  }}
  # A version before 3.2.5 signs its responses only if told so.
  post-auth {{
    update reply {{
      &Message-Authenticator := 0x00
    }}
    Post-Auth-Type REJECT {{
      update reply {{
        &Message-Authenticator := 0x00
      }}
    }}
  }}
}}
"""


def quoted(text: str) -> str:
    """Return the text as a value in a users file."""
    return '"{}"'.format(text.replace("\\", "\\\\").replace('"', '\\"'))


def users_file() -> str:
    """Return the accounts, each under its login in small letters, with the name and the roles that the server sends."""
    lines = []
    for account in ACCOUNTS:
        roles = [f"Filter-Id += {quoted(role)}" for role in account.roles]
        replies = [f"User-Name := {quoted(account.username)}", *roles]
        lines.append(f"{quoted(account.username.casefold())} Cleartext-Password := {quoted(account.password)}")
        lines.append("\t" + ",\n\t".join(replies))
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Return the port of a running server."""
    folder = tmp_path_factory.mktemp("radius")
    with socket.socket(type=socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    (folder / "radiusd.conf").write_text(CONFIGURATION.format(folder=folder, port=port, secret=SECRET))
    (folder / "users").write_text(users_file())
    (folder / "dictionary").touch()
    command = ["/usr/sbin/freeradius", "-f", "-l", "stdout", "-d", str(folder)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE)
    try:
        _wait(port, server, folder)
        yield port
    finally:
        server.kill()
        server.communicate()


def _wait(port: int, server: subprocess.Popen[bytes], folder: Path) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and server.poll() is None:
        try:
            if open_at(port).authenticate(ACCOUNTS[0].username, ACCOUNTS[0].password):
                return
        except ProviderUnavailable:
            time.sleep(0.05)
    server.kill()
    raise AssertionError(server.communicate()[0].decode() + str(folder))


def open_at(port: int) -> RadiusProvider:
    """Return the provider for the server at this port."""
    return open_radius(settings(port))


def settings(port: int) -> dict[str, str]:
    """Return the settings of the provider."""
    return {"RADIUS_SERVER": f"127.0.0.1:{port}", "RADIUS_SECRET": SECRET}


class TestRadiusProvider(ProviderContract):
    accounts = ACCOUNTS
    disabled = None
    secrets = (SECRET,)

    @pytest.fixture
    def provider(self, port: int) -> RadiusProvider:
        return open_at(port)

    def provider_at(self, port: int) -> RadiusProvider:
        return open_at(port)


def test_users_log_in_to_a_service_with_the_provider(port: int) -> None:
    client = client_of("radius", settings(port))
    response = client.post("/api/auth", json={"email": "ZOÉ", "password": ACCOUNTS[0].password})
    assert response.status_code == 200


def test_server_without_a_valid_port_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="RADIUS_SERVER is not host:port"):
        open_radius({"RADIUS_SERVER": "radius.example.org:radius", "RADIUS_SECRET": SECRET})
