"""The LDAP attributes that disable or expire an account, of all directories, as read from an entry or from LDIF."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import IntEnum

from providers.interface import ACCOUNT_EXPIRED, DISABLED, LOCKED, MUST_CHANGE, PASSWORD_EXPIRED


class Effect(IntEnum):
    """What a denying value changes. Each effect includes those above it."""

    IMPORT = 1
    """A user who is imported from LDIF is disabled, because no directory decides their next login."""
    EXPLANATION = 2
    """An explained login is denied. The directory itself decides the login, when the user binds."""
    LOGIN = 3
    """A login is denied, even if the bind succeeds."""
    SESSION = 4
    """A session ends at its next refresh. Wrong passwords, and time limits of passwords, never have this effect."""


@dataclass(frozen=True)
class AccountAttribute:
    """An attribute, and the values with which it denies a login."""

    name: str
    matches: Callable[[str, datetime], bool]
    """Whether a value denies a login now. Raises ValueError if the value is malformed."""
    reason: str
    """The denial reason."""
    effect: Effect

    def denies(self, value: str, now: datetime) -> bool:
        """Return whether the value denies a login now. A malformed value denies it, as the strictest server would."""
        try:
            return self.matches(value.strip(), now)
        except ValueError:
            return True


_FALSE = {"false", "no", "off", "0"}
_GENERALIZED_TIME = re.compile(r"(\d{8})(\d\d(?:\d\d)?|\d{6}(?:[.,]\d+)?)(Z|[+-]\d\d(?:\d\d)?)", re.ASCII)
_UNIX_EPOCH, _WINDOWS_EPOCH = datetime(1970, 1, 1, tzinfo=UTC), datetime(1601, 1, 1, tzinfo=UTC)
_NEVER_EXPIRES = {0, 2**63 - 1}  # accountExpires ([MS-ADA1] §2.2)
_ACCOUNT_DISABLED = 0x2  # in userAccountControl ([MS-ADTS] §2.2.16)
_NO_TICKETS = 0x40  # KRB5_KDB_DISALLOW_ALL_TIX of MIT Kerberos, in krbTicketFlags
_LOCKED_OUT, _EXPIRED = 0x10, 0x800000  # in msDS-User-Account-Control-Computed ([MS-ADTS] §3.1.1.4.5.17)


def _is_true(value: str, _: datetime) -> bool:
    return value.lower() not in _FALSE


def _is_present(_value: str, _now: datetime) -> bool:
    return True


def _is_disabled_role(value: str, _: datetime) -> bool:
    """Return whether a role is one of the two whose members the tools of 389 Directory Server inactivate."""
    return re.match(r"cn *= *ns(managed)?disabledrole *,", value, re.IGNORECASE) is not None


def _is_zero(value: str, _: datetime) -> bool:
    return int(value) == 0


def _is_past(value: str, now: datetime) -> bool:
    return _parse_time(value) <= now


def _is_future(value: str, now: datetime) -> bool:
    return _parse_time(value) > now


def _is_year_zero(value: str, _: datetime) -> bool:
    """Return whether a time is 000001010000Z, which locks an account until an administrator unlocks it."""
    return value.startswith("0000") or _parse_time(value) <= _UNIX_EPOCH


def _is_past_day(value: str, now: datetime) -> bool:
    """Compare a number of days since 1970 as shadow(5) does. Servers read 0 as "never" or as 1970; here it is 1970."""
    return int(value) != -1 and int(value) <= (now - _UNIX_EPOCH).days


def _is_past_filetime(value: str, now: datetime) -> bool:
    """Compare a number of 100 ns since 1601."""
    return int(value) not in _NEVER_EXPIRES and int(value) <= (now - _WINDOWS_EPOCH) // timedelta(microseconds=1) * 10


def _has_flag(flag: int) -> Callable[[str, datetime], bool]:
    return lambda value, _: int(value) & flag != 0


def _is_not_zero(value: str, _: datetime) -> bool:
    return int(value) != 0


def _is_past_unix_time(value: str, now: datetime) -> bool:
    return 0 < int(value) <= now.timestamp()


def _is_not_active(value: str, _: datetime) -> bool:
    return value.lower() not in {"active", "enabled"}


def _has_samba_flag(value: str, _: datetime) -> bool:
    """Return whether the flags, such as `[DU   ]`, disable (D) or lock (L) the account."""
    if not re.fullmatch(r"\[[A-Z ]*\]", value):
        raise ValueError
    return not {"D", "L"}.isdisjoint(value)


def _parse_time(value: str) -> datetime:
    """Return the time of a GeneralizedTime (RFC 4517 §3.3.13). Raises ValueError."""
    match = _GENERALIZED_TIME.fullmatch(value)
    if not match:
        raise ValueError
    return datetime.fromisoformat("{}T{}{}".format(*match.groups()))


ACCOUNT_ATTRIBUTES = (
    # 389 Directory Server and FreeIPA, also computed from the role nsManagedDisabledRole
    AccountAttribute("nsAccountLock", _is_true, DISABLED, Effect.SESSION),
    # eDirectory
    AccountAttribute("loginDisabled", _is_true, DISABLED, Effect.SESSION),
    AccountAttribute("loginExpirationTime", _is_past, ACCOUNT_EXPIRED, Effect.SESSION),
    # OpenDJ and PingDirectory
    AccountAttribute("ds-pwp-account-disabled", _is_true, DISABLED, Effect.SESSION),
    AccountAttribute("ds-pwp-account-activation-time", _is_future, DISABLED, Effect.SESSION),
    AccountAttribute("ds-pwp-account-expiration-time", _is_past, ACCOUNT_EXPIRED, Effect.SESSION),
    # draft-behera-ldap-password-policy §5.3, for example in OpenLDAP
    AccountAttribute("pwdAccountLockedTime", _is_year_zero, DISABLED, Effect.SESSION),
    AccountAttribute("pwdStartTime", _is_future, DISABLED, Effect.SESSION),
    AccountAttribute("pwdEndTime", _is_past, ACCOUNT_EXPIRED, Effect.SESSION),
    # IBM Security Directory Server
    AccountAttribute("ibm-pwdAccountLocked", _is_true, DISABLED, Effect.SESSION),
    # Active Directory, and its edition for applications
    AccountAttribute("userAccountControl", _has_flag(_ACCOUNT_DISABLED), DISABLED, Effect.SESSION),
    AccountAttribute("msDS-UserAccountDisabled", _is_true, DISABLED, Effect.SESSION),
    AccountAttribute("accountExpires", _is_past_filetime, ACCOUNT_EXPIRED, Effect.SESSION),
    # RFC 2307 and Kerberos, which the bind of most directories ignores
    AccountAttribute("shadowExpire", _is_past_day, ACCOUNT_EXPIRED, Effect.SESSION),
    AccountAttribute("krbPrincipalExpiration", _is_past, ACCOUNT_EXPIRED, Effect.SESSION),
    AccountAttribute("krbPasswordExpiration", _is_past, PASSWORD_EXPIRED, Effect.LOGIN),
    # The password policy of the directory decides whether these deny a login.
    AccountAttribute("msDS-User-Account-Control-Computed", _has_flag(_LOCKED_OUT), LOCKED, Effect.EXPLANATION),
    AccountAttribute("pwdLastSet", _is_zero, MUST_CHANGE, Effect.EXPLANATION),
    AccountAttribute("pwdReset", _is_true, MUST_CHANGE, Effect.EXPLANATION),
    AccountAttribute("msDS-User-Account-Control-Computed", _has_flag(_EXPIRED), PASSWORD_EXPIRED, Effect.EXPLANATION),
    AccountAttribute("passwordExpirationTime", _is_past, PASSWORD_EXPIRED, Effect.EXPLANATION),
    # An export of the database (db2ldif) does not have the nsAccountLock that the server computes from it.
    AccountAttribute("nsRoleDN", _is_disabled_role, DISABLED, Effect.IMPORT),
    AccountAttribute("nsRole", _is_disabled_role, DISABLED, Effect.IMPORT),
    # Other programs deny the login of these accounts, and their directory does not.
    AccountAttribute("sambaAcctFlags", _has_samba_flag, DISABLED, Effect.IMPORT),
    AccountAttribute("sambaKickoffTime", _is_past_unix_time, ACCOUNT_EXPIRED, Effect.IMPORT),
    AccountAttribute("inetUserStatus", _is_not_active, DISABLED, Effect.IMPORT),
    AccountAttribute("accountStatus", _is_not_active, DISABLED, Effect.IMPORT),
    AccountAttribute("zimbraAccountStatus", _is_not_active, DISABLED, Effect.IMPORT),
    AccountAttribute("orclIsEnabled", _is_not_active, DISABLED, Effect.IMPORT),
    AccountAttribute("krbTicketFlags", _has_flag(_NO_TICKETS), DISABLED, Effect.IMPORT),
    # Locked after wrong passwords, which may have ended: the entry does not show when a lock ends.
    AccountAttribute("pwdAccountLockedTime", _is_present, LOCKED, Effect.IMPORT),
    AccountAttribute("lockoutTime", _is_not_zero, LOCKED, Effect.IMPORT),
    AccountAttribute("accountUnlockTime", _is_present, LOCKED, Effect.IMPORT),
    AccountAttribute("lockedByIntruder", _is_true, LOCKED, Effect.IMPORT),
)
"""All attributes, in the order in which they give the denial reason."""


def attribute_names(effect: Effect) -> tuple[str, ...]:
    """Return the names of the attributes with this effect, which an entry must be read with.

    Most are operational, so a directory returns them only if a search requests them by name (RFC 4511 §4.5.1.8).
    """
    return tuple(dict.fromkeys(attribute.name for attribute in ACCOUNT_ATTRIBUTES if attribute.effect >= effect))


def account_denial_reason(values: Callable[[str], Iterable[str]], now: datetime, effect: Effect) -> str | None:
    """Return the reason why an account may not log in now; `None` if no attribute with this effect denies it.

    `values` returns the values of an attribute, none if the entry lacks it.
    """
    for attribute in ACCOUNT_ATTRIBUTES:
        if attribute.effect >= effect and any(attribute.denies(value, now) for value in values(attribute.name)):
            return attribute.reason
    return None
