"""Which certificates of a server are trusted, which certificate the client shows, and the files of both."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from config.errors import ConfigurationError
from providers.interface import ProviderUnavailable
from providers.ldap.settings import LdapSettings
from tests.servers.slapd import Slapd
from tests.support.certificates import Authority, encrypted, other_forms
from tests.support.directories import directory, ldap_provider, reconfigured, use_certificates
from tests.support.users import ZOE

SCHEMES = pytest.mark.parametrize("scheme", ["ldap", "ldaps"])
YESTERDAY = datetime.now(UTC) - timedelta(days=1)


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Slapd:
    """A directory that is not running."""
    with directory(tmp_path_factory.mktemp("slapd")) as server:
        return server


@contextmanager
def served(server: Slapd, *chain: bytes, key: bytes, clients: bytes = b"") -> Iterator[None]:
    """Run the server with these certificates. With `clients`, each client needs a certificate of this authority."""
    use_certificates(server, *chain, key=key, clients=clients)
    with reconfigured(server, *(["TLSVerifyClient demand"] if clients else [])):
        yield


def url(server: Slapd, scheme: str) -> str:
    """Return the URL of the server for StartTLS (`ldap`) or `ldaps`."""
    return f"{scheme}://localhost:{server.port if scheme == 'ldap' else server.tls_port}"


def can_log_in(server: Slapd, trusted: Path, scheme: str = "ldap", **changed: str) -> bool:
    """Return whether a login succeeds, and not whether its answer is an outage."""
    environ = server.environ(LDAP_URL=url(server, scheme), LDAP_CA_FILE=str(trusted), **changed)
    try:
        return bool(ldap_provider(environ).authenticate(ZOE.username, ZOE.password))
    except ProviderUnavailable:
        return False


@SCHEMES
@pytest.mark.parametrize("trusted", ["root", "intermediate", "server", "expired root and root", "others and root"])
def test_any_certificate_of_the_chain_can_be_trusted(stopped: Slapd, tmp_path: Path, scheme: str, trusted: str) -> None:
    root = Authority()
    intermediate = root.child()
    certificate, key = intermediate.issue("localhost")
    expired = root.renewed(not_after=YESTERDAY)
    files = {
        "root": root.pem,
        "intermediate": intermediate.pem,
        "server": certificate,
        "expired root and root": expired.pem + root.pem,
        "others and root": Authority().pem + Authority(not_after=YESTERDAY).pem + root.pem,
    }
    (tmp_path / "trusted.pem").write_bytes(b"# a comment: \xc3\xa9\n" + files[trusted])
    with served(stopped, certificate, intermediate.pem, key=key):
        assert can_log_in(stopped, tmp_path / "trusted.pem", scheme)


@pytest.mark.parametrize("trusted", ["another authority", "expired root", "sibling", "another certificate"])
def test_other_certificates_are_not_trusted(stopped: Slapd, tmp_path: Path, trusted: str) -> None:
    root = Authority()
    intermediate = root.child()
    certificate, key = intermediate.issue("localhost")
    files = {
        "another authority": Authority().pem,
        "expired root": root.renewed(not_after=YESTERDAY).pem,
        "sibling": root.child().pem,
        "another certificate": intermediate.issue("localhost")[0],
    }
    (tmp_path / "trusted.pem").write_bytes(files[trusted])
    with served(stopped, certificate, intermediate.pem, key=key):
        assert not can_log_in(stopped, tmp_path / "trusted.pem")


def test_trusted_certificate_of_the_server_is_refused_for_another_name(stopped: Slapd, tmp_path: Path) -> None:
    certificate, key = Authority().issue("elsewhere.example")
    (tmp_path / "trusted.pem").write_bytes(certificate)
    with served(stopped, certificate, key=key):
        assert not can_log_in(stopped, tmp_path / "trusted.pem")


@SCHEMES
def test_server_that_requires_a_client_certificate_receives_it(stopped: Slapd, tmp_path: Path, scheme: str) -> None:
    root, clients = Authority(), Authority()
    certificate, key = root.issue("localhost")
    files = {"trusted.pem": root.pem}
    files["client.pem"], files["client.key"] = clients.issue("client.example")
    files["stranger.pem"], files["stranger.key"] = Authority().issue("client.example")
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
        (tmp_path / name).chmod(0o600)
    shown = {
        who: {"LDAP_CERT_FILE": str(tmp_path / f"{who}.pem"), "LDAP_KEY_FILE": str(tmp_path / f"{who}.key")}
        for who in ("client", "stranger")
    }
    with served(stopped, certificate, key=key, clients=clients.pem):
        assert can_log_in(stopped, tmp_path / "trusted.pem", scheme, **shown["client"])
        assert not can_log_in(stopped, tmp_path / "trusted.pem", scheme, **shown["stranger"])
        assert not can_log_in(stopped, tmp_path / "trusted.pem", scheme)


def problems(**changed: object) -> list[str]:
    """Return the problems of the settings of TLS, without the paths of their files."""
    environ = {name: str(value) for name, value in changed.items()}
    with pytest.raises(ConfigurationError) as raised:
        LdapSettings.read({"LDAP_URL": "ldap://localhost", "LDAP_BASE_DN": "dc=x", **environ})
    lines = [line.partition(". Set it to ")[0] for line in raised.value.lines]
    for path in environ.values():
        lines = [line.removesuffix(f" ({path})") for line in lines]
    return lines


@pytest.fixture
def pair(tmp_path: Path) -> dict[str, Path]:
    """The files of a client certificate and its key."""
    files = {"LDAP_CERT_FILE": tmp_path / "client.pem", "LDAP_KEY_FILE": tmp_path / "client.key"}
    for path, content in zip(files.values(), Authority().issue("client.example"), strict=True):
        path.write_bytes(content)
        path.chmod(0o600)
    return files


def test_certificate_and_key_are_set_together(pair: dict[str, Path]) -> None:
    assert problems(LDAP_CERT_FILE=pair["LDAP_CERT_FILE"]) == ["LDAP_KEY_FILE must be set together with LDAP_CERT_FILE"]
    assert problems(LDAP_KEY_FILE=pair["LDAP_KEY_FILE"]) == ["LDAP_KEY_FILE must be set together with LDAP_CERT_FILE"]


def test_key_of_another_certificate_is_refused(pair: dict[str, Path]) -> None:
    pair["LDAP_CERT_FILE"].write_bytes(Authority().issue("client.example")[0])
    assert problems(**pair) == [
        "LDAP_KEY_FILE names a private key that does not belong to the certificate in LDAP_CERT_FILE"
    ]


def test_encrypted_key_is_refused_without_a_question(pair: dict[str, Path]) -> None:
    key = encrypted(pair["LDAP_KEY_FILE"].read_bytes(), b"hunter2")
    pair["LDAP_KEY_FILE"].write_bytes(key)
    assert problems(**pair) == [
        "LDAP_KEY_FILE names a private key that needs a passphrase: remove it with `openssl pkey`"
    ]


def test_certificate_and_key_can_be_in_one_file(pair: dict[str, Path]) -> None:
    both = pair["LDAP_KEY_FILE"]
    both.write_bytes(pair["LDAP_CERT_FILE"].read_bytes() + both.read_bytes())
    environ = {"LDAP_URL": "ldap://localhost", "LDAP_BASE_DN": "dc=x"}
    assert LdapSettings.read({**environ, "LDAP_CERT_FILE": str(both), "LDAP_KEY_FILE": str(both)}).tls_context()


@pytest.mark.parametrize("variable", ["LDAP_CA_FILE", "LDAP_CERT_FILE"])
@pytest.mark.parametrize(
    ("form", "found"),
    [
        ("empty", "names a file that is empty"),
        ("der", "names a file in DER: convert it to PEM with `openssl x509 -inform der`"),
        ("pkcs12", "names a PKCS#12 file: extract a PEM file from it with `openssl pkcs12`"),
        ("pkcs7", "names a PKCS#7 file: convert it with `openssl pkcs7 -print_certs`"),
        ("key", "names a file without a certificate"),
        ("text", "names a file without a certificate"),
        ("missing", "names a file that cannot be read: No such file or directory"),
        ("folder", "names a file that cannot be read: Is a directory"),
    ],
)
def test_file_that_is_not_a_pem_certificate_is_named_by_its_form(
    tmp_path: Path, pair: dict[str, Path], variable: str, form: str, found: str
) -> None:
    certificate, key = Authority().issue("localhost")
    contents = other_forms(certificate, key) | {"empty": b"\n", "key": key, "text": b"0 certificates"}
    path = tmp_path if form == "folder" else tmp_path / "file"
    if form in contents:
        path.write_bytes(contents[form])
    (line,) = problems(**{**(pair if variable == "LDAP_CERT_FILE" else {}), variable: path})
    assert line == f"{variable} {found}"


def test_damaged_certificate_among_others_is_refused(tmp_path: Path) -> None:
    damaged = Authority().pem.replace(b"M", b"A", 3)
    (tmp_path / "file").write_bytes(Authority().pem + damaged)
    assert problems(LDAP_CA_FILE=tmp_path / "file") == ["LDAP_CA_FILE names a file with a damaged certificate"]
