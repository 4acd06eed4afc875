"""Checks of the network: whether each server's name, port and certificate work."""

import ssl
from collections.abc import Callable, Generator, Iterator
from time import monotonic

from config.files import UnusableFile, read_file
from providers.interface import Check
from providers.ldap.certificates import authority, days_left, names, newest, read_certificate, read_certificates
from providers.ldap.client.address import ServerAddress
from providers.ldap.client.connection import Connection
from providers.ldap.client.errors import LdapError
from providers.ldap.client.resolver import resolve
from providers.ldap.client.transport import open_socket
from providers.ldap.connection_diagnosis import FIX_CONNECTION, RENEW_CERTIFICATE, Finding, diagnose_connection
from providers.ldap.port_probe import require_response
from providers.ldap.settings import LdapSettings

CERT_EXPIRY_WARNING_DAYS = 30

_FIX_NAME = "Correct the host name in LDAP_URL, or the DNS record"
_FIX_RESOLVER = "Correct the DNS servers of this machine, which do not answer"


def run_check(step: str, find: Callable[[], Finding], diagnose: Callable[[Exception], Finding]) -> Check:
    """Return the result of a check with its duration.

    If `find` raises OSError or LdapError, the check fails with what `diagnose` returns for the error.
    """
    start = monotonic()
    try:
        found, remedy = find()
    except (OSError, LdapError) as error:
        found, remedy = diagnose(error)
        return Check(step, "failure", found, remedy, monotonic() - start)
    return Check(step, "warning" if remedy else "ok", found, remedy, monotonic() - start)


def with_remedy(remedy: Callable[[Exception], str]) -> Callable[[Exception], Finding]:
    """Return a diagnosis whose finding is the text of the error."""
    return lambda error: (str(getattr(error, "strerror", None) or error), remedy(error))


def check_server(address: ServerAddress, settings: LdapSettings, tls: ssl.SSLContext) -> Generator[Check, None, bool]:
    """Yield the checks of one server's name, port and certificate. Return whether the server is usable."""
    timeout = settings.timeout_seconds
    yield (resolved := run_check(f"{address}: name", lambda: _resolve(address, timeout), _diagnose_name))
    if resolved.outcome == "failure":
        return False
    yield (connected := run_check(f"{address}: TCP", lambda: _connect(address, timeout), with_remedy(_fix_connection)))
    if connected.outcome == "failure":
        return False
    if address.plaintext:
        found = "not used: passwords cross the network unencrypted"
        yield Check(f"{address}: TLS", "warning", found, "Unset LDAP_INSECURE_PLAINTEXT")
    yield (
        answered := run_check(
            f"{address}: {'LDAP' if address.plaintext else 'TLS'}",
            lambda: _request(address, tls, timeout),
            lambda error: diagnose_connection(error, address, settings),
        )
    )
    return answered.outcome != "failure"


def check_certificate_files(settings: LdapSettings) -> Iterator[Check]:
    """Yield a warning for each certificate in LDAP_CA_FILE and LDAP_CERT_FILE that has expired or expires soon."""
    files = {
        "LDAP_CA_FILE": (settings.ca_file, "Add its successor to LDAP_CA_FILE"),
        "LDAP_CERT_FILE": (settings.cert_file, "Renew it: the server may refuse it"),
    }
    for variable, (path, remedy) in files.items():
        try:
            certificates = [*read_certificates(read_file(path)[0])] if path else []
        except UnusableFile as error:
            yield Check(variable, "warning", f"the file {error}", "Restore it before the next start of the service")
            continue
        for days in map(days_left, newest(certificates)):
            if days < CERT_EXPIRY_WARNING_DAYS:
                found = f"a certificate expires in {days} days" if days >= 0 else "a certificate has expired"
                yield Check(variable, "warning", found, remedy)


def _resolve(address: ServerAddress, timeout: float) -> Finding:
    found = resolve(address.host, address.port, timeout)
    return ", ".join(dict.fromkeys(str(socket_address[0]) for *_, socket_address in found)), None


def _diagnose_name(error: Exception) -> Finding:
    if isinstance(error, TimeoutError):
        return "the name was not resolved in time", _FIX_RESOLVER
    return str(getattr(error, "strerror", None) or error), _FIX_NAME


def _fix_connection(_: Exception) -> str:
    return FIX_CONNECTION


def _connect(address: ServerAddress, timeout: float) -> Finding:
    with open_socket(address, monotonic() + timeout) as connected:
        return f"connected to {connected.getpeername()[0]}, port {address.port}", None


def _request(address: ServerAddress, tls: ssl.SSLContext, timeout: float) -> Finding:
    """Open a connection and send a request, without which a client certificate that is missing shows no effect."""
    connection = Connection(address, tls, monotonic() + timeout)
    try:
        der = connection.certificate()
        require_response(connection)
    finally:
        connection.close()
    return ("the server answers", None) if address.plaintext else _check_certificate(der)


def _check_certificate(der: bytes) -> Finding:
    certificate = read_certificate(der)
    if certificate is None:
        return "the certificate is trusted", None
    days = days_left(certificate)
    remedy = f"{RENEW_CERTIFICATE} before it expires" if days < CERT_EXPIRY_WARNING_DAYS else None
    return f"certificate for {names(certificate)}, signed by {authority(certificate)}, valid for {days} days", remedy
