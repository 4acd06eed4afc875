"""Why a bind denies a login: the reasons of `Denied`, from the results and controls of all directories."""

import re

from ldap3.core.results import (
    RESULT_CONSTRAINT_VIOLATION,
    RESULT_INAPPROPRIATE_AUTHENTICATION,
    RESULT_INSUFFICIENT_ACCESS_RIGHTS,
    RESULT_INVALID_CREDENTIALS,
    RESULT_INVALID_DN_SYNTAX,
    RESULT_NO_SUCH_OBJECT,
    RESULT_SUCCESS,
    RESULT_UNWILLING_TO_PERFORM,
)

from providers.interface import (
    ACCOUNT_EXPIRED,
    DISABLED,
    LOCKED,
    LOGON_HOURS,
    MUST_CHANGE,
    PASSWORD_EXPIRED,
    UNKNOWN_USER,
    WORKSTATION,
    WRONG_PASSWORD,
)
from providers.ldap.client.errors import BindFailed
from providers.ldap.client.password_policy import policy_error
from providers.ldap.client.protocol import PASSWORD_POLICY
from providers.ldap.client.responses import Response

_RESULT_REASONS = {
    RESULT_INVALID_CREDENTIALS: WRONG_PASSWORD,
    RESULT_INAPPROPRIATE_AUTHENTICATION: WRONG_PASSWORD,  # the entry has no password
    RESULT_INSUFFICIENT_ACCESS_RIGHTS: WRONG_PASSWORD,
    RESULT_INVALID_DN_SYNTAX: WRONG_PASSWORD,  # no entry has the DN that LDAP_USER_DN_TEMPLATE makes of the login
    RESULT_NO_SUCH_OBJECT: WRONG_PASSWORD,  # the entry was deleted after the search
    RESULT_CONSTRAINT_VIOLATION: LOCKED,  # 389 Directory Server: too many wrong passwords
    RESULT_UNWILLING_TO_PERFORM: DISABLED,  # 389 Directory Server: inactivated
}

# FreeIPA: the diagnostic message of unwillingToPerform contains one of these texts, unless the account is inactivated.
_FREEIPA_REASONS = {
    "Too many failed logins": LOCKED,
    "Entry permanently locked": LOCKED,
    "(Kerberos principal) is expired": ACCOUNT_EXPIRED,
}

# Active Directory: the diagnostic message contains a Windows error code in hexadecimal.
_WINDOWS_ERROR = re.compile(r"\bdata ([0-9a-fA-F]+),")
_WINDOWS_REASONS = {
    "525": UNKNOWN_USER,
    "52e": WRONG_PASSWORD,
    "530": LOGON_HOURS,
    "531": WORKSTATION,
    "532": PASSWORD_EXPIRED,
    "533": DISABLED,
    "701": ACCOUNT_EXPIRED,
    "773": MUST_CHANGE,
    "775": LOCKED,
}

# eDirectory: the diagnostic message contains its own error, such as "NDS error: bad password (-222)".
_NDS_ERROR = re.compile(r"\bNDS error: .*\((-[0-9]+)\)")
_NDS_REASONS = {
    "-197": LOCKED,
    "-218": LOGON_HOURS,
    "-220": DISABLED,  # also an expired account
    "-222": PASSWORD_EXPIRED,
}

# draft-behera-ldap-password-policy §6.2. The other errors concern password changes.
_POLICY_REASONS = {0: PASSWORD_EXPIRED, 1: LOCKED, 2: MUST_CHANGE}


def bind_denial_reason(response: Response) -> str | None:
    """Return the reason why a bind denies the login; `None` if it authenticates the user.

    Even a successful bind denies the login if the user must change their password first. Raises BindFailed if the
    result does not concern the user's credentials.
    """
    error = policy_error(response.controls.get(PASSWORD_POLICY, b""))
    policy_reason = None if error is None else _POLICY_REASONS.get(error)
    if response.code == RESULT_SUCCESS:
        return policy_reason if policy_reason == MUST_CHANGE else None
    if response.code not in _RESULT_REASONS:
        raise BindFailed(f"a bind failed: {response.code_name}")
    if nds_error := _NDS_ERROR.search(response.diagnostic_message):
        return _NDS_REASONS.get(nds_error[1], _RESULT_REASONS[response.code])
    if response.code == RESULT_UNWILLING_TO_PERFORM:
        texts = (text for text in _FREEIPA_REASONS if text in response.diagnostic_message)
        return _FREEIPA_REASONS.get(next(texts, ""), DISABLED)
    if response.code != RESULT_INVALID_CREDENTIALS:
        return _RESULT_REASONS[response.code]
    windows_error = _WINDOWS_ERROR.search(response.diagnostic_message)
    return policy_reason or _WINDOWS_REASONS.get(windows_error[1].lower() if windows_error else "", WRONG_PASSWORD)
