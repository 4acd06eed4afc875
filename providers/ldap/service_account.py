"""The service account: the bind on each connection that searches."""

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from time import monotonic

from ldap3.core.results import RESULT_INVALID_DN_SYNTAX, RESULT_NO_SUCH_OBJECT, RESULT_SUCCESS

from config.forks import ForkSafeLock
from config.text import casefold_name
from providers.ldap.client.connection import Connection
from providers.ldap.client.dn import dn_key, similar_key
from providers.ldap.client.errors import BindFailed, PoolExhausted, ServiceBindFailed
from providers.ldap.client.responses import Entry, Response
from providers.ldap.denial import bind_denial_reason
from providers.ldap.setting_types import is_dn
from providers.ldap.settings import LdapSettings

# The time after a refused bind in which the bind is not repeated.
_REFUSED_BIND_PAUSE_SECONDS = 10.0


_WRONG_NAME = {RESULT_INVALID_DN_SYNTAX, RESULT_NO_SUCH_OBJECT}
_SAM_ACCOUNT_NAME, _PRINCIPAL_NAME = "sAMAccountName", "userPrincipalName"


class ServiceAccountEntry:
    """Recognizes the entry of LDAP_BIND_DN, which is a DN or a Windows name."""

    def __init__(self, bind_dn: str | None) -> None:
        self._name = bind_dn
        self._is_dn = bind_dn is None or is_dn(bind_dn)
        self.attributes = () if self._is_dn else (_SAM_ACCOUNT_NAME, _PRINCIPAL_NAME)
        """The attributes that `matches` reads."""

    def matches(self, entry: Entry) -> bool:
        r"""Return whether this is the entry of the service account.

        `EXAMPLE\svc` matches an account `svc` of each domain, because an entry does not have the name EXAMPLE.
        """
        if self._name is None:
            return False
        if self._is_dn:
            return similar_key(dn_key(entry.dn)) == similar_key(dn_key(self._name))
        account = casefold_name(entry.first(_SAM_ACCOUNT_NAME) or "")
        # Each account also has the name `sAMAccountName@domain` ([MS-ADTS] §5.1.1.1.1).
        names = {casefold_name(entry.first(_PRINCIPAL_NAME) or ""), f"{account}@{_dns_domain(entry.dn)}"}
        name = casefold_name(self._name)
        return name.rpartition("\\")[2] == account if "\\" in name else name in names


class ServiceAccount:
    """The account of LDAP_BIND_DN, or an anonymous client if LDAP_BIND_DN is not set. Thread-safe."""

    def __init__(self, settings: LdapSettings) -> None:
        self._dn = settings.bind_dn
        secret = settings.bind_password
        self._password = secret.get_secret_value().encode() if secret else b""
        self._refused_until = 0.0

    def binder(self) -> Callable[[Connection], None]:
        """Return a function that binds a new connection to one server. The function raises LdapError.

        It binds one connection after the other, because concurrent binds with a wrong password could lock the account.
        After a refused bind, no server receives the password for _REFUSED_BIND_PAUSE_SECONDS, because the servers share
        the accounts, and each attempt may count as a failed login.
        """
        return partial(self._bind_in_turn, ForkSafeLock())

    def _bind_in_turn(self, turn: ForkSafeLock, connection: Connection) -> None:
        if self._dn is None:
            return
        if not turn.acquire(timeout=max(0, connection.deadline - monotonic())):
            raise PoolExhausted("the binds before this one took too long")
        try:
            self._bind(connection, self._dn)
        finally:
            turn.release()

    def _bind(self, connection: Connection, dn: str) -> None:
        if monotonic() < self._refused_until:
            raise ServiceBindFailed("the bind as LDAP_BIND_DN was refused a moment ago, and is not repeated yet")
        response = connection.bind(dn, self._password)
        reason = _reason(response)
        # If the password must be changed first, a bind succeeds, and the server then refuses every search.
        if response.code != RESULT_SUCCESS or reason is not None:
            self._refused_until = monotonic() + _REFUSED_BIND_PAUSE_SECONDS
            details = f" ({reason})" if reason else ""
            found = f"the bind as LDAP_BIND_DN failed: {response.code_name}{details}"
            raise ServiceBindFailed(found, response.code, reason)


def _reason(response: Response) -> str | None:
    """Return the denial reason. Other results that deny a user's login say only that LDAP_BIND_DN is wrong."""
    if response.code in _WRONG_NAME:
        return None
    with suppress(BindFailed):
        return bind_denial_reason(response)
    return None


def _dns_domain(dn: str) -> str:
    """Return the DNS name of the domain that contains the entry, such as `ad.example.org`."""
    rdns = dn_key(dn)
    return ".".join(value for rdn in rdns for name, value in rdn if name == "dc") if not isinstance(rdns, str) else ""
