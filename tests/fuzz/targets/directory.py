"""The answers of a directory to a login.

The input is what a server sends after a search, BIND, and what it sends after a bind. Both are operations separated by
NEXT, which the server sends in messages with the id of the request; after RAW, the whole message is in the input. The
server then closes the connection, so that no login waits for more.
"""

import socket
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from threading import Thread

from ldap3 import Server

from providers.interface import Denied, ProviderUnavailable
from providers.ldap import open_ldap
from tests.fuzz.fuzzed_services import FuzzedService
from tests.fuzz.ldap_rules import bind_succeeds, usernames_of_only_entry
from tests.servers.ldap_messages import element
from tests.servers.scripted_ldap import BIND_REQUEST, split_request

LOGIN, PASSWORD = "zoe", "a password"
MAX_SECONDS = 20
"""The time of a login, which has a limit of a second, on a machine that is twenty times as slow as usual."""
SETTINGS = {
    "LDAP_INSECURE_PLAINTEXT": "true",
    "LDAP_TIMEOUT_SECONDS": "1",
    "LDAP_ROLE_MAP": '{"cn=admins,dc=x": ["admin"]}',
}
SEARCH = {"LDAP_BASE_DN": "dc=x"}
GROUPS = {"LDAP_BASE_DN": "dc=x", "LDAP_GROUP_BASE_DN": "ou=groups,dc=x", "LDAP_NESTED_GROUPS": "true"}
DIRECT_BIND = {"LDAP_BASE_DN": "dc=x", "LDAP_USER_DN_TEMPLATE": "uid={login},dc=x"}
"""The settings of the three kinds of providers."""


class Directory:
    """Sends the input as the answers of a directory to logins at providers of each kind."""

    def __init__(self, services: Iterable[FuzzedService]) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._answers: tuple[list[bytes], list[bytes]] = ([], [])
        Thread(target=self._accept, daemon=True).start()
        # Without this file, each provider reads the certificates of the system, which takes most of the time.
        ca_file = next(ca for service in services if (ca := service.environ.get("LDAP_CA_FILE")))
        url = f"ldap://127.0.0.1:{self._listener.getsockname()[1]}"
        self._environ = {**SETTINGS, "LDAP_URL": url, "LDAP_CA_FILE": ca_file}

    def __call__(self, data: bytes) -> None:
        search, _, bind = data.partition(b"BIND")
        self._answers = (search.split(b"NEXT"), bind.split(b"NEXT"))
        self._check(DIRECT_BIND)
        if self._check(SEARCH):
            self._check(GROUPS)  # which begins with the same requests

    def _check(self, settings: Mapping[str, str]) -> bool:
        """Return whether a login was accepted."""
        # The same message ids for each input, so that an input can contain them.
        Server._message_counter = 0  # type: ignore[attr-defined]  # noqa: SLF001
        # A new provider, because one remembers for a while that the server failed.
        provider = open_ldap({**self._environ, **settings})
        started = time.monotonic()
        try:
            answer = provider.authenticate(LOGIN, PASSWORD)
        except ProviderUnavailable:
            answer = Denied("unavailable")
        assert time.monotonic() - started < MAX_SECONDS
        if answer and not isinstance(answer, Denied):
            search, bind = self._answers
            assert bind_succeeds(bind), bind
            assert answer["username"] in usernames_of_only_entry(search), search
        return bool(answer)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                Thread(target=self._answer, args=(client,), daemon=True).start()

    def _answer(self, client: socket.socket) -> None:
        with client, suppress(OSError):
            request = client.recv(65536)
            if not request:
                return
            message_id, operation = split_request(request)
            messages = (_message(message_id, sent) for sent in self._answers[operation[:1] == BIND_REQUEST])
            client.sendall(b"".join(messages))


def _message(message_id: bytes, sent: bytes) -> bytes:
    raw = sent.removeprefix(b"RAW")
    return element(0x30, message_id + sent) if raw == sent else raw
