"""Why a directory lets nobody in, in words that are the same for every directory."""

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
    ProviderUnavailable,
)
from providers.ldap.client.answers import Answer, Entry, children
from providers.ldap.client.messages import PASSWORD_POLICY

# Active Directory: a Windows error, in hexadecimal, within the diagnostic message.
_SUB_CODE = re.compile(r"\bdata ([0-9a-fA-F]+),")
_WINDOWS = {
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
# draft-behera-ldap-password-policy §6.2; the others are about changing a password.
_ERROR = 0x81
_POLICY = {0: PASSWORD_EXPIRED, 1: LOCKED, 2: MUST_CHANGE}
_CODES = {
    RESULT_INVALID_CREDENTIALS: WRONG_PASSWORD,
    RESULT_INAPPROPRIATE_AUTHENTICATION: WRONG_PASSWORD,  # the entry has no password
    RESULT_INSUFFICIENT_ACCESS_RIGHTS: WRONG_PASSWORD,
    RESULT_NO_SUCH_OBJECT: WRONG_PASSWORD,  # it is gone since it was found
    RESULT_CONSTRAINT_VIOLATION: LOCKED,  # 389 Directory Server: too many wrong passwords
    RESULT_UNWILLING_TO_PERFORM: DISABLED,  # 389 Directory Server: inactivated
}

ACCOUNT_ATTRIBUTES = ("userAccountControl", "accountExpires", "pwdAccountLockedTime")
"""What `is_disabled` wants to see of an entry."""

STATE_ATTRIBUTES = ("msDS-User-Account-Control-Computed", "pwdLastSet", "pwdReset")

_ACCOUNT_DISABLED = 2  # in userAccountControl
_LOCKED_OUT, _EXPIRED = 0x10, 0x800000  # in msDS-User-Account-Control-Computed ([MS-ADTS] §3.1.1.4.5.17)
_NEVER = {0, 0x7FFFFFFFFFFFFFFF}
_WINDOWS_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)
_FOR_GOOD = "000001010000Z"


def bind_denial_reason(answer: Answer) -> str | None:
    """Return why this bind proves nobody, `None` if it proves them. Raises ProviderUnavailable if it says neither.

    A bind may succeed and yet prove nobody: who must change their password first may do nothing else.
    """
    policy = _policy_error(answer.controls.get(PASSWORD_POLICY, b""))
    if answer.code == RESULT_SUCCESS:
        return policy if policy == MUST_CHANGE else None
    if answer.code not in _CODES:
        raise ProviderUnavailable(f"ldap: the bind of a user failed: {answer.name}")
    if answer.code != RESULT_INVALID_CREDENTIALS:
        return _CODES[answer.code]
    sub_code = _SUB_CODE.search(answer.text)
    return policy or _WINDOWS.get(sub_code[1].lower() if sub_code else "", WRONG_PASSWORD)


def is_disabled(entry: Entry, now: datetime) -> bool:
    """Say whether the entry itself tells that its account is disabled or expired, or locked for good.

    A lock that ends by itself is none: it is how anybody may keep somebody out for a while.
    """
    control, expires = _number(entry, "userAccountControl"), _number(entry, "accountExpires")
    if control & _ACCOUNT_DISABLED or entry.first("pwdAccountLockedTime") == _FOR_GOOD:
        return True
    return expires not in _NEVER and expires <= (now - _WINDOWS_EPOCH) // timedelta(microseconds=1) * 10


def account_denial_reason(entry: Entry, now: datetime) -> str | None:
    """Return why the right password would not do now, as far as the entry tells; `None` if nothing speaks against it.

    It wants to see STATE_ATTRIBUTES too. A lock of OpenLDAP that ends by itself does not tell when.
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


def _policy_error(value: bytes) -> str | None:
    """Return what the control tells beside the result: SEQUENCE { warning [0] …, error [1] ENUMERATED }."""
    try:
        for _, start, end in children(value, 0, len(value)):
            for tag, first, last in children(value, start, end):
                if tag == _ERROR:
                    return _POLICY.get(int.from_bytes(value[first:last], "big"))
    except (IndexError, ValueError):
        pass
    return None
