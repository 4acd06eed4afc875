"""Connections of the LDAP client to a scripted server, and its responses to one request."""

import ssl
from collections.abc import Iterator
from contextlib import closing, contextmanager
from time import monotonic

from providers.ldap.client.address import ServerAddress
from providers.ldap.client.connection import Connection
from providers.ldap.client.filters import ANY_ENTRY
from providers.ldap.client.protocol import SUBTREE
from providers.ldap.client.responses import Response
from tests.servers.ldap_messages import entry
from tests.servers.scripted_ldap import BIND_REQUEST, SEARCH_REQUEST, RawResponse, scripted_ldap

TLS = ssl.create_default_context()
ZOE = entry("uid=zoe,dc=x", {"uid": ["zoe"]})
SECONDS = 20.0  # for a whole test; a fault must be reported long before


@contextmanager
def connected(tag: bytes, response: RawResponse, *, plaintext: bool = True) -> Iterator[Connection]:
    """Yield a connection to a server that answers requests with this tag."""
    with scripted_ldap({tag: response}) as port:
        address = ServerAddress("127.0.0.1", port, plaintext=plaintext)
        with closing(Connection(address, TLS, monotonic() + SECONDS)) as connection:
            yield connection


def bind(response: RawResponse) -> Response:
    """Return the response to a bind that the server answers like this."""
    with connected(BIND_REQUEST, response) as connection:
        return connection.bind("cn=x", b"a password")


def search(response: RawResponse) -> Response:
    """Return the response to a search that the server answers like this."""
    with connected(SEARCH_REQUEST, response) as connection:
        return connection.search("dc=x", SUBTREE, ANY_ENTRY, ["uid"], page_size=10)
