"""Passwords never cross the network unencrypted: without a valid certificate the provider sends no credentials."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from providers.interface import ProviderUnavailable
from tests.servers.process import wait_until
from tests.servers.slapd import SERVICE, SUFFIX, Slapd, started
from tests.support.directories import directory, ldap_provider, relay
from tests.support.users import ZOE

ROOT = Path(__file__).resolve().parents[3]
USER = f"uid={ZOE.username},ou=people,{SUFFIX}"
START_TLS = "EXT oid=1.3.6.1.4.1.1466.20037"


@pytest.fixture(scope="module")
def trusted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slapd]:
    """A directory with a valid certificate."""
    with directory(tmp_path_factory.mktemp("trusted")) as server:
        yield server


def log_of(server: Slapd, environ: dict[str, str]) -> str:
    """Return what the server logs of a login that raises ProviderUnavailable."""
    mark = len(server.log)
    provider = ldap_provider(environ)
    with pytest.raises(ProviderUnavailable):
        provider.authenticate(ZOE.username, ZOE.password)
    # The server logs this bind after all requests of the login.
    server.admin().unbind()
    wait_until(lambda: 'BIND dn="cn=admin,' in server.log[mark:] and "UNBIND" in server.log[mark:])
    return server.log[mark:]


def both_urls(server: Slapd, host: str = "localhost") -> list[str]:
    """Return the server's URLs for StartTLS and for ldaps."""
    return [f"ldap://{host}:{server.port}", f"ldaps://{host}:{server.tls_port}"]


def assert_no_credentials_sent(server: Slapd, **changed: str) -> None:
    """Assert that a login on each port is an outage, and that the server received no DN of a user or of the account."""
    for url in both_urls(server, changed.pop("host", "localhost")):
        log = log_of(server, server.environ(LDAP_URL=url, **changed))
        assert SERVICE not in log
        assert "uid=" not in log


def test_login_succeeds_with_a_valid_certificate_after_tls_is_established(trusted: Slapd) -> None:
    for url in both_urls(trusted):
        mark = len(trusted.log)
        assert ldap_provider(trusted.environ(LDAP_URL=url)).authenticate(ZOE.username, ZOE.password)
        tls, bind = trusted.log[mark:].find(" TLS established "), trusted.log[mark:].find(" BIND ")
        assert -1 < tls < bind


def test_certificate_of_an_untrusted_authority_receives_no_credentials(trusted: Slapd, slapd: Slapd) -> None:
    assert_no_credentials_sent(trusted, LDAP_CA_FILE=str(slapd.home / "ca.pem"))


def test_without_a_ca_file_an_authority_unknown_to_the_system_is_untrusted(trusted: Slapd) -> None:
    assert_no_credentials_sent(trusted, LDAP_CA_FILE="")


# ldap3 does not close the connection. Python closes it, with a warning.
@pytest.mark.filterwarnings("ignore:unclosed <ssl.SSLSocket:ResourceWarning")
def test_certificate_for_another_name_receives_no_credentials(trusted: Slapd) -> None:
    assert_no_credentials_sent(trusted, host="127.0.0.1")


def write_certificate_with_only_a_common_name(home: Path, host: str) -> None:
    """Replace the certificate of a server by one without subject alternative names, and its authority."""
    start, end = datetime.now(UTC) - timedelta(days=1), datetime.now(UTC) + timedelta(days=100)
    authority_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "authority")])
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    authority = x509.CertificateBuilder(issuer, issuer, authority_key.public_key(), 1, start, end)
    authority = authority.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    certificate = x509.CertificateBuilder(issuer, subject, key.public_key(), 2, start, end)
    for file, built in (("ca.pem", authority), ("server.pem", certificate)):
        signed = built.sign(authority_key, hashes.SHA256())
        (home / file).write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (home / "server.key").write_bytes(pem)


def test_certificate_with_only_a_common_name_receives_no_credentials(tmp_path: Path) -> None:
    with directory(tmp_path) as server:
        pass
    write_certificate_with_only_a_common_name(server.home, "localhost")
    with started(server):
        assert_no_credentials_sent(server)
        checks = {check.step.rpartition(": ")[2]: check for check in ldap_provider(server.environ()).check()}
    assert checks["TLS"].outcome == "failure"
    assert "subject alternative name" in (checks["TLS"].remedy or "")


def test_expired_certificate_receives_no_credentials(tmp_path: Path) -> None:
    with directory(tmp_path, not_after=datetime.now(UTC) - timedelta(hours=1)) as server:
        assert_no_credentials_sent(server)


def test_server_without_tls_receives_no_credentials(tmp_path: Path) -> None:
    with directory(tmp_path, tls=False) as server:
        log = log_of(server, server.environ())
        assert START_TLS in log
        assert SERVICE not in log
        log = log_of(server, server.environ(LDAP_URL=f"ldaps://localhost:{server.port}"))
        assert SERVICE not in log


@pytest.mark.parametrize("scheme", ["ldap", "ldaps"])
def test_server_that_replaces_another_after_the_search_receives_no_credentials(
    trusted: Slapd, tmp_path: Path, scheme: str
) -> None:
    with directory(tmp_path) as rogue:
        ports = [server.port if scheme == "ldap" else server.tls_port for server in (trusted, rogue)]
        with relay(lambda number: ports[min(number, 2) - 1]) as port:
            mark = len(trusted.log)
            log = log_of(rogue, trusted.environ(LDAP_URL=f"{scheme}://localhost:{port}"))
            assert f'SRCH base="ou=people,{SUFFIX}"' in trusted.log[mark:]
            assert "uid=" not in log
            assert log.count(" BIND ") == log.count('BIND dn="cn=admin,')


def test_plaintext_needs_its_own_setting(tmp_path: Path) -> None:
    with directory(tmp_path, tls=False) as server:
        provider = ldap_provider(server.environ(LDAP_INSECURE_PLAINTEXT="true"))
        assert provider.authenticate(ZOE.username, ZOE.password)
        assert f'BIND dn="{USER}" method=128' in server.log
        assert " TLS established " not in server.log
        for value in ("false", "", "0"):
            assert SERVICE not in log_of(server, server.environ(LDAP_INSECURE_PLAINTEXT=value))


LOGIN_SCRIPT = """
import json, sys
from providers.ldap import open_ldap
assert open_ldap(json.loads(sys.argv[1])).authenticate(*sys.argv[2:])
"""


def test_without_a_ca_file_an_authority_known_to_the_system_is_trusted(trusted: Slapd) -> None:
    environ = json.dumps(trusted.environ(LDAP_CA_FILE=""))
    # OpenSSL reads the path of the system's certificates from this variable.
    process = {"PATH": os.defpath, "SSL_CERT_FILE": str(trusted.home / "ca.pem")}
    command = [sys.executable, "-c", LOGIN_SCRIPT, environ, ZOE.username, ZOE.password]
    run = subprocess.run(command, cwd=ROOT, env=process, capture_output=True, text=True, check=False, timeout=60)
    assert run.returncode == 0, run.stderr
