"""The directory: connections to it, and what is asked over them."""

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from ldap3 import ANONYMOUS, NONE, SAFE_SYNC, SIMPLE, SUBTREE, Connection, Server, Tls
from ldap3.core.exceptions import LDAPException
from ldap3.core.results import (
    RESULT_CONSTRAINT_VIOLATION,
    RESULT_INAPPROPRIATE_AUTHENTICATION,
    RESULT_INSUFFICIENT_ACCESS_RIGHTS,
    RESULT_INVALID_CREDENTIALS,
    RESULT_NO_SUCH_OBJECT,
    RESULT_SIZE_LIMIT_EXCEEDED,
    RESULT_SUCCESS,
    RESULT_UNWILLING_TO_PERFORM,
)

from providers.interface import ProviderUnavailable
from providers.ldap.settings import LdapSettings

# What directories answer to a bind that proves nobody: wrong, without a password, locked, or gone.
_DENIALS = {
    RESULT_INVALID_CREDENTIALS,
    RESULT_INAPPROPRIATE_AUTHENTICATION,
    RESULT_UNWILLING_TO_PERFORM,
    RESULT_CONSTRAINT_VIOLATION,
    RESULT_INSUFFICIENT_ACCESS_RIGHTS,
    RESULT_NO_SUCH_OBJECT,
}


@dataclass(frozen=True)
class Entry:
    """An entry of the directory; attribute names are in lower case."""

    dn: str
    attributes: dict[str, list[str]]

    def first(self, attribute: str) -> str | None:
        """Return the attribute's first value, `None` if it has none."""
        return next(iter(self.attributes.get(attribute.lower(), [])), None)


class Directory:
    """One LDAP server. Thread-safe: each session is a connection of its own.

    Every method raises ProviderUnavailable, with the reason for the log, if it gets no proper answer.
    """

    def __init__(self, settings: LdapSettings) -> None:
        self._settings = settings

    @contextmanager
    def service_session(self) -> Iterator["Session"]:
        """Enter a session as the service account, or anonymously where there is none."""
        secret = self._settings.bind_password
        with self._connection(self._settings.bind_dn, secret.get_secret_value() if secret else None) as connection:
            result = _answered(connection.bind)[1]
            if result["result"] != RESULT_SUCCESS:
                raise ProviderUnavailable(f"ldap: the bind as LDAP_BIND_DN failed: {result['description']}")
            yield Session(connection, self._settings.timeout_seconds)

    def proves(self, dn: str, password: str) -> bool:
        """Say whether a bind with this password succeeds, on a connection that is for nothing else."""
        if not password:  # RFC 4513 §5.1.2: without a password a bind succeeds, and proves nothing
            return False
        with self._connection(dn, password) as connection:
            result = _answered(connection.bind)[1]
        if result["result"] == RESULT_SUCCESS:
            return True
        if result["result"] in _DENIALS:
            return False
        raise ProviderUnavailable(f"ldap: the bind of a user failed: {result['description']}")

    @contextmanager
    def _connection(self, dn: str | None, password: str | None) -> Iterator[Connection]:
        connection = Connection(
            self._server(),
            user=dn,
            # As bytes, or ldap3 would change it first (SASLprep).
            password=password.encode() if password else None,  # type: ignore[arg-type]
            authentication=SIMPLE if dn else ANONYMOUS,
            client_strategy=SAFE_SYNC,
            receive_timeout=self._settings.timeout_seconds,
            check_names=False,
            auto_referrals=False,
        )
        try:
            _answered(lambda: self._open(connection))
            yield connection
        finally:
            with suppress(LDAPException, OSError):
                connection.unbind()
            if connection.socket:  # ldap3 leaves it open where the opening itself failed
                connection.socket.close()

    def _server(self) -> Server:
        # Anew for each connection: ldap3 remembers for seconds that a server was out, and refuses to try.
        url = urlsplit(self._settings.url)
        tls = Tls(
            validate=ssl.CERT_REQUIRED,
            # Named, or ldap3 loads the system's certificates each time, whatever LDAP_CA_FILE says.
            version=ssl.PROTOCOL_TLS_CLIENT,
            ca_certs_file=str(self._settings.ca_file) if self._settings.ca_file else None,
            sni=url.hostname,
        )
        return Server(
            url.hostname or "",
            port=url.port,
            use_ssl=self._settings.tls_from_the_start,
            tls=tls,
            get_info=NONE,
            connect_timeout=self._settings.timeout_seconds,
        )

    def _open(self, connection: Connection) -> None:
        connection.open()
        # ldap3 leaves it off, and Nagle's algorithm then holds the bind back for 40 ms.
        connection.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._settings.upgrades_to_tls:
            connection.start_tls()
            if not connection.tls_started:
                raise ProviderUnavailable("ldap: StartTLS was refused, so nothing was sent")


class Session:
    """A bound connection to search on."""

    def __init__(self, connection: Connection, timeout: int) -> None:
        self._connection = connection
        self._timeout = timeout

    def search(self, base: str, search_filter: str, attributes: list[str], at_most: int = 0) -> list[Entry]:
        """Return the matching entries below `base`; with `at_most`, no more than that many."""
        _, result, response, _ = _answered(
            lambda: self._connection.search(
                base,
                search_filter,
                SUBTREE,
                attributes=attributes,
                size_limit=at_most,
                time_limit=self._timeout,
            )
        )
        complete = {RESULT_SUCCESS, RESULT_SIZE_LIMIT_EXCEEDED} if at_most else {RESULT_SUCCESS}
        if result["result"] not in complete:
            raise ProviderUnavailable(f"ldap: a search below a base DN failed: {result['description']}")
        # Active Directory adds referrals, which are no entries.
        return [_entry(item) for item in response or [] if item["type"] == "searchResEntry"]


def _entry(item: Any) -> Entry:
    attributes = {
        name.lower(): [value.decode("utf-8", "replace") for value in values]
        for name, values in item["raw_attributes"].items()
    }
    return Entry(item["dn"], attributes)


def _answered(ask: Any) -> Any:
    try:
        return ask()
    except (LDAPException, OSError, UnicodeError) as error:
        raise ProviderUnavailable(f"ldap: {type(error).__name__}: {error}") from None
