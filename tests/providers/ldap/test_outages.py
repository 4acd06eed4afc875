"""An unavailable directory is an outage and never a denial. The outage ends when the directory is available again."""

import gc
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

import pytest
from ldap3.core.results import RESULT_SIZE_LIMIT_EXCEEDED

from app import create_app
from providers.interface import ProviderUnavailable
from tests.servers.ldap_messages import SEARCH_DONE, entry, result
from tests.servers.scripted_ldap import SEARCH_REQUEST, scripted_ldap
from tests.servers.slapd import SUFFIX, Slapd, started
from tests.support.directories import directory, ldap_provider
from tests.support.stores import SECRET_KEY
from tests.support.users import ZOE


@pytest.mark.parametrize(
    "changed",
    [
        {"LDAP_BIND_PASSWORD": "wrong"},
        {"LDAP_BIND_DN": f"cn=nobody,{SUFFIX}"},
        {"LDAP_BIND_DN": "", "LDAP_BIND_PASSWORD": ""},
        {"LDAP_BASE_DN": f"ou=elsewhere,{SUFFIX}"},
        {"LDAP_BASE_DN": "dc=another,dc=org"},
        {"LDAP_GROUP_BASE_DN": f"ou=elsewhere,{SUFFIX}"},
        {"LDAP_URL": "ldap://localhost:1"},
        {"LDAP_URL": "ldap://no-such-host.invalid"},
    ],
    ids=str,
)
def test_unusable_directory_is_an_outage(slapd: Slapd, changed: dict[str, str]) -> None:
    environ = {"SECRET_KEY": SECRET_KEY, **slapd.environ(**changed)}
    provider = ldap_provider(environ)
    for ask in (lambda: provider.authenticate(ZOE.username, ZOE.password), lambda: provider.find(ZOE.username)):
        with pytest.raises(ProviderUnavailable, match=r"^(?!ldap: )."):
            ask()
    response = create_app(environ).test_client().post("/api/auth", json={"email": "zoé", "password": ZOE.password})
    assert (response.status_code, response.get_json()["message"]) == (503, "Credential store unavailable")


def test_wrong_service_password_is_reported_without_the_password(slapd: Slapd) -> None:
    provider = ldap_provider(slapd.environ(LDAP_BIND_PASSWORD="hunter2"))
    with pytest.raises(ProviderUnavailable, match="the bind as LDAP_BIND_DN failed: invalidCredentials") as raised:
        provider.authenticate(ZOE.username, ZOE.password)
    assert "hunter2" not in str(raised.value)


@contextmanager
def silent_port() -> Iterator[int]:
    """Yield a port that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        yield port


@pytest.mark.parametrize(("scheme", "plaintext"), [("ldap", ""), ("ldaps", ""), ("ldap", "true")])
def test_server_that_never_answers_is_an_outage_within_the_time_limit(
    slapd: Slapd, scheme: str, plaintext: str
) -> None:
    with silent_port() as port:
        url = f"{scheme}://localhost:{port}"
        environ = slapd.environ(LDAP_URL=url, LDAP_TIMEOUT_SECONDS="1", LDAP_INSECURE_PLAINTEXT=plaintext)
        start = monotonic()
        with pytest.raises(ProviderUnavailable):
            ldap_provider(environ).authenticate(ZOE.username, ZOE.password)
        assert monotonic() - start < 8


def test_search_that_the_server_ends_early_is_not_an_answer(slapd: Slapd) -> None:
    # The server may return one entry only, such as one with `nsSizeLimit: 1`.
    found = [entry("uid=zoe,dc=example,dc=test", {"uid": ["zoe"]}), result(SEARCH_DONE, RESULT_SIZE_LIMIT_EXCEEDED)]
    with scripted_ldap({SEARCH_REQUEST: found}) as port:
        anonymous = {"LDAP_BIND_DN": "", "LDAP_BIND_PASSWORD": "", "LDAP_INSECURE_PLAINTEXT": "true"}
        provider = ldap_provider(slapd.environ(LDAP_URL=f"ldap://127.0.0.1:{port}", **anonymous))
        with pytest.raises(
            ProviderUnavailable, match=r"a limit of the server .sizeLimitExceeded. ended a search after 1 entries"
        ):
            provider.authenticate("zoe", "x")


@pytest.fixture
def stopped(tmp_path: Path) -> Slapd:
    """A directory with the user Zoé that does not run."""
    with directory(tmp_path) as server:
        pass
    return server


@pytest.mark.parametrize("tls", ["ldap", "ldaps"])
def test_restarted_directory_is_used_immediately(stopped: Slapd, tls: str) -> None:
    port = stopped.port if tls == "ldap" else stopped.tls_port
    provider = ldap_provider(stopped.environ(LDAP_URL=f"{tls}://localhost:{port}"))
    with pytest.raises(ProviderUnavailable):
        provider.authenticate(ZOE.username, ZOE.password)
    with started(stopped):
        assert provider.authenticate(ZOE.username, ZOE.password)


def test_outage_leaves_no_socket_open(stopped: Slapd) -> None:
    gc.collect()
    gc.disable()
    try:
        before = set(os.listdir("/proc/self/fd"))
        for _ in range(5):
            with pytest.raises(ProviderUnavailable):
                ldap_provider(stopped.environ()).find(ZOE.username)
        # Threads of the scripted servers may still close theirs.
        assert set(os.listdir("/proc/self/fd")) <= before
    finally:
        gc.enable()
