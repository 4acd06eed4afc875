"""What a directory says of itself: step by step for the doctor, rule by rule for whoever asks why."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from providers.interface import AMBIGUOUS, DISABLED, LOCKED, MUST_CHANGE, PASSWORD_EXPIRED, UNKNOWN_USER, Check
from providers.ldap import open_ldap
from tests.servers import slapd as slapd_server
from tests.servers.process import free_port
from tests.servers.samba import Samba
from tests.servers.samba import group_dn as windows_group
from tests.servers.slapd import RESET, SERVICE, SUFFIX, Slapd, person_dn
from tests.support.active_directory import ALICE
from tests.support.directories import directory, ldap_provider
from tests.support.users import ZOE, SampleUser

GROUPS = f"ou=groups,{SUFFIX}"


def told(environ: dict[str, str]) -> dict[str, Check]:
    """Return what each step found, by its name without the server."""
    checks = list(open_ldap(environ).check())
    assert all("service-secret" not in repr(check) and "hunter2" not in repr(check) for check in checks)
    return {check.step.rpartition(": ")[2]: check for check in checks}


def outcomes(environ: dict[str, str]) -> dict[str, str]:
    """Return how each step went."""
    return {step: check.outcome for step, check in told(environ).items()}


def binds_of_service(server: Slapd, mark: int) -> int:
    """Return how often the service account has tried to bind since then."""
    return server.log[mark:].count(f'BIND dn="{SERVICE}" method=128')


def test_all_is_well_with_one_bind(slapd: Slapd) -> None:
    mark = len(slapd.log)
    base = f"base DN ou=people,{SUFFIX}"
    steps = ["name", "TCP", "TLS", "service bind", "kind of directory", base, "users", "groups", "rules"]
    assert outcomes(slapd.environ()) == dict.fromkeys(steps, "ok")
    assert binds_of_service(slapd, mark) == 1


def test_what_is_found_is_told(slapd: Slapd) -> None:
    found = {step: check.found for step, check in told(slapd.environ()).items()}
    assert found["name"] == "127.0.0.1"
    assert found["TCP"] == f"connected to 127.0.0.1, port {slapd.port}"
    assert "certificate for localhost, signed by trustme" in found["TLS"]
    assert found["service bind"] == f"bound as {SERVICE}"
    assert found["rules"] == "3 rules, for admin, editor, user"


@pytest.mark.parametrize(
    ("changed", "step", "outcome", "remedy"),
    [
        ({"LDAP_URL": "ldap://no-such-host.invalid"}, "name", "failure", "LDAP_URL"),
        ({"LDAP_URL": "ldap://localhost:1"}, "TCP", "failure", "Is the directory running"),
        ({"LDAP_CA_FILE": ""}, "TLS", "failure", "LDAP_CA_FILE"),
        ({"LDAP_BIND_PASSWORD": "hunter2"}, "service bind", "failure", "LDAP_BIND_PASSWORD"),
        ({"LDAP_BIND_DN": f"cn=nobody,{SUFFIX}"}, "service bind", "failure", "LDAP_BIND_DN"),
        ({"LDAP_ACTIVE_DIRECTORY": "true"}, "kind of directory", "warning", "Leave LDAP_ACTIVE_DIRECTORY out"),
        ({"LDAP_BASE_DN": f"ou=nowhere,{SUFFIX}"}, f"base DN ou=nowhere,{SUFFIX}", "failure", "LDAP_BASE_DN"),
        ({"LDAP_USER_FILTER": "(employeeNumber={login})"}, "users", "warning", "LDAP_USER_FILTER"),
        ({"LDAP_USERNAME_ATTRIBUTE": "employeeNumber"}, "users", "warning", "LDAP_USERNAME_ATTRIBUTE"),
        ({"LDAP_GROUP_BASE_DN": f"ou=nowhere,{SUFFIX}"}, "groups", "failure", "LDAP_GROUP_BASE_DN"),
        ({"LDAP_BASE_DN": f"ou=system,{SUFFIX}", "LDAP_USER_FILTER": "(cn={login})"}, "groups", "warning", "memberOf"),
        ({"LDAP_ROLE_MAP": ""}, "rules", "warning", "LDAP_ROLE_RULES_FILE"),
        ({"LDAP_ROLE_MAP": f'{{"cn=none,{GROUPS}": ["x"]}}'}, "rules", "warning", "Correct the rules"),
    ],
    ids=str,
)
def test_what_is_wrong_is_told_with_its_remedy(
    slapd: Slapd, changed: dict[str, str], step: str, outcome: str, remedy: str
) -> None:
    mark = len(slapd.log)
    checks = told(slapd.environ(**changed))
    assert checks[step].outcome == outcome
    assert remedy in (checks[step].remedy or "")
    assert binds_of_service(slapd, mark) <= 1


def test_a_certificate_for_another_name_is_told(slapd: Slapd) -> None:
    check = told(slapd.environ(LDAP_URL=f"ldap://127.0.0.1:{slapd.port}"))["TLS"]
    assert check.outcome == "failure"
    assert "mismatch" in check.found
    assert "name" in (check.remedy or "")


@pytest.mark.parametrize(("days", "outcome"), [(-1, "failure"), (10, "warning"), (100, "ok")])
def test_a_certificate_that_ends_is_told(tmp_path: Path, days: int, outcome: str) -> None:
    with directory(tmp_path, not_after=datetime.now(UTC) + timedelta(days=days, hours=1)) as server:
        check = told(server.environ())["TLS"]
    assert check.outcome == outcome
    assert ("renewed" in (check.remedy or "")) == (outcome != "ok")


def test_a_server_without_tls_is_told(tmp_path: Path) -> None:
    with slapd_server.slapd(tmp_path, tls=False) as server:
        check = told(server.environ())["TLS"]
        assert (check.outcome, "ldaps://" in (check.remedy or "")) == ("failure", True)
        plain = told(server.environ(LDAP_INSECURE_PLAINTEXT="true"))["TLS"]
        assert (plain.outcome, plain.remedy) == ("warning", "Leave LDAP_INSECURE_PLAINTEXT out")


def authority(left: timedelta) -> bytes:
    """Return the certificate of an authority that ends so soon."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "old")])
    now = datetime.now(UTC)
    built = x509.CertificateBuilder(name, name, key.public_key(), 1, now - timedelta(days=1), now + left)
    signed = built.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    return signed.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def test_authorities_that_end_are_told(slapd: Slapd, tmp_path: Path) -> None:
    both = tmp_path / "both.pem"
    both.write_bytes((slapd.home / "ca.pem").read_bytes() + authority(timedelta(days=5)))
    check = told(slapd.environ(LDAP_CA_FILE=str(both)))["LDAP_CA_FILE"]
    assert (check.outcome, check.found) == ("warning", "a certificate in LDAP_CA_FILE ends in 4 days")


def test_the_first_server_that_can_be_reached_is_looked_over(slapd: Slapd) -> None:
    mark = len(slapd.log)
    urls = f"ldap://localhost:{free_port()},ldap://localhost:{slapd.port},ldaps://localhost:{slapd.tls_port}"
    checks = [*open_ldap(slapd.environ(LDAP_URL=urls)).check()]
    assert [check.outcome for check in checks].count("failure") == 1
    assert checks[-1].step == "rules"
    assert binds_of_service(slapd, mark) == 1


def test_an_active_directory_is_known_as_one(samba: Samba) -> None:
    assert set(outcomes(samba.environ()).values()) == {"ok"}
    kind = told(samba.environ(LDAP_ACTIVE_DIRECTORY=""))["kind of directory"]
    assert kind.remedy == "Set LDAP_ACTIVE_DIRECTORY=true, for its logins and primary groups"


def test_without_an_account_the_network_is_looked_over(slapd: Slapd) -> None:
    template = f"uid={{login}},ou=people,{SUFFIX}"
    environ = {**slapd.environ(), "LDAP_BIND_DN": "", "LDAP_BIND_PASSWORD": "", "LDAP_USER_DN_TEMPLATE": template}
    assert list(outcomes(environ)) == ["name", "TCP", "TLS"]


@pytest.fixture(scope="module")
def explained(slapd: Slapd) -> Slapd:
    """The shared directory, with somebody who is in groups in one way or another."""
    slapd.add_person(SampleUser("eve", "eve@example.org", "the password of eve", ()))
    slapd.add(f"cn=inner,{GROUPS}", ["groupOfNames"], {"member": person_dn("eve")})
    slapd.add(f"cn=outermost,{GROUPS}", ["groupOfNames"], {"member": f"cn=inner,{GROUPS}"})
    slapd.add(f"cn=exactly,{GROUPS}", ["posixGroup"], {"gidNumber": "8", "memberUid": "eve"})
    slapd.add(f"cn=by-uid,{GROUPS}", ["posixGroup"], {"gidNumber": "7", "memberUid": "EVE"})
    return slapd


RULES = {
    "rules": [
        ("inner", "everyday"),
        ("outermost", "rare"),
        ("by-uid", "posix"),
        ("missing", "missing"),
        ("exactly", "exactly"),
        ("admin", "admin"),
    ]
}


def test_rules_tell_what_nearly_made_them_match(explained: Slapd) -> None:
    mapped = {f"cn={group},{GROUPS}": [role] for group, role in RULES["rules"]}
    mapped[f"cn=inner,ou=old,{SUFFIX}"] = ["old"]
    explanation = ldap_provider(explained.environ(LDAP_ROLE_MAP=json.dumps(mapped))).explain("EVE@example.org")
    assert explanation.user == {"username": "eve", "email": "eve@example.org", "roles": ["everyday"]}
    assert explanation.record == person_dn("eve")
    assert {verdict.roles[0]: (verdict.matched, verdict.near_misses) for verdict in explanation.rules} == {
        "everyday": (True, ()),
        "rare": (
            False,
            (f"cn=outermost,{GROUPS}: is a member through cn=inner,{GROUPS}, and LDAP_NESTED_GROUPS is not true",),
        ),
        "posix": (False, (f"cn=by-uid,{GROUPS}: has EVE, which differs only in case",)),
        "missing": (False, (f"cn=missing,{GROUPS}: there is no such group",)),
        "admin": (False, ()),
        "exactly": (False, ()),
        "old": (False, (f"cn=inner,ou=old,{SUFFIX}: there is no such group; they are in cn=inner,{GROUPS}",)),
    }


def test_rules_of_a_file_are_told_as_they_stand_there(explained: Slapd, tmp_path: Path) -> None:
    path = tmp_path / "roles.toml"
    path.write_text(
        f'default = ["user"]\n[groups]\ninner = "cn=inner,{GROUPS}"\n'
        '[[rules]]\nroles = ["x", "y"]\nall = "inner"\nnot = ["cn=x"]\n'
        f'[[rules]]\nroles = ["z"]\nall = ["inner", "cn=admin,{GROUPS}"]\n'
    )
    explanation = ldap_provider(explained.environ(LDAP_ROLE_MAP="", LDAP_ROLE_RULES_FILE=str(path))).explain("eve")
    assert [(verdict.rule, verdict.roles, verdict.matched) for verdict in explanation.rules] == [
        ("everybody", ("user",), True),
        ("inner and not (cn=x)", ("x", "y"), True),
        (f"inner and cn=admin,{GROUPS}", ("z",), False),
    ]
    assert explanation.rules[-1].near_misses == ()


def test_an_edit_of_the_rules_counts_at_once_and_a_broken_one_never(explained: Slapd, tmp_path: Path) -> None:
    path = tmp_path / "roles.toml"
    path.write_text('default = ["before"]')
    provider = ldap_provider(explained.environ(LDAP_ROLE_MAP="", LDAP_ROLE_RULES_FILE=str(path)))
    for text, roles in (('default = ["after"]', ["after"]), ("default = [", ["after"]), ("default = []", [])):
        path.write_text(text)
        user = provider.find("eve")
        assert user
        assert user["roles"] == roles


def test_nobody_is_explained_too(explained: Slapd) -> None:
    provider = ldap_provider(explained.environ())
    assert (provider.explain("no one").user, provider.explain("no one").reason) == (None, UNKNOWN_USER)
    both = provider.explain("shared@example.org")
    assert (both.user, both.reason) == (None, AMBIGUOUS)
    assert both.record == f"{person_dn('shared@example.org')} and {person_dn('second')}"


def test_who_must_change_their_password_is_explained(explained: Slapd) -> None:
    explained.add_person(SampleUser("starter", "starter@example.org", "x", ()))
    explained.modify(person_dn("starter"), {"pwdPolicySubentry": RESET, "pwdReset": "TRUE"}, relax=True)
    assert ldap_provider(explained.environ()).explain("starter").reason == MUST_CHANGE


@pytest.mark.parametrize(
    ("login", "why"),
    [
        ("disabled", DISABLED),
        ("expired", DISABLED),
        ("locked", LOCKED),
        ("mustchange", MUST_CHANGE),
        ("passwordexpired", PASSWORD_EXPIRED),
        ("alice", None),
    ],
)
def test_active_directory_tells_why_somebody_is_shut_out(samba: Samba, login: str, why: str | None) -> None:
    assert ldap_provider(samba.environ()).explain(login).reason == why


def test_groups_of_active_directory_are_explained(samba: Samba) -> None:
    explanation = ldap_provider(samba.environ(LDAP_NESTED_GROUPS="true")).explain(ALICE.username)
    held = {membership.group: membership.via_group for membership in explanation.groups}
    assert held[windows_group("staff")] == windows_group("admins-ad")


def test_all_roles_that_rules_can_give_are_told(explained: Slapd) -> None:
    assert open_ldap(explained.environ()).list_roles() == {"admin", "user", "editor"}
    user = ldap_provider(explained.environ()).explain(ZOE.username).user
    assert user
    assert user["roles"] == ["admin", "user"]
