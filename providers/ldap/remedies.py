"""The remedies of the doctor for answers of a directory. None of them names a setting that is not set as the fault."""

from collections.abc import Iterable

from ldap3.core.results import (
    RESULT_CONFIDENTIALITY_REQUIRED,
    RESULT_INVALID_DN_SYNTAX,
    RESULT_NO_SUCH_OBJECT,
    RESULT_REFERRAL,
    RESULT_STRONGER_AUTH_REQUIRED,
    RESULT_UNWILLING_TO_PERFORM,
)

from providers.interface import (
    ACCOUNT_EXPIRED,
    DISABLED,
    LOCKED,
    LOGON_HOURS,
    MUST_CHANGE,
    PASSWORD_EXPIRED,
    WORKSTATION,
)
from providers.ldap.client.errors import (
    BindRequired,
    IncompleteResult,
    SearchFailed,
    ServerError,
    ServerTimeout,
    ServiceBindFailed,
)
from providers.ldap.connection_diagnosis import FIX_CONNECTION
from providers.ldap.settings import LdapSettings

_FIX_ACCOUNT = "Correct LDAP_BIND_DN and LDAP_BIND_PASSWORD; the doctor tried the bind once"
_CHANGE_PASSWORD = "Change the password of this account, and set LDAP_BIND_PASSWORD to the new one"  # noqa: S105
_FIX_CODES = {
    RESULT_INVALID_DN_SYNTAX: "Correct LDAP_BIND_DN: for this server, it is not a DN",
    RESULT_NO_SUCH_OBJECT: "Correct LDAP_BIND_DN: no entry has this DN",
    RESULT_UNWILLING_TO_PERFORM: "Enable the account of LDAP_BIND_DN, or permit simple binds over TLS on the server",
}
_FIX_REASONS = {
    LOCKED: "Unlock the account of LDAP_BIND_DN, or wait; the doctor tried the bind once",
    DISABLED: "Enable the account of LDAP_BIND_DN",
    ACCOUNT_EXPIRED: "Extend the account of LDAP_BIND_DN",
    PASSWORD_EXPIRED: _CHANGE_PASSWORD,
    MUST_CHANGE: _CHANGE_PASSWORD,
    LOGON_HOURS: "Permit the account of LDAP_BIND_DN to log in at any hour",
    WORKSTATION: "Permit the account of LDAP_BIND_DN to log in from this machine",
}
_FIX_ANONYMOUS = (
    "Set LDAP_BIND_DN and LDAP_BIND_PASSWORD to an account that may search, or LDAP_USER_DN_TEMPLATE if there is none"
)


class Remedies:
    """The remedies for one configuration."""

    def __init__(self, settings: LdapSettings) -> None:
        self._settings = settings
        self.account = "LDAP_BIND_DN" if settings.bind_dn else "an anonymous client"
        """Who searches."""
        self.user_filter = "LDAP_USER_FILTER" if settings.user_filter else "the default of LDAP_USER_FILTER"

    def grant(self, right: str) -> str:
        """Return how the account gets a right, such as `read access to this DN`."""
        if self._settings.bind_dn:
            return f"grant LDAP_BIND_DN {right}"
        return f"set LDAP_BIND_DN and LDAP_BIND_PASSWORD to an account with {right}"

    def of_bind(self, error: Exception) -> str:
        """Return the remedy for a failed bind of the service account."""
        if isinstance(error, ServiceBindFailed) and error.code is not None:
            if error.code in {RESULT_CONFIDENTIALITY_REQUIRED, RESULT_STRONGER_AUTH_REQUIRED}:
                return self._require_encryption()
            if error.code in _FIX_CODES:
                return _FIX_CODES[error.code]
            return _FIX_REASONS.get(error.reason or "", _FIX_ACCOUNT)
        if isinstance(error, SearchFailed) and not self._settings.bind_dn:
            return _FIX_ANONYMOUS
        return self.of_search(error, _FIX_ACCOUNT)

    def of_search(self, error: Exception, remedy: str) -> str:
        """Return the remedy for a failed search. `remedy` is for answers that concern this search."""
        match error:
            case BindRequired():
                return _FIX_ANONYMOUS
            case SearchFailed(code=code) if code in {RESULT_CONFIDENTIALITY_REQUIRED, RESULT_STRONGER_AUTH_REQUIRED}:
                return self._require_encryption()
            case IncompleteResult():
                return f"Raise the size limit of {self.account} on the server"
            case ServerTimeout():
                return "Index the attributes of the filters in the directory, or increase LDAP_TIMEOUT_SECONDS"
            case ServerError():
                return FIX_CONNECTION
        return remedy

    def of_base(self, error: Exception, variable: str) -> str:
        """Return the remedy for a base DN that cannot be read."""
        if isinstance(error, SearchFailed) and error.code == RESULT_REFERRAL:
            return f"Correct {variable}: the server has no such part of the directory, and refers to another server"
        return self.of_search(error, f"Correct {variable}, or {self.grant('read access to this DN')}")

    def of_users(self, error: Exception) -> str:
        """Return the remedy for users that cannot be searched or read."""
        grant = self.grant(f"the rights to search and read {self._settings.name_attribute}")
        change = "correct LDAP_USERNAME_ATTRIBUTE, or " if self._settings.username_attribute else ""
        return self.of_search(error, _sentence(f"{change}{grant}"))

    def read_one_of(self, attributes: Iterable[str]) -> str:
        """Return the remedy if no attribute of these can be read."""
        return _sentence(self.grant(f"read access to one of: {', '.join(attributes)}"))

    def of_rules(self, error: Exception | None = None) -> str:
        """Return the remedy for groups of role rules that cannot be found."""
        rights = self.grant("read access to them")
        remedy = f"Write the DNs as the directory shows them, create the groups, or {rights}"
        return self.of_search(error, remedy) if error else remedy

    def _require_encryption(self) -> str:
        if self._settings.insecure_plaintext:
            return "Unset LDAP_INSECURE_PLAINTEXT: the server requires an encrypted connection"
        return "Permit simple binds over TLS on the server"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
