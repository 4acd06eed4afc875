"""Checks of the network: whether each server's name, port and certificate work."""

import socket
import ssl
from collections.abc import Callable, Generator, Iterator
from datetime import UTC, datetime
from time import monotonic
from typing import Any

from providers.interface import Check
from providers.ldap.client.address import ServerAddress
from providers.ldap.client.connection import Connection
from providers.ldap.client.errors import CertificateError, LdapError, StartTlsRefused
from providers.ldap.settings import LdapSettings

CERT_EXPIRY_WARNING_DAYS = 30

Finding = tuple[str, str | None]
"""What a check found, and the remedy; `None` if the check passed."""

_FIX_NAME = "Correct the host name in LDAP_URL, or the DNS record"
_FIX_CONNECTION = "Check that the directory is running, that LDAP_URL has its port, and that no firewall blocks it"
_FIX_TRUST = "Set LDAP_CA_FILE to a PEM file with the certificate of the authority that signed the certificate"
_FIX_START_TLS = "Configure a certificate on the server, or use ldaps:// in LDAP_URL if the server supports that"
_FIX_CERT_NAME = (
    "Use a host name in LDAP_URL that is in the certificate, or issue a certificate with this name as a "
    "subject alternative name"
)
_RENEW_CERT = "Renew the server's certificate"
# By OpenSSL's verification error, X509_V_ERR_…, for which `ssl` has no constants.
_FIX_CERTIFICATE = {
    9: "Correct the clock of the server or of this machine",  # CERT_NOT_YET_VALID
    10: _RENEW_CERT,  # CERT_HAS_EXPIRED
    62: _FIX_CERT_NAME,  # HOSTNAME_MISMATCH
    64: _FIX_CERT_NAME,  # IP_ADDRESS_MISMATCH
}


def run_check(step: str, find: Callable[[], Finding], remedy: str | Callable[[Exception], str]) -> Check:
    """Return the result of a check with its duration.

    The check fails if `find` raises OSError or LdapError. The remedy is then `remedy`, or the text that the function
    `remedy` returns for the error.
    """
    start = monotonic()
    try:
        found, advice = find()
    except (OSError, LdapError) as error:
        reason = str(getattr(error, "strerror", None) or error)
        return Check(step, "failure", reason, remedy if isinstance(remedy, str) else remedy(error), monotonic() - start)
    return Check(step, "warning" if advice else "ok", found, advice, monotonic() - start)


def check_server(address: ServerAddress, settings: LdapSettings) -> Generator[Check, None, bool]:
    """Yield the checks of one server's name, port and certificate. Return whether the server is usable."""
    yield (resolved := run_check(f"{address}: name", lambda: _resolve(address), _FIX_NAME))
    if resolved.outcome == "failure":
        return False
    timeout = settings.timeout_seconds
    yield (connected := run_check(f"{address}: TCP", lambda: _connect(address, timeout), _FIX_CONNECTION))
    if connected.outcome == "failure":
        return False
    if address.plaintext:
        found = "not used: passwords cross the network unencrypted"
        yield Check(f"{address}: TLS", "warning", found, "Unset LDAP_INSECURE_PLAINTEXT")
        return True
    yield (encrypted := run_check(f"{address}: TLS", lambda: _encrypt(address, settings), _tls_remedy))
    return encrypted.outcome != "failure"


def check_authorities(settings: LdapSettings) -> Iterator[Check]:
    """Yield a warning for each certificate in LDAP_CA_FILE that has expired or expires soon."""
    for certificate in settings.tls_context().get_ca_certs() if settings.ca_file else []:
        days = _days_left(certificate)
        if days < CERT_EXPIRY_WARNING_DAYS:
            found = f"a certificate expires in {days} days" if days >= 0 else "a certificate has expired"
            yield Check("LDAP_CA_FILE", "warning", found, "Add its successor to LDAP_CA_FILE")


def _resolve(address: ServerAddress) -> Finding:
    found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    return ", ".join(dict.fromkeys(str(socket_address[0]) for *_, socket_address in found)), None


def _connect(address: ServerAddress, timeout: float) -> Finding:
    with socket.create_connection((address.host, address.port), timeout) as connected:
        return f"connected to {connected.getpeername()[0]}, port {address.port}", None


def _encrypt(address: ServerAddress, settings: LdapSettings) -> Finding:
    connection = Connection(address, settings.tls_context(), monotonic() + settings.timeout_seconds)
    try:
        return _check_certificate(connection.certificate())
    finally:
        connection.close()


def _tls_remedy(error: Exception) -> str:
    match error:
        case CertificateError():
            return _FIX_CERTIFICATE.get(error.verify_code, _FIX_TRUST)
        case StartTlsRefused():
            return _FIX_START_TLS
        case _:
            return _FIX_CONNECTION


def _check_certificate(certificate: dict[str, Any]) -> Finding:
    names = ", ".join(str(value) for _, value in certificate.get("subjectAltName", ()))
    issuer = {name: value for ((name, value), *_) in certificate.get("issuer", ())}
    authority = issuer.get("commonName") or issuer.get("organizationName")
    days = _days_left(certificate)
    remedy = f"{_RENEW_CERT} before it expires" if days < CERT_EXPIRY_WARNING_DAYS else None
    return f"certificate for {names}, signed by {authority}, valid for {days} days", remedy


def _days_left(certificate: dict[str, Any]) -> int:
    expires_at = datetime.fromtimestamp(ssl.cert_time_to_seconds(str(certificate["notAfter"])), UTC)
    return (expires_at - datetime.now(UTC)).days
