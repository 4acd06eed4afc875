"""The directory: operations run on an available server."""

from collections.abc import Callable, Iterator
from functools import cached_property
from typing import TypeVar

from config.errors import translate_errors
from providers.interface import Overloaded, ProviderUnavailable, RequestFailed
from providers.ldap.client.errors import (
    BindRequired,
    LdapError,
    PoolExhausted,
    RequestUnanswered,
    ServerError,
    ServiceBindFailed,
)
from providers.ldap.client.failover import Failover, Server
from providers.ldap.client.session import ServiceSession
from providers.ldap.service_account import ServiceAccount
from providers.ldap.settings import LdapSettings

T = TypeVar("T")

# The share of LDAP_TIMEOUT_SECONDS for the directory. The rest is for other work of the login, such as hashing.
_TIMEOUT_SHARE = 0.9


class Directory:
    """The servers of LDAP_URL with their connections. Thread-safe. The first operation opens the first connection."""

    def __init__(self, settings: LdapSettings) -> None:
        self._settings = settings
        account = ServiceAccount(settings)
        self.tls = settings.tls_context()
        """The TLS context of all connections."""
        self.servers = [
            Server(
                address,
                self.tls,
                settings.pool_size,
                account.binder(),
                probe_dn=settings.base_dn[0],
                bind_timeout_seconds=settings.bind_timeout_seconds,
            )
            for address in settings.servers
        ]
        self._failover = Failover(self.servers, settings.timeout_seconds * _TIMEOUT_SHARE)

    def run(self, operation: Callable[[ServiceSession], T]) -> T:
        """Return the result of the operation. If a server is unavailable, the operation runs again on the next server.

        In place of an LdapError, raises ProviderUnavailable with the reason for the log, or its subclass RequestFailed
        if the error concerns this operation only, or Overloaded if all connections are in use.
        """
        with translate_errors(LdapError, to=_provider_error):
            return self._failover.run(lambda server, deadline: operation(ServiceSession(server, deadline)))

    def certificates(self) -> Iterator[tuple[str, float]]:
        """Yield when certificates expire, those of servers as of their newest connection: see `CertificateSource`."""
        from providers.ldap.certificates import read_certificate  # it imports cryptography

        for server in self.servers:
            if certificate := read_certificate(server.connector.certificate):
                yield str(server.address), certificate.not_valid_after_utc.timestamp()
        yield from self._file_expiries

    @cached_property
    def _file_expiries(self) -> list[tuple[str, float]]:
        from providers.ldap.certificates import file_expiries

        # Read once: the TLS context keeps the files of the start, too.
        return [*file_expiries(self._settings)]


def _provider_error(error: LdapError) -> Exception:
    match error:
        case PoolExhausted():
            return Overloaded(str(error))
        case RequestUnanswered():
            return RequestFailed(str(error))
        case BindRequired():
            return RequestFailed(f"{error}, and LDAP_BIND_DN is not set")
        case ServerError() | ServiceBindFailed():
            return ProviderUnavailable(str(error))
        case _:  # an answer to this operation: other operations may succeed
            return RequestFailed(str(error))
