"""The address of a directory server."""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

_HOST_AND_PORT = re.compile(r"[A-Za-z0-9._-]+(:\d+)?|\[[0-9A-Fa-f:.]+\](:\d+)?")
_DEFAULT_PORTS = {"ldap": 389, "ldaps": 636}


@dataclass(frozen=True)
class ServerAddress:
    """The host and port of a server, and how the connection is encrypted."""

    host: str
    port: int
    ldaps: bool = False
    """TLS starts with the connection. Otherwise StartTLS is the first request (RFC 4511 §4.14)."""
    plaintext: bool = False
    """The connection is not encrypted."""

    @property
    def certificate_name(self) -> str:
        """The host name as certificates contain it: without the dot with which an absolute name may end."""
        return self.host.removesuffix(".")

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_server_url(url: str, *, plaintext: bool = False) -> ServerAddress:
    """Return the address in an ldap:// or ldaps:// URL.

    Raises ValueError if the URL is invalid. The message is a predicate, and never quotes the URL.
    """
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").encode("idna").decode()
        is_valid = parts.scheme in _DEFAULT_PORTS and host != "" and parts.port != 0
    except ValueError:  # its message contains the host or the port
        is_valid = False
    if not is_valid:
        raise ValueError("is not an ldap:// or ldaps:// URL with a host")
    if not _HOST_AND_PORT.fullmatch(parts.netloc) or parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError("must have only a host and a port")
    port = parts.port or _DEFAULT_PORTS[parts.scheme]
    return ServerAddress(host, port, ldaps=parts.scheme == "ldaps", plaintext=plaintext)
