"""The reasons of denied logins: the same for every directory, in the log and never in the HTTP response."""

import pytest

from app import create_app
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
    Denied,
)
from providers.ldap import SearchProvider
from providers.ldap.client.errors import BindFailed
from providers.ldap.client.protocol import PASSWORD_POLICY
from providers.ldap.client.responses import Response
from providers.ldap.denial import bind_denial_reason
from tests.servers.slapd import AGING, GRACIOUS, RESET, STRICT, Slapd, person_dn
from tests.support.audit_events import events_in
from tests.support.directories import ldap_provider
from tests.support.stores import SECRET_KEY
from tests.support.users import SampleUser

PERMANENTLY = "000001010000Z"
LONG_AGO = "20200101000000Z"
PASSWORD = "the password of each user"


@pytest.fixture(scope="module")
def directory(slapd: Slapd) -> Slapd:
    """The shared directory, with users whose logins are denied for different reasons."""
    policies = {
        "locked": {"pwdAccountLockedTime": PERMANENTLY},
        "aged": {"pwdPolicySubentry": AGING, "pwdChangedTime": LONG_AGO},
        "gracious": {"pwdPolicySubentry": GRACIOUS, "pwdChangedTime": LONG_AGO},
        "reset": {"pwdPolicySubentry": RESET, "pwdReset": "TRUE"},
        "strict": {"pwdPolicySubentry": STRICT},
    }
    for name, policy in policies.items():
        slapd.add_person(SampleUser(name, f"{name}@example.org", PASSWORD))
        slapd.modify(person_dn(name), policy, relax=True)
    return slapd


def provider_of(directory: Slapd) -> SearchProvider:
    """Return a provider with this directory."""
    return ldap_provider(directory.environ())


def reason(directory: Slapd, login: str, password: str = PASSWORD) -> str | None:
    """Return why a login is denied, `None` if it succeeds."""
    result = provider_of(directory).authenticate(login, password)
    return result.reason if isinstance(result, Denied) else None


@pytest.mark.parametrize(
    ("login", "right", "wrong"),
    [
        ("locked", LOCKED, LOCKED),
        ("aged", PASSWORD_EXPIRED, WRONG_PASSWORD),
        # The bind succeeds, and the directory then permits only a password change.
        ("reset", MUST_CHANGE, WRONG_PASSWORD),
    ],
)
def test_password_policy_gives_the_reason(directory: Slapd, login: str, right: str, wrong: str) -> None:
    assert (reason(directory, login), reason(directory, login, "wrong")) == (right, wrong)


def test_lock_by_wrong_passwords_is_reported_and_keeps_the_user_findable(directory: Slapd) -> None:
    reasons = [reason(directory, "strict", "wrong") for _ in range(4)]
    assert reasons == [WRONG_PASSWORD] * 3 + [LOCKED]
    assert reason(directory, "strict") == LOCKED
    # An attacker can lock any user with wrong passwords, so a lock must not end sessions.
    assert provider_of(directory).find("strict")


def test_grace_login_succeeds(directory: Slapd) -> None:
    assert reason(directory, "gracious") is None


def test_permanently_locked_user_is_not_found(directory: Slapd) -> None:
    provider = provider_of(directory)
    assert provider.find("locked") is None
    assert provider.find("aged")


def test_http_response_is_the_same_for_every_reason(directory: Slapd, caplog: pytest.LogCaptureFixture) -> None:
    client = create_app({"SECRET_KEY": SECRET_KEY, **directory.environ()}).test_client()
    answers = {
        (answer.status_code, answer.data)
        for login in ("locked", "aged", "reset", "nobody")
        for answer in [client.post("/api/auth", json={"email": login, "password": PASSWORD})]
    }
    ((status, body),) = answers
    assert (status, b"Invalid credentials" in body) == (400, True)
    denied = [
        (event["reason"], event["provider"]) for event in events_in(caplog, "login_denied") if "provider" in event
    ]
    assert denied == [(reason, "ldap") for reason in (LOCKED, PASSWORD_EXPIRED, MUST_CHANGE)]
    assert [event["reason"] for event in events_in(caplog, "login_denied")][3:] == [UNKNOWN_USER]


def active_directory_response(code: str) -> Response:
    """Return the response of Active Directory to a bind that fails."""
    text = f"80090308: LdapErr: DSID-0C0903A9, comment: AcceptSecurityContext error, data {code}, v1db1"
    return Response(49, text, {})


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("525", UNKNOWN_USER),
        ("52e", WRONG_PASSWORD),
        ("52E", WRONG_PASSWORD),
        ("530", LOGON_HOURS),
        ("531", WORKSTATION),
        ("532", PASSWORD_EXPIRED),
        ("533", DISABLED),
        ("701", ACCOUNT_EXPIRED),
        ("773", MUST_CHANGE),
        ("775", LOCKED),
        ("0", WRONG_PASSWORD),
        ("80090311", WRONG_PASSWORD),
    ],
)
def test_windows_error_code_gives_the_reason(code: str, expected: str) -> None:
    assert bind_denial_reason(active_directory_response(code)) == expected


@pytest.mark.parametrize(
    ("code", "error", "expected"),
    [
        (53, "NDS error: login lockout (-197)", LOCKED),
        (49, "NDS error: login lockout (-197)", LOCKED),
        (53, "NDS error: bad login time or Q halted (-218)", LOGON_HOURS),
        (53, "NDS error: log account expired (-220)", DISABLED),
        (49, "NDS error: log account expired (-220)", DISABLED),
        (49, "NDS error: bad password (-222)", PASSWORD_EXPIRED),
        (49, "NDS error: failed authentication (-669)", WRONG_PASSWORD),
        (53, "NDS error: maximum logins exceeded or Q stn not server (-217)", DISABLED),
    ],
)
def test_edirectory_error_gives_the_reason(code: int, error: str, expected: str) -> None:
    assert bind_denial_reason(Response(code, error, {})) == expected


@pytest.mark.parametrize(
    ("value", "failed", "succeeded"),
    [
        (b"\x30\x00", WRONG_PASSWORD, None),
        (b"\x30\x03\x81\x01\x00", PASSWORD_EXPIRED, None),
        (b"\x30\x03\x81\x01\x01", LOCKED, None),
        (b"\x30\x03\x81\x01\x02", MUST_CHANGE, MUST_CHANGE),
        (b"\x30\x08\xa0\x03\x81\x01\x05\x81\x01\x00", PASSWORD_EXPIRED, None),
        (b"\x30\x05\xa0\x03\x80\x01\x09", WRONG_PASSWORD, None),
        (b"\x30\x03\x81\x01\x08", WRONG_PASSWORD, None),
        (b"", WRONG_PASSWORD, None),
        (b"\x30", WRONG_PASSWORD, None),
        (b"\x30\x7f\x81", WRONG_PASSWORD, None),
        (b"\xff\xff\xff", WRONG_PASSWORD, None),
        (b"\x30\x03\x85\x01\x01", WRONG_PASSWORD, None),
    ],
)
def test_password_policy_control_is_decoded_even_if_malformed(value: bytes, failed: str, succeeded: str | None) -> None:
    control = {PASSWORD_POLICY: value}
    assert bind_denial_reason(Response(49, "", control)) == failed
    assert bind_denial_reason(Response(0, "", control)) == succeeded


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (19, LOCKED),
        (32, WRONG_PASSWORD),
        (34, WRONG_PASSWORD),
        (48, WRONG_PASSWORD),
        (50, WRONG_PASSWORD),
        (53, DISABLED),
    ],
)
def test_other_result_codes_give_a_reason(code: int, expected: str) -> None:
    assert bind_denial_reason(Response(code, "data 775, v1db1", {})) == expected


@pytest.mark.parametrize("code", [7, 8, 10, 13, 14, 16, 64, 4096])
def test_result_code_that_does_not_concern_the_password_is_an_error(code: int) -> None:
    with pytest.raises(BindFailed):
        bind_denial_reason(Response(code, "", {}))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Account inactivated. Contact system administrator.", DISABLED),
        ("Too many failed logins.\n", LOCKED),
        ("Entry permanently locked.\n", LOCKED),
        ("Account (Kerberos principal) is expired", ACCOUNT_EXPIRED),
    ],
)
def test_message_of_freeipa_gives_the_reason(text: str, expected: str) -> None:
    assert bind_denial_reason(Response(53, text, {})) == expected
