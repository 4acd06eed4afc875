"""What certificates say: their names, their authority, and when they expire."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime

from cryptography import x509
from cryptography.x509.oid import NameOID

from config.files import UnusableFile, read_file
from providers.ldap.settings import LdapSettings
from providers.ldap.tls_files import PEM_CERTIFICATE


def read_certificates(pem: bytes) -> Iterator[x509.Certificate]:
    """Yield the certificates in a PEM file, in order. Those that `cryptography` cannot read are left out."""
    for block in PEM_CERTIFICATE.findall(pem):
        try:
            yield x509.load_pem_x509_certificate(block)
        except ValueError:  # it is stricter than OpenSSL, which accepts the certificate
            continue


def read_certificate(der: bytes) -> x509.Certificate | None:
    """Return the certificate of a server; `None` if `cryptography` cannot read it."""
    try:
        return x509.load_der_x509_certificate(der)
    except ValueError:
        return None


def newest(certificates: Iterable[x509.Certificate]) -> list[x509.Certificate]:
    """Return the certificates without those that one of the same subject in the list has succeeded."""
    by_subject: dict[x509.Name, x509.Certificate] = {}
    for certificate in sorted(certificates, key=lambda one: one.not_valid_after_utc):
        by_subject[certificate.subject] = certificate
    return [*by_subject.values()]


def days_left(certificate: x509.Certificate) -> int:
    """Return the number of whole days until the certificate expires; negative if it has expired."""
    return (certificate.not_valid_after_utc - datetime.now(UTC)).days


def file_expiries(settings: LdapSettings) -> Iterator[tuple[str, float]]:
    """Yield each setting that names a file of certificates, and when the first of them expires (Unix time)."""
    for variable, path in (("LDAP_CA_FILE", settings.ca_file), ("LDAP_CERT_FILE", settings.cert_file)):
        with suppress(UnusableFile):  # it was read at the start
            if certificates := newest(read_certificates(read_file(path)[0])) if path else []:
                yield variable, min(one.not_valid_after_utc.timestamp() for one in certificates)


def names(certificate: x509.Certificate) -> str:
    """Return the subject alternative names, comma-separated; an empty text if there are none."""
    try:
        listed = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, x509.ExtensionNotFound):
        return ""
    return ", ".join(str(name.value) for name in listed)


def authority(certificate: x509.Certificate) -> str:
    """Return the name of the authority that signed the certificate."""
    for kind in (NameOID.COMMON_NAME, NameOID.ORGANIZATION_NAME):
        if found := certificate.issuer.get_attributes_for_oid(kind):
            return str(found[0].value)
    return certificate.issuer.rfc4514_string()
