"""The checks of a directory for the doctor: what they find, and that the service account binds only once."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from providers.interface import Check
from providers.ldap import checks, open_ldap
from tests.servers import slapd as slapd_server
from tests.servers.process import free_port
from tests.servers.samba import Samba
from tests.servers.slapd import SERVICE, SUFFIX, Slapd
from tests.support.directories import directory

GROUPS = f"ou=groups,{SUFFIX}"


def check_results(environ: dict[str, str]) -> dict[str, Check]:
    """Return the checks by their step without the server, after a test that no secret is in them."""
    found = list(open_ldap(environ).check())
    assert all("service-secret" not in repr(check) and "hunter2" not in repr(check) for check in found)
    return {check.step.rpartition(": ")[2]: check for check in found}


def outcomes(environ: dict[str, str]) -> dict[str, str]:
    """Return the outcome of each step."""
    return {step: check.outcome for step, check in check_results(environ).items()}


def service_binds(server: Slapd, mark: int) -> int:
    """Return the number of binds of the service account after this position in the log."""
    return server.log[mark:].count(f'BIND dn="{SERVICE}" method=128')


def test_all_checks_pass_with_one_bind(slapd: Slapd) -> None:
    mark = len(slapd.log)
    base = f"base DN ou=people,{SUFFIX}"
    steps = [
        "name",
        "TCP",
        "TLS",
        "service bind",
        "kind of directory",
        "attributes",
        base,
        "users",
        "usernames",
        "sessions",
        "groups",
        "rules",
    ]
    assert outcomes(slapd.environ()) == dict.fromkeys(steps, "ok")
    assert service_binds(slapd, mark) == 1


def test_checks_report_what_they_find(slapd: Slapd) -> None:
    found = {step: check.found for step, check in check_results(slapd.environ()).items()}
    assert found["name"] == "127.0.0.1"
    assert found["TCP"] == f"connected to 127.0.0.1, port {slapd.port}"
    assert "certificate for localhost, signed by trustme" in found["TLS"]
    assert found["service bind"] == f"bound as {SERVICE}"
    assert found["rules"] == "3 rules, for the roles admin, editor, user"


@pytest.mark.parametrize(
    ("changed", "step", "outcome", "remedy"),
    [
        ({"LDAP_URL": "ldap://no-such-host.invalid"}, "name", "failure", "LDAP_URL"),
        ({"LDAP_URL": "ldap://localhost:1"}, "TCP", "failure", "Check that the directory is running"),
        ({"LDAP_CA_FILE": ""}, "TLS", "failure", "LDAP_CA_FILE"),
        ({"LDAP_BIND_PASSWORD": "hunter2"}, "service bind", "failure", "LDAP_BIND_PASSWORD"),
        ({"LDAP_BIND_DN": f"cn=nobody,{SUFFIX}"}, "service bind", "failure", "LDAP_BIND_DN"),
        ({"LDAP_ACTIVE_DIRECTORY": "true"}, "kind of directory", "warning", "Unset LDAP_ACTIVE_DIRECTORY"),
        ({"LDAP_BASE_DN": f"ou=nowhere,{SUFFIX}"}, f"base DN ou=nowhere,{SUFFIX}", "failure", "LDAP_BASE_DN"),
        ({"LDAP_USER_FILTER": "(employeeNumber={login})"}, "users", "warning", "LDAP_USER_FILTER"),
        ({"LDAP_USERNAME_ATTRIBUTE": "loginName"}, "attributes", "failure", "Set LDAP_USERNAME_ATTRIBUTE"),
        ({"LDAP_USERNAME_ATTRIBUTE": "employeeNumber"}, "users", "warning", "LDAP_USERNAME_ATTRIBUTE"),
        ({"LDAP_GROUP_BASE_DN": f"ou=nowhere,{SUFFIX}"}, "groups", "failure", "LDAP_GROUP_BASE_DN"),
        (
            {"LDAP_BASE_DN": f"ou=policies,{SUFFIX}", "LDAP_USER_FILTER": "(cn={login})"},
            "groups",
            "warning",
            "memberOf",
        ),
        ({"LDAP_ROLE_MAP": ""}, "rules", "warning", "LDAP_ROLE_RULES_FILE"),
        ({"LDAP_ROLE_MAP": f'{{"cn=none,{GROUPS}": ["x"]}}'}, "rules", "warning", "Write the DNs as the directory"),
    ],
    ids=str,
)
def test_problem_is_reported_with_its_remedy(
    slapd: Slapd, changed: dict[str, str], step: str, outcome: str, remedy: str
) -> None:
    mark = len(slapd.log)
    results = check_results(slapd.environ(**changed))
    assert results[step].outcome == outcome
    assert remedy in (results[step].remedy or "")
    assert service_binds(slapd, mark) <= 1


def test_username_of_two_entries_is_reported(tmp_path: Path) -> None:
    with directory(tmp_path) as server:
        for dn in (f"cn=one,ou=people,{SUFFIX}", f"cn=two,ou=system,{SUFFIX}"):
            server.add(dn, ["inetOrgPerson"], {"uid": "Twice", "sn": "x"})
        check = check_results(server.environ(LDAP_BASE_DN=f"ou=people,{SUFFIX};ou=system,{SUFFIX}"))["usernames"]
        narrow = check_results(server.environ())["usernames"]
    assert check.outcome == "warning"
    assert check.found.endswith(f": cn=one,ou=people,{SUFFIX} and cn=two,ou=system,{SUFFIX}")
    assert "LDAP_BASE_DN" in (check.remedy or "")
    assert (narrow.outcome, narrow.found) == ("ok", "no username occurs twice")


def test_usernames_that_were_not_compared_are_not_reported_as_unique(
    slapd: Slapd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "_MAX_COMPARED", 2)
    check = check_results(slapd.environ())["usernames"]
    assert check.outcome == "warning"
    assert "the others were not compared" in check.found


def test_attributes_that_end_sessions_are_reported(slapd: Slapd, samba: Samba) -> None:
    found = [check_results(server.environ())["sessions"].found for server in (slapd, samba)]
    assert found == [
        "they end with the entry (entryUUID), and with a new password (pwdChangedTime)",
        "they end with the entry (objectGUID), and with a new password (pwdLastSet)",
    ]


@pytest.mark.parametrize(
    ("hidden", "named"),
    [("entryUUID", "a new entry can continue an old session"), ("pwdChangedTime", "a new password ends no session")],
)
def test_account_that_cannot_read_what_ends_sessions_is_reported(tmp_path: Path, hidden: str, named: str) -> None:
    with directory(tmp_path) as server:
        pass
    configuration = server.home / "slapd.conf"
    text = configuration.read_text()
    configuration.write_text(text.replace("access to *", f"access to attrs={hidden} by * none\naccess to *", 1))
    with slapd_server.started(server):
        check = check_results(server.environ())["sessions"]
    assert check.outcome == "warning"
    assert named in check.found
    assert hidden in (check.remedy or "")


def test_certificate_without_the_ip_address_is_reported(slapd: Slapd) -> None:
    check = check_results(slapd.environ(LDAP_URL=f"ldap://127.0.0.1:{slapd.port}"))["TLS"]
    assert check.outcome == "failure"
    assert "mismatch" in check.found
    assert "a host name in LDAP_URL that is in the certificate" in (check.remedy or "")


def test_certificate_for_another_host_name_is_reported(tmp_path: Path) -> None:
    with slapd_server.slapd(tmp_path, names=("elsewhere.example",)) as server:
        check = check_results(server.environ())["TLS"]
    assert check.outcome == "failure"
    assert "a host name in LDAP_URL that is in the certificate" in (check.remedy or "")


@pytest.mark.parametrize(("days", "outcome"), [(-1, "failure"), (10, "warning"), (100, "ok")])
def test_certificate_that_expires_is_reported(tmp_path: Path, days: int, outcome: str) -> None:
    with directory(tmp_path, not_after=datetime.now(UTC) + timedelta(days=days, hours=1)) as server:
        check = check_results(server.environ())["TLS"]
    assert check.outcome == outcome
    assert ("Renew" in (check.remedy or "")) == (outcome != "ok")


def test_server_without_tls_is_reported(tmp_path: Path) -> None:
    with slapd_server.slapd(tmp_path, tls=False) as server:
        check = check_results(server.environ())["TLS"]
        assert (check.outcome, "ldaps://" in (check.remedy or "")) == ("failure", True)
        plain = check_results(server.environ(LDAP_INSECURE_PLAINTEXT="true"))["TLS"]
        assert (plain.outcome, plain.remedy) == ("warning", "Unset LDAP_INSECURE_PLAINTEXT")


def authority(lifetime: timedelta) -> bytes:
    """Return the certificate of an authority that expires after this time."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "old")])
    now = datetime.now(UTC)
    built = x509.CertificateBuilder(name, name, key.public_key(), 1, now - timedelta(days=1), now + lifetime)
    signed = built.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    return signed.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def test_authority_that_expires_is_reported(slapd: Slapd, tmp_path: Path) -> None:
    both = tmp_path / "both.pem"
    both.write_bytes((slapd.home / "ca.pem").read_bytes() + authority(timedelta(days=5)))
    check = check_results(slapd.environ(LDAP_CA_FILE=str(both)))["LDAP_CA_FILE"]
    assert (check.outcome, check.found) == ("warning", "a certificate expires in 4 days")


def test_content_is_checked_on_the_first_usable_server(slapd: Slapd) -> None:
    mark = len(slapd.log)
    urls = f"ldap://localhost:{free_port()},ldap://localhost:{slapd.port},ldaps://localhost:{slapd.tls_port}"
    found = [*open_ldap(slapd.environ(LDAP_URL=urls)).check()]
    assert [check.outcome for check in found].count("failure") == 1
    assert found[-1].step == "rules"
    assert service_binds(slapd, mark) == 1


def test_active_directory_is_recognized(samba: Samba) -> None:
    assert set(outcomes(samba.environ()).values()) == {"ok"}
    kind = check_results(samba.environ(LDAP_ACTIVE_DIRECTORY=""))["kind of directory"]
    assert kind.remedy == "Set LDAP_ACTIVE_DIRECTORY=true to use its login names and primary groups"


def test_direct_bind_provider_checks_the_network(slapd: Slapd) -> None:
    template = f"uid={{login}},ou=people,{SUFFIX}"
    environ = {**slapd.environ(), "LDAP_BIND_DN": "", "LDAP_BIND_PASSWORD": "", "LDAP_USER_DN_TEMPLATE": template}
    assert list(outcomes(environ)) == ["name", "TCP", "TLS"]


@pytest.mark.parametrize("right", ["none", 'dn.exact="{service}" search by * none'])
def test_unreadable_usernames_are_not_reported_as_unique(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, right: str
) -> None:
    rule = f"access to attrs=uid by {'* ' if right == 'none' else ''}{right}\naccess to attrs=userPassword"
    text = slapd_server.CONFIGURATION.replace("access to attrs=userPassword", rule)
    monkeypatch.setattr(slapd_server, "CONFIGURATION", text)
    with directory(tmp_path) as server:
        results = check_results(server.environ())
    assert results["users"].outcome == "failure"
    assert results["users"].remedy == "Grant LDAP_BIND_DN the rights to search and read uid"
    assert results["usernames"].outcome == ("failure" if right == "none" else "warning")
    assert "occurs twice" not in results["usernames"].found


def test_size_limit_of_the_service_account_is_named_in_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = slapd_server.CONFIGURATION.replace('"{paging}" size.prtotal=unlimited', '"{service}" size=1')
    monkeypatch.setattr(slapd_server, "CONFIGURATION", text)
    with directory(tmp_path) as server:
        server.add(f"uid=second,ou=people,{SUFFIX}", ["inetOrgPerson"], {"cn": "x", "sn": "x"})
        check = check_results(server.environ())["sessions"]
    assert check.outcome == "failure"
    assert check.found == "a limit of the server (sizeLimitExceeded) ended a search after 1 entries"
    assert "Raise the size limit" in (check.remedy or "")
