"""Errors of the LDAP client. No message contains a password, a filter or an attribute value."""

import ssl


class LdapError(Exception):
    """An LDAP request failed. Unless the error is a ServerError, other servers would give the same answer."""


class ServiceBindFailed(LdapError):
    """The directory refused the bind of the service account."""


class SearchFailed(LdapError):
    """The server refused a search, or did not finish it."""


class InvalidRequest(LdapError):
    """A request contains a text that LDAP cannot express, such as a DN that is not UTF-8. Nothing was sent."""


class IncompleteResult(LdapError):
    """The server returned fewer entries than requested, although more match."""


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


class ServerBusy(ServerError):
    """The server answered that it has too many requests."""


class RequestUnanswered(ServerError):
    """The server did not answer one request, although it answers others."""


class StartTlsRefused(ServerError):
    """The server refused StartTLS (RFC 4511 §4.14)."""


class CertificateError(ServerError):
    """The certificate of the server failed verification."""

    def __init__(self, error: ssl.SSLCertVerificationError) -> None:
        super().__init__(f"the server's certificate is invalid: {error.verify_message}")
        self.verify_code = error.verify_code
        """OpenSSL's `X509_V_ERR_…` number."""
