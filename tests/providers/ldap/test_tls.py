"""Passwords never cross the network in clear: the certificate is checked, or nothing is sent."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from providers.interface import ProviderUnavailable
from tests.servers.process import wait_until
from tests.servers.slapd import SERVICE, SUFFIX, Slapd
from tests.support.directories import directory, ldap_provider, relay
from tests.support.users import ZOE

ROOT = Path(__file__).resolve().parents[3]
USER = f"uid={ZOE.username},ou=people,{SUFFIX}"
START_TLS = "EXT oid=1.3.6.1.4.1.1466.20037"


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slapd]:
    """A directory that is as it should be."""
    with directory(tmp_path_factory.mktemp("good")) as server:
        yield server


def log_of(server: Slapd, environ: dict[str, str]) -> str:
    """Return what the server logs of a login that fails as an outage."""
    mark = len(server.log)
    provider = ldap_provider(environ)
    with pytest.raises(ProviderUnavailable):
        provider.authenticate(ZOE.username, ZOE.password)
    # Whatever was sent was sent before this, and is logged before it.
    server.admin().unbind()
    wait_until(lambda: 'BIND dn="cn=admin,' in server.log[mark:] and "UNBIND" in server.log[mark:])
    return server.log[mark:]


def both_urls(server: Slapd, host: str = "localhost") -> list[str]:
    """Return the server's URLs, for StartTLS and for TLS from the start."""
    return [f"ldap://{host}:{server.port}", f"ldaps://{host}:{server.tls_port}"]


def assert_nothing_sent(server: Slapd, **changed: str) -> None:
    """Assert that a login to either port is an outage, and that the server got nobody's name or password."""
    for url in both_urls(server, changed.pop("host", "localhost")):
        log = log_of(server, server.environ(LDAP_URL=url, **changed))
        assert SERVICE not in log
        assert "uid=" not in log


def test_a_checked_certificate_lets_the_user_in(good: Slapd) -> None:
    for url in both_urls(good):
        mark = len(good.log)
        assert ldap_provider(good.environ(LDAP_URL=url)).authenticate(ZOE.username, ZOE.password)
        tls, bind = good.log[mark:].find(" TLS established "), good.log[mark:].find(" BIND ")
        assert -1 < tls < bind


def test_a_certificate_of_another_authority_gets_nothing(good: Slapd, slapd: Slapd) -> None:
    assert_nothing_sent(good, LDAP_CA_FILE=str(slapd.home / "ca.pem"))


def test_without_a_ca_file_the_systems_authorities_count(good: Slapd) -> None:
    assert_nothing_sent(good, LDAP_CA_FILE="")


# ldap3 lets go of the connection without closing it; Python does that, and says so.
@pytest.mark.filterwarnings("ignore:unclosed <ssl.SSLSocket:ResourceWarning")
def test_a_certificate_for_another_name_gets_nothing(good: Slapd) -> None:
    assert_nothing_sent(good, host="127.0.0.1")


def test_an_expired_certificate_gets_nothing(tmp_path: Path) -> None:
    with directory(tmp_path, not_after=datetime.now(UTC) - timedelta(hours=1)) as server:
        assert_nothing_sent(server)


def test_a_server_without_tls_gets_nothing(tmp_path: Path) -> None:
    with directory(tmp_path, tls=False) as server:
        log = log_of(server, server.environ())
        assert START_TLS in log
        assert SERVICE not in log
        log = log_of(server, server.environ(LDAP_URL=f"ldaps://localhost:{server.port}"))
        assert SERVICE not in log


@pytest.mark.parametrize("scheme", ["ldap", "ldaps"])
def test_whoever_comes_between_search_and_bind_gets_nothing(good: Slapd, tmp_path: Path, scheme: str) -> None:
    with directory(tmp_path) as rogue:
        ports = [server.port if scheme == "ldap" else server.tls_port for server in (good, rogue)]
        with relay(lambda number: ports[min(number, 2) - 1]) as port:
            mark = len(good.log)
            log = log_of(rogue, good.environ(LDAP_URL=f"{scheme}://localhost:{port}"))
            assert f'SRCH base="ou=people,{SUFFIX}"' in good.log[mark:]
            assert "uid=" not in log
            assert log.count(" BIND ") == log.count('BIND dn="cn=admin,')


def test_plaintext_is_possible_only_by_its_own_name(tmp_path: Path) -> None:
    with directory(tmp_path, tls=False) as server:
        provider = ldap_provider(server.environ(LDAP_INSECURE_PLAINTEXT="true"))
        assert provider.authenticate(ZOE.username, ZOE.password)
        assert f'BIND dn="{USER}" method=128' in server.log
        assert " TLS established " not in server.log
        for value in ("false", "", "0"):
            assert SERVICE not in log_of(server, server.environ(LDAP_INSECURE_PLAINTEXT=value))


SYSTEM = """
import json, sys
from providers.ldap import open_ldap
assert open_ldap(json.loads(sys.argv[1])).authenticate(*sys.argv[2:])
"""


def test_the_systems_authorities_are_used_where_no_file_is_named(good: Slapd) -> None:
    environ = json.dumps(good.environ(LDAP_CA_FILE=""))
    # OpenSSL reads its own variable for where the system's certificates are.
    process = {"PATH": os.defpath, "SSL_CERT_FILE": str(good.home / "ca.pem")}
    command = [sys.executable, "-c", SYSTEM, environ, ZOE.username, ZOE.password]
    run = subprocess.run(command, cwd=ROOT, env=process, capture_output=True, text=True, check=False, timeout=60)
    assert run.returncode == 0, run.stderr
