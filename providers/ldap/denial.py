"""Why a directory denies a login: the reasons of `Denied`, from results, controls and attributes of all directories."""

import re
from datetime import UTC, datetime, timedelta

from ldap3.core.results import (
    RESULT_CONSTRAINT_VIOLATION,
    RESULT_INAPPROPRIATE_AUTHENTICATION,
    RESULT_INSUFFICIENT_ACCESS_RIGHTS,
    RESULT_INVALID_CREDENTIALS,
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
from providers.ldap.client.messages import PASSWORD_POLICY
from providers.ldap.client.responses import Entry, Response, children

_RESULT_REASONS = {
    RESULT_INVALID_CREDENTIALS: WRONG_PASSWORD,
    RESULT_INAPPROPRIATE_AUTHENTICATION: WRONG_PASSWORD,  # the entry has no password
    RESULT_INSUFFICIENT_ACCESS_RIGHTS: WRONG_PASSWORD,
    RESULT_NO_SUCH_OBJECT: WRONG_PASSWORD,  # the entry was deleted after the search
    RESULT_CONSTRAINT_VIOLATION: LOCKED,  # 389 Directory Server: too many wrong passwords
    RESULT_UNWILLING_TO_PERFORM: DISABLED,  # 389 Directory Server: inactivated
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

# draft-behera-ldap-password-policy §6.2. The other errors concern password changes.
_POLICY_ERROR_TAG = 0x81
_POLICY_REASONS = {0: PASSWORD_EXPIRED, 1: LOCKED, 2: MUST_CHANGE}

ACCOUNT_ATTRIBUTES = ("userAccountControl", "accountExpires", "pwdAccountLockedTime")
"""The attributes that `is_disabled` reads."""

STATE_ATTRIBUTES = ("msDS-User-Account-Control-Computed", "pwdLastSet", "pwdReset")
"""The attributes that `account_denial_reason` reads in addition."""

_ACCOUNT_DISABLED = 2  # in userAccountControl
_LOCKED_OUT, _EXPIRED = 0x10, 0x800000  # in msDS-User-Account-Control-Computed ([MS-ADTS] §3.1.1.4.5.17)
_NEVER_EXPIRES = {0, 0x7FFFFFFFFFFFFFFF}  # accountExpires
_WINDOWS_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)
_LOCKED_PERMANENTLY = "000001010000Z"  # pwdAccountLockedTime


def bind_denial_reason(response: Response) -> str | None:
    """Return the reason why a bind denies the login; `None` if it authenticates the user.

    Even a successful bind denies the login if the user must change their password first. Raises BindFailed if the
    result does not concern the user's credentials.
    """
    policy_reason = _policy_reason(response.controls.get(PASSWORD_POLICY, b""))
    if response.code == RESULT_SUCCESS:
        return policy_reason if policy_reason == MUST_CHANGE else None
    if response.code not in _RESULT_REASONS:
        raise BindFailed(f"a bind failed: {response.code_name}")
    if response.code != RESULT_INVALID_CREDENTIALS:
        return _RESULT_REASONS[response.code]
    error = _WINDOWS_ERROR.search(response.diagnostic_message)
    return policy_reason or _WINDOWS_REASONS.get(error[1].lower() if error else "", WRONG_PASSWORD)


def is_disabled(entry: Entry, now: datetime) -> bool:
    """Return whether the entry says that its account is disabled, expired, or locked permanently.

    A temporary lock does not count: an attacker can cause it with wrong passwords.
    """
    control, expires = _number(entry, "userAccountControl"), _number(entry, "accountExpires")
    if control & _ACCOUNT_DISABLED or entry.first("pwdAccountLockedTime") == _LOCKED_PERMANENTLY:
        return True
    return expires not in _NEVER_EXPIRES and expires <= (now - _WINDOWS_EPOCH) // timedelta(microseconds=1) * 10


def account_denial_reason(entry: Entry, now: datetime) -> str | None:
    """Return the reason why a login with the correct password is denied; `None` if the entry shows no reason.

    The entry needs ACCOUNT_ATTRIBUTES and STATE_ATTRIBUTES. A temporary lock of OpenLDAP is never the result, because
    the entry does not show when the lock ends.
    """
    if is_disabled(entry, now):
        return DISABLED
    computed = _number(entry, "msDS-User-Account-Control-Computed")
    if computed & _LOCKED_OUT:
        return LOCKED
    must_change = entry.first("pwdLastSet") == "0" or entry.first("pwdReset") == "TRUE"
    return MUST_CHANGE if must_change else PASSWORD_EXPIRED if computed & _EXPIRED else None


def _number(entry: Entry, attribute: str) -> int:
    text = entry.first(attribute) or ""
    return int(text) if re.fullmatch(r"-?[0-9]{1,20}", text) else 0


def _policy_reason(control_value: bytes) -> str | None:
    """Return the reason in a password policy control: SEQUENCE { warning [0] …, error [1] ENUMERATED }."""
    try:
        for _, start, end in children(control_value, 0, len(control_value)):
            for tag, first, last in children(control_value, start, end):
                if tag == _POLICY_ERROR_TAG:
                    return _POLICY_REASONS.get(int.from_bytes(control_value[first:last], "big"))
    except (IndexError, ValueError):  # the control is malformed
        pass
    return None
