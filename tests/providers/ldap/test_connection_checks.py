"""The doctor's findings about connections: mixed-up ports, TLS versions, certificates, names that are not resolved."""

import socket
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Thread
from time import monotonic

import pytest

from providers.interface import Check
from providers.ldap import open_ldap
from tests.servers.samba import Samba
from tests.servers.slapd import Slapd, slapd
from tests.support.certificates import Authority
from tests.support.directories import reconfigured, use_certificates

SCHEMES = pytest.mark.parametrize("scheme", ["ldap", "ldaps"])
OUTDATED = "TLSCipherSuite NORMAL:-VERS-ALL:+VERS-TLS1.1:+VERS-TLS1.0"
ONLY_TLS_1_2 = "TLSCipherSuite NORMAL:-VERS-ALL:+VERS-TLS1.2"


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Slapd:
    """A directory that is not running."""
    with slapd(tmp_path_factory.mktemp("slapd")) as server:
        return server


@pytest.fixture(scope="module")
def without_tls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slapd]:
    """A directory without TLS."""
    with slapd(tmp_path_factory.mktemp("slapd"), tls=False) as server:
        yield server


def failures(environ: dict[str, str]) -> dict[str, Check]:
    """Return the failed checks by their step without the server."""
    found = [check for check in open_ldap(environ).check() if check.outcome == "failure"]
    assert all("service-secret" not in repr(check) for check in found)
    return {check.step.rpartition(": ")[2]: check for check in found}


def failure(environ: dict[str, str], step: str = "TLS") -> tuple[str, str]:
    """Return the finding and the remedy of the only failed check."""
    found = failures(environ)
    assert [*found] == [step]
    return found[step].found, found[step].remedy or ""


def url(server: Slapd, scheme: str) -> dict[str, str]:
    """Return the setting of the server's URL."""
    return {"LDAP_URL": f"{scheme}://localhost:{server.port if scheme == 'ldap' else server.tls_port}"}


def test_start_tls_on_the_port_of_ldaps_is_recognized(slapd: Slapd) -> None:
    found, remedy = failure(slapd.environ(LDAP_URL=f"ldap://localhost:{slapd.tls_port}"))
    assert found == "the port expects TLS from the start, but ldap:// begins with StartTLS"
    assert remedy == "Write ldaps:// instead of ldap:// in LDAP_URL, or the port for StartTLS, usually 389"


def test_ldaps_on_the_port_of_start_tls_is_recognized(slapd: Slapd) -> None:
    found, remedy = failure(slapd.environ(LDAP_URL=f"ldaps://localhost:{slapd.port}"))
    assert found == "the port expects StartTLS, but ldaps:// begins with TLS"
    assert remedy.startswith("Write ldap:// instead of ldaps:// in LDAP_URL to use StartTLS")


def test_ldaps_on_a_port_without_tls_is_recognized(without_tls: Slapd) -> None:
    found, remedy = failure(without_tls.environ(LDAP_CA_FILE="", LDAP_URL=f"ldaps://localhost:{without_tls.port}"))
    assert found == "the port does not use TLS, but ldaps:// begins with TLS"
    assert remedy.startswith("Write the port for LDAPS in LDAP_URL, usually 636")


def test_server_without_start_tls_is_recognized(without_tls: Slapd) -> None:
    found, remedy = failure(without_tls.environ(LDAP_CA_FILE=""))
    assert found == "the server refused StartTLS, so no credentials were sent"
    assert remedy.startswith("Configure a certificate on the server")


def test_plaintext_on_the_port_of_ldaps_is_recognized(slapd: Slapd) -> None:
    environ = slapd.environ(LDAP_URL=f"ldap://localhost:{slapd.tls_port}", LDAP_INSECURE_PLAINTEXT="true")
    found, remedy = failure(environ, "LDAP")
    assert found == "the port expects TLS from the start, but LDAP_INSECURE_PLAINTEXT is true"
    assert remedy.startswith("Unset LDAP_INSECURE_PLAINTEXT. Write ldaps:// instead of ldap://")


@pytest.mark.parametrize(
    ("url", "plaintext", "step", "remedy"),
    [
        ("ldap://{}:636", "", "TLS", "Write ldaps:// instead of ldap:// in LDAP_URL"),
        ("ldaps://{}:389", "", "TLS", "Write ldap:// instead of ldaps:// in LDAP_URL"),
        ("ldap://{}:636", "true", "LDAP", "Unset LDAP_INSECURE_PLAINTEXT. Write ldaps:// instead of ldap://"),
    ],
)
def test_ports_of_active_directory_are_recognized(
    samba: Samba, url: str, plaintext: str, step: str, remedy: str
) -> None:
    environ = samba.environ(LDAP_URL=url.format(samba.address), LDAP_INSECURE_PLAINTEXT=plaintext)
    assert failure(environ, step)[1].startswith(remedy)


@pytest.mark.parametrize("security", ["tls=128", "simple_bind=128"])
def test_plaintext_to_a_server_that_requires_encryption_is_recognized(stopped: Slapd, security: str) -> None:
    with reconfigured(stopped, f"security {security}"):
        found, remedy = failure(stopped.environ(LDAP_INSECURE_PLAINTEXT="true"), "service bind")
    assert found == "the bind as LDAP_BIND_DN failed: confidentialityRequired"
    assert remedy == "Unset LDAP_INSECURE_PLAINTEXT: the server requires an encrypted connection"


@pytest.mark.parametrize("plaintext", ["", "true"])
@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"SSH-2.0-OpenSSH_9.2\r\n"])
def test_port_of_another_protocol_blames_no_password(slapd: Slapd, plaintext: str, answer: bytes) -> None:
    def serve(listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                with listener.accept()[0] as client:
                    client.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        Thread(target=serve, args=(listener,), daemon=True).start()
        url = f"ldap://localhost:{listener.getsockname()[1]}"
        step = "LDAP" if plaintext else "TLS"
        _, remedy = failure(slapd.environ(LDAP_URL=url, LDAP_INSECURE_PLAINTEXT=plaintext), step)
        listener.shutdown(socket.SHUT_RDWR)
    assert remedy.startswith("Check that the directory is running, that LDAP_URL has its port")


@SCHEMES
def test_server_with_outdated_tls_is_recognized(stopped: Slapd, scheme: str) -> None:
    with reconfigured(stopped, OUTDATED, without="TLSProtocolMin 3.3"):
        found, remedy = failure(stopped.environ(**url(stopped, scheme)))
    assert found == "the server supports only TLS 1.0 or 1.1, which are insecure"
    assert remedy == "Enable TLS 1.2 or 1.3 on the server"


@SCHEMES
@pytest.mark.parametrize("version", [ONLY_TLS_1_2, ""])
def test_required_client_certificate_is_recognized(stopped: Slapd, scheme: str, version: str) -> None:
    with reconfigured(stopped, "TLSVerifyClient demand", version):
        found, remedy = failure(stopped.environ(**url(stopped, scheme)))
    assert found == "the server requires a client certificate"
    assert remedy.startswith("Set LDAP_CERT_FILE and LDAP_KEY_FILE to a certificate that the server trusts")


def test_untrusted_client_certificate_is_recognized(stopped: Slapd, tmp_path: Path) -> None:
    changed = {"LDAP_CERT_FILE": str(tmp_path / "client.pem"), "LDAP_KEY_FILE": str(tmp_path / "client.key")}
    for path, content in zip(changed.values(), Authority().issue("client.example"), strict=True):
        Path(path).write_bytes(content)
        Path(path).chmod(0o600)
    with reconfigured(stopped, "TLSVerifyClient demand"):
        found, remedy = failure(stopped.environ(**changed))
    assert found == "the server refused the client's certificate"
    assert remedy.startswith("Set LDAP_CERT_FILE to a certificate of an authority that the server trusts")


def certificate_failure(server: Slapd, trusted: bytes, *chain: bytes, key: bytes, ca_file: bool = True) -> str:
    """Return the finding and the remedy for a certificate that the server shows."""
    use_certificates(server, *chain, key=key)
    (server.home / "trusted.pem").write_bytes(trusted)
    with reconfigured(server):
        environ = server.environ(LDAP_CA_FILE=str(server.home / "trusted.pem") if ca_file else "")
        return ": ".join(failure(environ))


def test_certificate_without_subject_alternative_names_is_recognized(stopped: Slapd) -> None:
    root = Authority()
    certificate, key = root.issue(common_name="localhost")
    found = certificate_failure(stopped, root.pem, certificate, key=key)
    assert "it has no subject alternative name: Issue a certificate with the host name of LDAP_URL" in found


def test_certificate_for_other_names_is_shown_with_its_names(stopped: Slapd) -> None:
    root = Authority()
    certificate, key = root.issue("one.example", "two.example")
    found = certificate_failure(stopped, root.pem, certificate, key=key)
    assert "it is for one.example, two.example: Use a host name in LDAP_URL that is in the certificate" in found


def test_incomplete_chain_is_reported_with_the_missing_authority(stopped: Slapd) -> None:
    root = Authority()
    intermediate = root.child()
    certificate, key = intermediate.issue("localhost")
    found = certificate_failure(stopped, root.pem, certificate, key=key)
    assert f"the certificate is signed by {intermediate.common_name}" in found
    assert (
        f"Add to LDAP_CA_FILE the certificate of {intermediate.common_name}, or configure the server to send" in found
    )


def test_untrusted_authority_does_not_blame_a_file_that_is_not_set(stopped: Slapd) -> None:
    root = Authority()
    certificate, key = root.issue("localhost")
    found = certificate_failure(stopped, b"", certificate, key=key, ca_file=False)
    assert f"Set LDAP_CA_FILE to a PEM file with the certificate of {root.common_name}" in found


def test_expired_authority_is_not_reported_as_an_expired_certificate(stopped: Slapd) -> None:
    root = Authority()
    certificate, key = root.issue("localhost")
    expired = root.renewed(not_after=datetime.now(UTC) - timedelta(days=1))
    found = certificate_failure(stopped, expired.pem, certificate, key=key)
    assert found == "the certificate of an authority has expired: Add its successor to LDAP_CA_FILE, or to the server"


def test_expired_authority_is_not_reported_if_its_successor_is_in_the_file(slapd: Slapd, tmp_path: Path) -> None:
    root = Authority()
    expired = root.renewed(not_after=datetime.now(UTC) - timedelta(days=1))
    for name, content in {"both": root.pem + expired.pem, "one": expired.pem}.items():
        (tmp_path / name).write_bytes((slapd.home / "ca.pem").read_bytes() + content)
    steps = [
        {check.step for check in open_ldap(slapd.environ(LDAP_CA_FILE=str(tmp_path / name))).check()}
        for name in ("both", "one")
    ]
    assert ["LDAP_CA_FILE" in found for found in steps] == [False, True]


@pytest.mark.parametrize("days", [-2, 10])
def test_trusted_certificate_of_a_server_and_client_certificate_that_expire_are_reported(
    slapd: Slapd, tmp_path: Path, days: int
) -> None:
    certificate, key = Authority().issue("localhost", not_after=datetime.now(UTC) + timedelta(days=days))
    for name, content in {"client.pem": certificate, "client.key": key}.items():
        (tmp_path / name).write_bytes(content)
        (tmp_path / name).chmod(0o600)
    file = str(tmp_path / "client.pem")
    environ = slapd.environ(LDAP_CA_FILE=file, LDAP_CERT_FILE=file, LDAP_KEY_FILE=str(tmp_path / "client.key"))
    checks = {check.step: check for check in open_ldap(environ).check()}
    assert checks["LDAP_CA_FILE"].outcome == checks["LDAP_CERT_FILE"].outcome == "warning"
    assert ("has expired" in checks["LDAP_CERT_FILE"].found) == (days < 0)


def test_absolute_host_name_has_the_certificate_of_the_name(slapd: Slapd, monkeypatch: pytest.MonkeyPatch) -> None:
    lookup = socket.getaddrinfo
    # A resolver with DNS knows the name. That of this machine may have only /etc/hosts.
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, *args, **kw: lookup(host.removesuffix("."), *args, **kw))
    assert failures(slapd.environ(LDAP_URL=f"ldap://localhost.:{slapd.port}")) == {}


def test_name_that_is_not_resolved_in_time_ends_the_check(slapd: Slapd, monkeypatch: pytest.MonkeyPatch) -> None:
    finished = Event()

    def getaddrinfo(*_: object, **options: object) -> list[object]:
        if options.get("flags"):
            raise socket.gaierror
        finished.wait(30)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    began = monotonic()
    try:
        environ = slapd.environ(LDAP_URL="ldap://directory.example", LDAP_TIMEOUT_SECONDS="1")
        found, remedy = failure(environ, "name")
    finally:
        finished.set()
    assert (found, monotonic() - began < 10) == ("the name was not resolved in time", True)
    assert remedy == "Correct the DNS servers of this machine, which do not answer"
