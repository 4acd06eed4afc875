"""How connections to a server are opened: at the first address of its host where this succeeds."""

import ssl
from collections.abc import Callable

from providers.ldap.client.address import ServerAddress
from providers.ldap.client.connection import Connection
from providers.ldap.client.errors import PoolExhausted, RequestRefused, ServerError, ServerTimeout
from providers.ldap.client.host_addresses import HostAddresses
from providers.ldap.client.resolver import Address


class Connector:
    """Opens connections to one server, and remembers which addresses of its host work. Thread-safe."""

    def __init__(self, server: ServerAddress, tls: ssl.SSLContext) -> None:
        self._server = server
        self._tls = tls
        self._addresses = HostAddresses(server)
        self.certificate = b""
        """The server's certificate at the newest connection, in DER; empty without TLS, or without a connection."""

    def open(self, prepare: Callable[[Connection], object], deadline: float) -> Connection:
        """Return a new connection on which `prepare` has succeeded.

        If an address of the host fails, the next address is tried, and the time to `deadline` (monotonic seconds) is
        shared. Raises ServerTimeout if any address did not answer in time, because the next attempt may take as long,
        or else the ServerError of the last address. Raises any other LdapError of `prepare`, and PoolExhausted.
        """
        errors: list[ServerError] = []
        try:
            for address, attempt_deadline in self._addresses.attempts(deadline):
                try:
                    connection = self._open_at(address, prepare, attempt_deadline)
                except PoolExhausted:
                    raise
                except RequestRefused as error:  # the address answers
                    errors.append(error)
                except ServerError as error:
                    self._addresses.record_failure(address, error)
                    errors.append(error)
                else:
                    self._addresses.record_success(address)
                    return connection
            raise next((error for error in errors if isinstance(error, ServerTimeout)), errors[-1])
        finally:
            del errors  # it would refer to this frame and back, and keep idle connections open

    def is_avoided(self, connection: Connection) -> bool:
        """Return whether the address of the connection has failed since, and the host has an address that has not."""
        return connection.socket_address is not None and self._addresses.is_avoided(connection.socket_address)

    def _open_at(self, address: Address, prepare: Callable[[Connection], object], deadline: float) -> Connection:
        connection = Connection(self._server, self._tls, deadline, address)
        try:
            prepare(connection)
        except BaseException:
            connection.close()
            raise
        self.certificate = connection.certificate()
        return connection
