"""Why a connection to a server fails, and the remedy. The port is probed, because most servers only close it."""

from pathlib import Path

from cryptography.x509 import Certificate

from providers.ldap.certificates import authority, days_left, names, read_certificate
from providers.ldap.client.address import ServerAddress
from providers.ldap.client.errors import CertificateError, StartTlsRefused
from providers.ldap.port_probe import Encryption, PortProbe
from providers.ldap.settings import LdapSettings

Finding = tuple[str, str | None]
"""What a check found, and the remedy; `None` if the check passed."""

FIX_CONNECTION = "Check that the directory is running, that LDAP_URL has its port, and that no firewall blocks it"
_PROBE_SECONDS = 3.0  # of each of up to five connections
RENEW_CERTIFICATE = "Renew the server's certificate"
_FIX_START_TLS = "Configure a certificate on the server, or use ldaps:// in LDAP_URL if the server supports that"
_FIX_OUTDATED = "Enable TLS 1.2 or 1.3 on the server"
_FIX_CERTIFICATE_NAME = (
    "Use a host name in LDAP_URL that is in the certificate, or issue a certificate with this name as a "
    "subject alternative name"
)
_FIX_NO_NAME = "Issue a certificate with the host name of LDAP_URL as a subject alternative name"
_USE_LDAPS = "Write ldaps:// instead of ldap:// in LDAP_URL"
_OTHER_PORTS = {
    (Encryption.START_TLS, Encryption.LDAPS): (
        "the port expects TLS from the start, but ldap:// begins with StartTLS",
        f"{_USE_LDAPS}, or the port for StartTLS, usually 389",
    ),
    (Encryption.LDAPS, Encryption.START_TLS): (
        "the port expects StartTLS, but ldaps:// begins with TLS",
        "Write ldap:// instead of ldaps:// in LDAP_URL to use StartTLS, or the port for LDAPS, usually 636",
    ),
    (Encryption.LDAPS, Encryption.NONE): (
        "the port does not use TLS, but ldaps:// begins with TLS",
        "Write the port for LDAPS in LDAP_URL, usually 636, or configure a certificate on the server",
    ),
    (Encryption.START_TLS, Encryption.NONE): ("the server does not support StartTLS", _FIX_START_TLS),
    (Encryption.NONE, Encryption.LDAPS): (
        "the port expects TLS from the start, but LDAP_INSECURE_PLAINTEXT is true",
        f"Unset LDAP_INSECURE_PLAINTEXT. {_USE_LDAPS}, or the port for StartTLS, usually 389",
    ),
    (Encryption.NONE, Encryption.START_TLS): (
        "the server requires StartTLS, but LDAP_INSECURE_PLAINTEXT is true",
        "Unset LDAP_INSECURE_PLAINTEXT",
    ),
}

# OpenSSL's verification errors, X509_V_ERR_…, for which `ssl` has no constants.
_NOT_YET_VALID, _HAS_EXPIRED = 9, 10
_WRONG_NAMES = {62, 64}  # HOSTNAME_MISMATCH, IP_ADDRESS_MISMATCH
_SELF_SIGNED = 18  # DEPTH_ZERO_SELF_SIGNED_CERT
_WEAK_KEYS = {66, 67, 68}  # EE_KEY_TOO_SMALL, CA_KEY_TOO_SMALL, CA_MD_TOO_WEAK


def diagnose_connection(error: Exception, address: ServerAddress, settings: LdapSettings) -> Finding:
    """Return what is wrong with a connection that has failed with this error, and the remedy."""
    probe = PortProbe(address, min(settings.timeout_seconds, _PROBE_SECONDS))
    if isinstance(error, CertificateError):
        return _diagnose_certificate(error, probe.certificate(), settings.ca_file)
    if isinstance(error, StartTlsRefused):
        return str(error), _FIX_START_TLS
    if not address.plaintext:
        if probe.supports_only_outdated_tls():
            return "the server supports only TLS 1.0 or 1.1, which are insecure", _FIX_OUTDATED
        if probe.requests_client_certificate():
            return _diagnose_client_certificate(settings)
    if other := probe.other_encryption():
        return _OTHER_PORTS[Encryption.of(address), other]
    return str(error), FIX_CONNECTION


def _diagnose_client_certificate(settings: LdapSettings) -> Finding:
    if settings.cert_file:
        remedy = "Set LDAP_CERT_FILE to a certificate of an authority that the server trusts, which has not expired"
        return "the server refused the client's certificate", remedy
    remedy = "Set LDAP_CERT_FILE and LDAP_KEY_FILE to a certificate that the server trusts, and its private key"
    return "the server requires a client certificate", remedy


def _diagnose_certificate(error: CertificateError, der: bytes, trusted: Path | None) -> Finding:
    found, code = str(error).rstrip("."), error.verify_code
    certificate = read_certificate(der)
    if code == _NOT_YET_VALID:
        return found, "Correct the clock of the server or of this machine"
    if code in _WEAK_KEYS:
        return found, "Issue a certificate with an RSA key of at least 2048 bits or an elliptic curve, and SHA-256"
    if code in _WRONG_NAMES:
        listed = names(certificate) if certificate else ""
        if not listed:
            return f"{found}: it has no subject alternative name", _FIX_NO_NAME
        return f"{found}: it is for {listed}", _FIX_CERTIFICATE_NAME
    if code == _HAS_EXPIRED:
        return _diagnose_expiry(found, certificate, trusted)
    return _diagnose_trust(found, code, authority(certificate) if certificate else "its authority", trusted)


def _diagnose_expiry(found: str, certificate: Certificate | None, trusted: Path | None) -> Finding:
    if certificate is None or days_left(certificate) < 0:
        return found, RENEW_CERTIFICATE
    place = "LDAP_CA_FILE" if trusted else "the certificates of this system"
    return "the certificate of an authority has expired", f"Add its successor to {place}, or to the server"


def _diagnose_trust(found: str, code: int, signer: str, trusted: Path | None) -> Finding:
    change = "Add to LDAP_CA_FILE" if trusted else "Set LDAP_CA_FILE to a PEM file with"
    if code == _SELF_SIGNED:
        return found, f"{change} this certificate, or issue a certificate that an authority has signed"
    remedy = f"{change} the certificate of {signer}, or configure the server to send all certificates of its chain"
    return f"{found}: the certificate is signed by {signer}", remedy
