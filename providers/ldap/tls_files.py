"""The files of certificates and keys that the settings name, and the TLS context that they make.

A ValueError is the predicate of a sentence about the variable, and never quotes a file.
"""

import re
import ssl
from pathlib import Path
from warnings import catch_warnings

from config.files import UnusableFile, read_file

PEM_CERTIFICATE = re.compile(rb"-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----.+?-----END [A-Z0-9 ]+-----", re.DOTALL)
"""A certificate in a PEM file (RFC 7468 §5)."""
# A sequence of more than 127 octets. PFX in RFC 7292 §4 is one that begins with the version 3.
_DER = re.compile(rb"\x30(?:\x80|\x81.|\x82..|\x83...|\x84....)", re.DOTALL)
_PKCS12 = re.compile(_DER.pattern + rb"\x02\x01\x03", re.DOTALL)
_CONVERT_PKCS12 = "extract a PEM file from it with `openssl pkcs12`"


def validate_authorities(path: Path) -> Path:
    """Return the path of a file with one or more certificates to trust. Raises ValueError."""
    _require_certificate(_read(path))
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
    except OSError:  # ssl.SSLError is a subclass
        raise ValueError("names a file with a damaged certificate") from None
    return path


def validate_client_certificate(path: Path) -> Path:
    """Return the path of a file with the client's certificate, and possibly its chain. Raises ValueError."""
    _require_certificate(_read(path))
    return path


def validate_client_key(path: Path, certificate: Path) -> Path:
    """Return the path of the private key of the client's certificate. Raises ValueError."""
    content = _read(path)
    if _PKCS12.match(content):
        raise ValueError(f"names a PKCS#12 file: {_CONVERT_PKCS12}")
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(certificate, path, _refuse_encrypted_key)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise ValueError("names a private key that does not belong to the certificate in LDAP_CERT_FILE") from None
        raise ValueError("names a file without a private key in PEM, or LDAP_CERT_FILE is damaged") from None
    return path


def client_context(authorities: Path | None, certificate: Path | None, key: Path | None) -> ssl.SSLContext:
    """Return a context that requires a trusted certificate for the host name of the server.

    `authorities` is the file with the certificates to trust; `None` means those of the system. Each of them may be a
    root, an intermediate authority, or the certificate of the server itself, as by default since Python 3.13.
    `certificate` and `key` are shown to servers that require a client certificate.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.hostname_checks_common_name = False  # only the subject alternative names count (RFC 9525 §6.3)
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    if authorities:
        context.load_verify_locations(authorities)
    else:
        context.load_default_certs()
    if certificate:
        context.load_cert_chain(certificate, key, _refuse_encrypted_key)
    return context


def unverified_context(*, outdated: bool = False) -> ssl.SSLContext:
    """Return a context that accepts every certificate and cipher, for the doctor, which sends no credentials with it.

    With `outdated`, it supports only the versions of TLS that `client_context` refuses: 1.0 and 1.1.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    if outdated:
        with catch_warnings(action="ignore", category=DeprecationWarning):
            context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    return context


def _read(path: Path) -> bytes:
    try:
        content, _ = read_file(path)
    except UnusableFile as error:
        raise ValueError(f"names a file that {error}") from None
    if not content.strip():
        raise ValueError("names a file that is empty")
    return content


def _require_certificate(content: bytes) -> None:
    if PEM_CERTIFICATE.search(content):
        return
    if _PKCS12.match(content):
        raise ValueError(f"names a PKCS#12 file: {_CONVERT_PKCS12}")
    if _DER.match(content):
        raise ValueError("names a file in DER: convert it to PEM with `openssl x509 -inform der`")
    if b"-----BEGIN PKCS7-----" in content:
        raise ValueError("names a PKCS#7 file: convert it with `openssl pkcs7 -print_certs`")
    raise ValueError("names a file without a certificate")


def _refuse_encrypted_key() -> str:
    raise ValueError("names a private key that needs a passphrase: remove it with `openssl pkey`")
