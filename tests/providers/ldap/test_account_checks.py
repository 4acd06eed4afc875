"""The doctor's findings about the service account and the base DN: none blames a setting that is not set."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from providers.interface import Check, ProviderUnavailable
from providers.ldap import open_ldap
from tests.servers import samba as windows
from tests.servers import slapd as slapd_server
from tests.servers.directory389 import Directory389
from tests.servers.ldap_messages import BIND_RESPONSE, SEARCH_DONE, entry, result
from tests.servers.samba import Samba
from tests.servers.scripted_ldap import BIND_REQUEST, SEARCH_REQUEST, Responses, scripted_ldap
from tests.servers.slapd import RESET, SERVICE, STRICT, SUFFIX, Slapd
from tests.support.active_directory import DENIED_PASSWORD
from tests.support.directories import ldap_provider, reconfigured

ANONYMOUS = {"LDAP_BIND_DN": "", "LDAP_BIND_PASSWORD": ""}
FIX_ANONYMOUS = "Set LDAP_BIND_DN and LDAP_BIND_PASSWORD to an account that may search"
CHANGE_PASSWORD = "Change the password of this account, and set LDAP_BIND_PASSWORD to the new one"
FAULTS = re.compile(
    r"\b(?:Correct|Unset|Choose|grant|limit of|LDAP_BIND_DN (?:may|finds)) (LDAP_[A-Z_]+)", re.IGNORECASE
)


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Slapd:
    """A directory that is not running."""
    with slapd_server.slapd(tmp_path_factory.mktemp("slapd")) as server:
        return server


def failures(environ: dict[str, str]) -> dict[str, Check]:
    """Return the failed checks by their step, after a test that each finding blames only settings that are set."""
    checks = [*open_ldap(environ).check()]
    texts = [f"{check.found}. {check.remedy}" for check in checks if check.outcome != "ok"]
    blamed = {name for text in texts for name in FAULTS.findall(text)}
    assert {name for name in blamed if not environ.get(name)} == set()
    assert not any(re.search(r"LDAP_BIND_DN (may|finds|cannot)", text) for text in texts if not environ["LDAP_BIND_DN"])
    return {check.step: check for check in checks if check.outcome == "failure"}


def failure(environ: dict[str, str], step: str = "service bind") -> tuple[str, str]:
    """Return the finding and the remedy of the only failed check."""
    found = failures(environ)
    assert [*found] == [step]
    return found[step].found, found[step].remedy or ""


def scripted(port: int, **changed: str) -> dict[str, str]:
    """Return the environment of a scripted server."""
    return {
        "LDAP_URL": f"ldap://127.0.0.1:{port}",
        "LDAP_INSECURE_PLAINTEXT": "true",
        "LDAP_BASE_DN": "dc=x",
        "LDAP_BIND_DN": "cn=svc,dc=x",
        "LDAP_BIND_PASSWORD": "service-secret",
        **changed,
    }


@pytest.mark.parametrize("lines", [["require authc"], ["disallow bind_anon", "require authc"]])
def test_openldap_that_refuses_anonymous_searches_is_recognized(stopped: Slapd, lines: list[str]) -> None:
    with reconfigured(stopped, *lines):
        _, remedy = failure(stopped.environ(**ANONYMOUS))
    assert remedy.startswith(FIX_ANONYMOUS)


def test_anonymous_client_that_may_not_read_the_base_is_not_blamed_on_an_account() -> None:
    with scripted_ldap({SEARCH_REQUEST: [result(SEARCH_DONE)]}) as port:
        found, remedy = failure(scripted(port, **ANONYMOUS), "base DN dc=x")
    assert found == "dc=x does not exist, or an anonymous client may not read it"
    assert remedy == (
        "Correct LDAP_BASE_DN, or set LDAP_BIND_DN and LDAP_BIND_PASSWORD to an account with read access to this DN"
    )


def test_active_directory_without_a_service_account_is_not_an_outage_of_the_server(
    samba: Samba, caplog: pytest.LogCaptureFixture
) -> None:
    environ = samba.environ(**ANONYMOUS)
    found, remedy = failure(environ)
    assert found == "the server refuses anonymous searches (operationsError)"
    assert remedy.startswith(FIX_ANONYMOUS)
    with pytest.raises(ProviderUnavailable) as raised:
        ldap_provider(environ).authenticate("alice", "a password")
    assert raised.value.reason.endswith("and LDAP_BIND_DN is not set")
    assert "LDAP server" not in caplog.text, "the server is not marked as unavailable"


def test_389_directory_server_that_refuses_anonymous_clients_is_recognized(directory389: Directory389) -> None:
    directory389.modify("cn=config", {"nsslapd-allow-anonymous-access": "off"})
    try:
        found, remedy = failure(directory389.environ(**ANONYMOUS))
    finally:
        directory389.modify("cn=config", {"nsslapd-allow-anonymous-access": "on"})
    assert found == "the server refuses anonymous searches (inappropriateAuthentication)"
    assert remedy.startswith(FIX_ANONYMOUS)


def test_active_directory_that_requires_encryption_is_recognized(samba: Samba) -> None:
    found, remedy = failure(samba.environ(LDAP_INSECURE_PLAINTEXT="true", LDAP_CA_FILE=""))
    assert found == "the bind as LDAP_BIND_DN failed: strongerAuthRequired"
    assert remedy == "Unset LDAP_INSECURE_PLAINTEXT: the server requires an encrypted connection"


@pytest.mark.parametrize(
    ("account", "reason", "remedy"),
    [
        ("mustchange", "must_change", CHANGE_PASSWORD),
        ("passwordexpired", "password_expired", CHANGE_PASSWORD),
        ("disabled", "disabled", "Enable the account of LDAP_BIND_DN"),
        ("expired", "account_expired", "Extend the account of LDAP_BIND_DN"),
        ("hours", "logon_hours", "Permit the account of LDAP_BIND_DN to log in at any hour"),
        ("workstation", "workstation", "Permit the account of LDAP_BIND_DN to log in from this machine"),
        ("locked", "locked", "Unlock the account of LDAP_BIND_DN, or wait; the doctor tried the bind once"),
    ],
)
def test_state_of_the_service_account_has_its_own_remedy(samba: Samba, account: str, reason: str, remedy: str) -> None:
    environ = samba.environ(LDAP_BIND_DN=windows.person_dn(account), LDAP_BIND_PASSWORD=DENIED_PASSWORD)
    assert failure(environ) == (f"the bind as LDAP_BIND_DN failed: invalidCredentials ({reason})", remedy)


@contextmanager
def policy(server: Slapd, **attributes: object) -> Iterator[None]:
    """Give the service account these attributes for a while."""
    server.modify(SERVICE, attributes, relax=True)
    try:
        yield
    finally:
        server.modify(SERVICE, {name: [] for name in attributes}, relax=True)


def test_service_account_that_must_change_its_password_is_recognized(stopped: Slapd) -> None:
    with reconfigured(stopped), policy(stopped, pwdReset="TRUE", pwdPolicySubentry=RESET):
        found, remedy = failure(stopped.environ())
        with pytest.raises(ProviderUnavailable, match="must_change"):
            ldap_provider(stopped.environ()).authenticate("zoe", "a password")
    assert (found, remedy) == ("the bind as LDAP_BIND_DN failed: success (must_change)", CHANGE_PASSWORD)


def test_locked_service_account_is_recognized(stopped: Slapd) -> None:
    with reconfigured(stopped), policy(stopped, pwdAccountLockedTime="000001010000Z", pwdPolicySubentry=STRICT):
        found, remedy = failure(stopped.environ())
    assert found == "the bind as LDAP_BIND_DN failed: invalidCredentials (locked)"
    assert remedy.startswith("Unlock the account of LDAP_BIND_DN")


def test_bind_dn_that_the_server_does_not_accept_as_a_dn_is_recognized(slapd: Slapd) -> None:
    found, remedy = failure(slapd.environ(LDAP_BIND_DN="nosuchattribute=svc,dc=x"))
    assert found == "the bind as LDAP_BIND_DN failed: invalidDNSyntax"
    assert remedy == "Correct LDAP_BIND_DN: for this server, it is not a DN"


@pytest.mark.parametrize(
    ("line", "remedy"),
    [
        ("require SASL", "Permit simple binds over TLS on the server"),
        ("disallow bind_simple", "Enable the account of LDAP_BIND_DN, or permit simple binds over TLS on the server"),
    ],
)
def test_server_that_refuses_simple_binds_over_tls_is_recognized(stopped: Slapd, line: str, remedy: str) -> None:
    with reconfigured(stopped, line):
        assert failure(stopped.environ())[1] == remedy


def test_wrong_base_dn_ends_the_checks(slapd: Slapd) -> None:
    base = f"ou=nowhere,{SUFFIX}"
    found, remedy = failure(slapd.environ(LDAP_BASE_DN=base), f"base DN {base}")
    assert found == f"{base} does not exist, or LDAP_BIND_DN may not read it"
    assert remedy == "Correct LDAP_BASE_DN, or grant LDAP_BIND_DN read access to this DN"


def test_base_dn_of_another_server_is_recognized() -> None:
    root = [entry("", {}), result(SEARCH_DONE)]
    answers = {b"vendorName": root, BIND_REQUEST: [result(BIND_RESPONSE)], SEARCH_REQUEST: [result(SEARCH_DONE, 10)]}
    with scripted_ldap(answers) as port:
        _, remedy = failure(scripted(port), "base DN dc=x")
    assert remedy.startswith("Correct LDAP_BASE_DN: the server has no such part of the directory")


def test_missing_base_dn_of_groups_is_recognized(slapd: Slapd) -> None:
    _, remedy = failure(slapd.environ(LDAP_GROUP_BASE_DN=f"ou=nowhere,{SUFFIX}"), "groups")
    assert remedy == "Correct LDAP_GROUP_BASE_DN, or grant LDAP_BIND_DN read access to this DN"


@pytest.mark.parametrize("changed", [{}, ANONYMOUS])
def test_server_that_closes_the_connection_after_the_bind_blames_no_password(changed: dict[str, str]) -> None:
    answers = {b"vendorName": [b""], BIND_REQUEST: [result(BIND_RESPONSE)], SEARCH_REQUEST: [result(SEARCH_DONE)]}
    with scripted_ldap(answers) as port:
        _, remedy = failure(scripted(port, **changed))
    assert remedy.startswith("Check that the directory is running")


OTHER = 80
USER = entry("uid=zoe,dc=x", {"uid": ["zoe"], "mail": ["zoe@example.org"]})
ONE_ENTRY = b"\x0a\x01\x00\x02\x01\x01"  # a search with the size limit 1: after derefAliases (RFC 4511 §4.5.1)
FAILED = [USER, result(SEARCH_DONE, OTHER, text="OTHER: failed for MessageType : SEARCH_REQUEST")]
APACHEDS: Responses = {
    BIND_REQUEST: [result(BIND_RESPONSE)],
    b"\xa2\x05\x87\x03uid": [result(SEARCH_DONE)],  # no user is without uid
    b"memberOf": [result(SEARCH_DONE)],
    ONE_ENTRY: FAILED,
    SEARCH_REQUEST: [USER, result(SEARCH_DONE)],
}


def test_apacheds_that_has_found_as_many_entries_as_requested_has_no_fault() -> None:
    with scripted_ldap(APACHEDS) as port:
        assert failures(scripted(port)) == {}


def test_other_failure_of_a_search_is_a_fault() -> None:
    with (
        scripted_ldap({SEARCH_REQUEST: FAILED, BIND_REQUEST: [result(BIND_RESPONSE)]}) as port,
        pytest.raises(ProviderUnavailable),
    ):
        ldap_provider(scripted(port)).authenticate("zoe", "a password")


def test_unsearchable_usernames_are_not_reported_as_free(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rule = f'access to attrs=uid by dn.exact="{SERVICE}" none by * none\naccess to attrs=userPassword'
    text = slapd_server.CONFIGURATION.replace("access to attrs=userPassword", rule)
    monkeypatch.setattr(slapd_server, "CONFIGURATION", text)
    with slapd_server.slapd(tmp_path) as server:
        found = failures(server.environ(LDAP_USER_FILTER="(uid={login})"))
    assert found["usernames"].found == "LDAP_BIND_DN finds no uid below LDAP_BASE_DN, so no user can log in"
    assert json.dumps(found["usernames"].remedy) == '"Grant LDAP_BIND_DN the rights to search and read uid"'
