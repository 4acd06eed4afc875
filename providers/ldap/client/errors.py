"""Errors of the LDAP client. No message contains a password, a filter or an attribute value."""

import ssl
from collections.abc import Sequence

from providers.ldap.client.responses import Entry


class LdapError(Exception):
    """An LDAP request failed. Unless the error is a ServerError, other servers would give the same answer."""


class ServiceBindFailed(LdapError):
    """The directory refused the bind of the service account."""

    def __init__(self, found: str, code: int | None = None, reason: str | None = None) -> None:
        super().__init__(found)
        self.code = code
        """The result code (RFC 4511 §4.1.9); `None` if the bind was not tried."""
        self.reason = reason
        """The denial reason, if the result code means one."""


class SearchFailed(LdapError):
    """The server refused a search, or did not finish it."""

    def __init__(self, found: str, code: int) -> None:
        super().__init__(found)
        self.code = code
        """The result code (RFC 4511 §4.1.9)."""


class BindRequired(SearchFailed):
    """The server refused a search because the client is anonymous."""


class InvalidRequest(LdapError):
    """A request contains a text that LDAP cannot express, such as a DN that is not UTF-8. Nothing was sent."""


class IncompleteResult(LdapError):
    """The server returned a part of what was requested, for example because of a limit."""

    def __init__(self, message: str, entries: Sequence[Entry] = ()) -> None:
        super().__init__(message)
        self.entries = tuple(entries)
        """The part."""


class BindFailed(LdapError):
    """The bind of a user failed for a reason other than the user's credentials."""


class ServerError(LdapError):
    """A server is unavailable, or its answer is invalid. Another server may answer."""


class ServerTimeout(ServerError):
    """The server did not answer before the deadline. The next request to it may take as long."""


class ConnectionLost(ServerError):
    """The server closed the connection."""


class PoolExhausted(ServerError):
    """No connection to the server is free, or can be opened in this process. The server itself may be available."""


class RequestRefused(ServerError):
    """The server answered with a result code that concerns this server only, so another server may answer."""

    def __init__(self, found: str, code: int) -> None:
        super().__init__(found)
        self.code = code
        """The result code (RFC 4511 §4.1.9)."""


class RequestUnanswered(ServerError):
    """The server did not answer one request, although it answers others."""


class SlowBindUnanswered(RequestUnanswered):
    """The server did not answer a bind within the time limit of slow binds.

    The bind is not repeated on another server, which would ask the user for a second factor again.
    """


class StartTlsRefused(ServerError):
    """The server refused StartTLS (RFC 4511 §4.14)."""


class CertificateError(ServerError):
    """The certificate of the server failed verification."""

    def __init__(self, error: ssl.SSLCertVerificationError) -> None:
        super().__init__(f"the server's certificate is invalid: {error.verify_message}")
        self.verify_code = error.verify_code
        """OpenSSL's `X509_V_ERR_…` number."""
