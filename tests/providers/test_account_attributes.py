"""The attributes that disable or expire an account: how each value is read, and what it changes."""

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from providers.account_attributes import (
    ACCOUNT_ATTRIBUTES,
    AccountAttribute,
    Effect,
    account_denial_reason,
    attribute_names,
)
from providers.interface import ACCOUNT_EXPIRED, DISABLED, LOCKED, MUST_CHANGE, PASSWORD_EXPIRED

NOW = datetime(2026, 11, 24, tzinfo=UTC)
NOW_IN_WINDOWS = 134_399_520_000_000_000
NOW_IN_DAYS = 20_781
ROOT = Path(__file__).resolve().parents[2]


def denial_reason(attribute: str, value: str, effect: Effect) -> str | None:
    """Return the denial reason of an account with one attribute."""

    def values(name: str) -> Iterable[str]:
        return [value] if name == attribute else []

    return account_denial_reason(values, NOW, effect)


@pytest.mark.parametrize(
    ("attribute", "value", "reason"),
    [
        ("nsAccountLock", "true", DISABLED),
        ("nsAccountLock", "TRUE ", DISABLED),
        ("loginDisabled", "TRUE", DISABLED),
        ("loginExpirationTime", "20261124000000Z", ACCOUNT_EXPIRED),
        ("loginExpirationTime", "20261124005959+0100", ACCOUNT_EXPIRED),
        ("loginExpirationTime", "2026112323-0030", ACCOUNT_EXPIRED),
        ("loginExpirationTime", "20261123235959.999Z", ACCOUNT_EXPIRED),
        ("ds-pwp-account-disabled", "true", DISABLED),
        ("ds-pwp-account-activation-time", "20261124000001Z", DISABLED),
        ("ds-pwp-account-activation-time", "99991231235959-0100", DISABLED),
        ("ds-pwp-account-expiration-time", "20260101000000.000Z", ACCOUNT_EXPIRED),
        ("pwdAccountLockedTime", "000001010000Z", DISABLED),
        ("pwdAccountLockedTime", "00000101000000Z", DISABLED),
        ("pwdStartTime", "20261125000000Z", DISABLED),
        ("pwdEndTime", "20261123000000Z", ACCOUNT_EXPIRED),
        ("ibm-pwdAccountLocked", "true", DISABLED),
        ("userAccountControl", "514", DISABLED),
        ("userAccountControl", "66050", DISABLED),
        ("userAccountControl", "-2147483646", DISABLED),
        ("msDS-UserAccountDisabled", "TRUE", DISABLED),
        ("accountExpires", str(NOW_IN_WINDOWS), ACCOUNT_EXPIRED),
        ("shadowExpire", str(NOW_IN_DAYS), ACCOUNT_EXPIRED),
        ("shadowExpire", "1", ACCOUNT_EXPIRED),
        ("shadowExpire", "0", ACCOUNT_EXPIRED),
        ("krbPrincipalExpiration", "19700101000000Z", ACCOUNT_EXPIRED),
    ],
)
def test_disabled_or_expired_account_is_denied_with_every_effect(attribute: str, value: str, reason: str) -> None:
    assert {denial_reason(attribute, value, effect) for effect in Effect} == {reason}


@pytest.mark.parametrize(
    ("attribute", "value"),
    [
        ("nsAccountLock", "false"),
        ("loginDisabled", "FALSE"),
        ("loginExpirationTime", "20380119031407Z"),
        ("loginExpirationTime", "202611240000-0001"),
        ("ds-pwp-account-activation-time", "20261124000000Z"),
        ("pwdStartTime", "20200101000000Z"),
        ("pwdEndTime", "99991231235959Z"),
        ("userAccountControl", "512"),
        ("accountExpires", "0"),
        ("accountExpires", "9223372036854775807"),
        ("accountExpires", str(NOW_IN_WINDOWS + 10)),
        ("shadowExpire", "-1"),
        ("shadowExpire", str(NOW_IN_DAYS + 1)),
        ("krbPrincipalExpiration", "20261124000001Z"),
        ("krbPasswordExpiration", "20261124000001Z"),
        ("pwdReset", "FALSE"),
        ("pwdLastSet", "133000000000000000"),
        ("lockedByIntruder", "FALSE"),
        ("nsRoleDN", "cn=marketing,dc=x"),
        ("sambaAcctFlags", "[UX         ]"),
        ("sambaKickoffTime", "0"),
        ("inetUserStatus", "Active"),
        ("krbTicketFlags", "128"),
        ("lockoutTime", "0"),
    ],
)
def test_active_account_is_not_denied(attribute: str, value: str) -> None:
    assert {denial_reason(attribute, value, effect) for effect in Effect} == {None}


# A role with any other name is not malformed.
STRICT_ATTRIBUTES = [attribute for attribute in ACCOUNT_ATTRIBUTES if attribute.name not in {"nsRoleDN", "nsRole"}]


@pytest.mark.parametrize("attribute", STRICT_ATTRIBUTES, ids=lambda attribute: attribute.name)
@pytest.mark.parametrize("value", ["", "x", "\0", "20991399000000Z", "20990101000000z", "2099-01-01T00:00Z"])
def test_malformed_value_denies_a_login(attribute: AccountAttribute, value: str) -> None:
    assert denial_reason(attribute.name, value, attribute.effect) is not None


@pytest.mark.parametrize("value", ["20990101000000", "209901010000.5Z", "2099010100Z+", "20990101Z", "2099010Z"])
def test_time_that_is_not_a_generalized_time_denies_a_login(value: str) -> None:
    assert denial_reason("loginExpirationTime", value, Effect.SESSION) == ACCOUNT_EXPIRED


@pytest.mark.parametrize(
    ("attribute", "value", "reason", "strongest"),
    [
        # Wrong passwords cause these, so a stranger must not end a session with them.
        ("pwdAccountLockedTime", "20261123120000Z", LOCKED, Effect.IMPORT),
        ("accountUnlockTime", "19700101000000Z", LOCKED, Effect.IMPORT),
        ("lockedByIntruder", "TRUE", LOCKED, Effect.IMPORT),
        ("msDS-User-Account-Control-Computed", "16", LOCKED, Effect.EXPLANATION),
        # The server computes nsAccountLock from it.
        ("nsRoleDN", "CN = nsManagedDisabledRole, dc=x", DISABLED, Effect.IMPORT),
        ("nsRoleDN", "cn=nsDisabledRole,dc=x", DISABLED, Effect.IMPORT),
        # Only other programs deny these.
        ("sambaAcctFlags", "[UL         ]", DISABLED, Effect.IMPORT),
        ("sambaKickoffTime", "1700000000", ACCOUNT_EXPIRED, Effect.IMPORT),
        ("inetUserStatus", "inactive", DISABLED, Effect.IMPORT),
        ("krbTicketFlags", "192", DISABLED, Effect.IMPORT),
        ("lockoutTime", "133000000000000000", LOCKED, Effect.IMPORT),
        # The password policy decides at the bind, which may grant a grace login.
        ("passwordExpirationTime", "20261123120000Z", PASSWORD_EXPIRED, Effect.EXPLANATION),
        ("msDS-User-Account-Control-Computed", "8388608", PASSWORD_EXPIRED, Effect.EXPLANATION),
        ("pwdReset", "TRUE", MUST_CHANGE, Effect.EXPLANATION),
        ("pwdLastSet", "0", MUST_CHANGE, Effect.EXPLANATION),
        # FreeIPA lets the user bind.
        ("krbPasswordExpiration", "20261123120000Z", PASSWORD_EXPIRED, Effect.LOGIN),
    ],
)
def test_lock_by_wrong_passwords_and_expired_password_do_not_end_a_session(
    attribute: str, value: str, reason: str, strongest: Effect
) -> None:
    found = {effect: denial_reason(attribute, value, effect) for effect in Effect}
    assert found == {effect: reason if effect <= strongest else None for effect in Effect}


def test_one_denying_value_of_several_is_enough() -> None:
    assert account_denial_reason(lambda _: ["false", "true"], NOW, Effect.SESSION) == DISABLED


def test_attributes_are_requested_by_name_once() -> None:
    names = attribute_names(Effect.LOGIN)
    assert {"nsAccountLock", "krbPasswordExpiration", "pwdAccountLockedTime"} <= set(names)
    assert "pwdReset" not in names
    assert len(names) == len(set(names))


def test_every_attribute_is_documented() -> None:
    page = (ROOT / "docs" / "directories.md").read_text("utf-8")
    assert [name for name in attribute_names(Effect.IMPORT) if f"`{name}`" not in page] == []
