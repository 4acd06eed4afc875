"""Which protocol a port speaks, for the remedy after a connection has failed. Nothing secret is sent."""

import ssl
from contextlib import suppress
from dataclasses import replace
from enum import Enum
from time import monotonic
from typing import Any

from providers.ldap.client.address import ServerAddress
from providers.ldap.client.connection import Connection
from providers.ldap.client.errors import LdapError, RequestRefused, SearchFailed
from providers.ldap.client.filters import ANY_ENTRY
from providers.ldap.client.protocol import BASE, DN_ONLY
from providers.ldap.tls_files import unverified_context

_CERTIFICATE_REQUEST = 13  # the type of a handshake message (RFC 8446 §4)


class Encryption(Enum):
    """How a connection is encrypted."""

    LDAPS = "LDAPS"
    START_TLS = "StartTLS"
    NONE = "no encryption"

    @classmethod
    def of(cls, address: ServerAddress) -> "Encryption":
        """Return the encryption that LDAP_URL selects for the server."""
        if address.plaintext:
            return cls.NONE
        return cls.LDAPS if address.ldaps else cls.START_TLS


class PortProbe:
    """Opens connections to one port until one succeeds."""

    def __init__(self, address: ServerAddress, timeout_seconds: float) -> None:
        """`timeout_seconds` is the time limit of each connection."""
        self._address = address
        self._timeout_seconds = timeout_seconds

    def supports_only_outdated_tls(self) -> bool:
        """Return whether the server supports TLS 1.0 or 1.1, with the configured encryption.

        To be called after a connection with a newer version has failed.
        """
        try:
            context = unverified_context(outdated=True)
        except (ValueError, ssl.SSLError):  # OpenSSL on this machine does not have them
            return False
        return self._connects(Encryption.of(self._address), context)

    def requests_client_certificate(self) -> bool:
        """Return whether the server asks for a client certificate, with the configured encryption."""
        received = set()

        def record(*message: Any) -> None:
            received.add(message[4])

        context = unverified_context()
        context._msg_callback = record  # type: ignore[attr-defined]  # noqa: SLF001 - `ssl` has no public equivalent
        self._connects(Encryption.of(self._address), context)
        return _CERTIFICATE_REQUEST in received

    def other_encryption(self) -> Encryption | None:
        """Return an encryption that works on the port and is not the configured one; `None` if there is none."""
        configured, context = Encryption.of(self._address), unverified_context()
        others = (encryption for encryption in Encryption if encryption != configured)
        return next((encryption for encryption in others if self._connects(encryption, context)), None)

    def certificate(self) -> bytes:
        """Return the server's certificate in DER; empty if the connection fails."""
        with suppress(LdapError):
            connection = self._open(Encryption.of(self._address), unverified_context())
            try:
                return connection.certificate()
            finally:
                connection.close()
        return b""

    def _connects(self, encryption: Encryption, context: ssl.SSLContext) -> bool:
        try:
            connection = self._open(encryption, context)
        except LdapError:
            return False
        try:
            if encryption == Encryption.NONE:
                require_response(connection)
        except LdapError:
            return False
        finally:
            connection.close()
        return True

    def _open(self, encryption: Encryption, context: ssl.SSLContext) -> Connection:
        is_ldaps, is_plaintext = encryption == Encryption.LDAPS, encryption == Encryption.NONE
        address = replace(self._address, ldaps=is_ldaps, plaintext=is_plaintext)
        return Connection(address, context, monotonic() + self._timeout_seconds)


def require_response(connection: Connection) -> None:
    """Raise ServerError if the server does not answer an LDAP request. An answer may be a refusal."""
    with suppress(RequestRefused, SearchFailed):
        connection.search("", BASE, ANY_ENTRY, DN_ONLY)
