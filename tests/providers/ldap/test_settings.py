"""The LDAP_ variables: whatever cannot work is refused at the start, by name."""

import json
from pathlib import Path

import pytest

from app import create_app
from config.errors import ConfigurationError
from providers.ldap import open_ldap
from providers.ldap.settings import LdapSettings
from tests.support.stores import SECRET_KEY

GOOD = {
    "SECRET_KEY": SECRET_KEY,
    "AUTH_PROVIDER": "ldap",
    "LDAP_URL": "ldap://directory.example",
    "LDAP_BASE_DN": "ou=people,dc=example,dc=org",
}
SERVICE = {"LDAP_BIND_DN": "cn=svc,dc=example,dc=org", "LDAP_BIND_PASSWORD": "hunter2"}


def problems(**changed: str) -> list[str]:
    """Return what is wrong with the good environment once it is changed so; no value is told."""
    with pytest.raises(ConfigurationError) as caught:
        create_app({**GOOD, **changed})
    assert "hunter2" not in str(caught.value)
    return caught.value.lines


@pytest.mark.parametrize(
    "changed",
    [
        {},
        SERVICE,
        {"LDAP_URL": "ldaps://directory.example:3269"},
        {"LDAP_URL": "ldap://[2001:db8::1]:389/"},
        {"LDAP_START_TLS": "true"},
        {"LDAP_URL": "ldaps://directory.example", "LDAP_START_TLS": "false"},
        {"LDAP_INSECURE_PLAINTEXT": "true"},
        {"LDAP_INSECURE_PLAINTEXT": "true", "LDAP_START_TLS": "false"},
        {"LDAP_USER_FILTER": "(&(objectClass=person)(sAMAccountName={login}))"},
        {"LDAP_GROUP_BASE_DN": "dc=example,dc=org", "LDAP_GROUP_FILTER": "(memberUid={username})"},
        {"LDAP_ROLE_MAP": '{"cn=a\\\\, b,dc=example,dc=org": ["admin", "user"], "cn=c": []}'},
        {"LDAP_TIMEOUT_SECONDS": "60"},
        {"LDAP_URL": "ldap://one.example, ldaps://two.example:6360 ,ldap://[::1]"},
        {"LDAP_BASE_DN": "ou=people,dc=example,dc=org; ou=guests,dc=example,dc=org"},
        {"LDAP_USER_DN_TEMPLATE": "uid={login},ou=people,dc=example,dc=org"},
        {
            "LDAP_USER_DN_TEMPLATE": "EXAMPLE\\{login}",
            "LDAP_ACTIVE_DIRECTORY": "true",
            "LDAP_DOMAIN": "EXAMPLE,example.org",
        },
        {"LDAP_GROUP_BASE_DN": "dc=x", "LDAP_GROUP_FILTER": "(|(memberUid={uid})(gidNumber={gidNumber}))"},
    ],
    ids=str,
)
def test_what_can_work_starts(changed: dict[str, str]) -> None:
    # Nothing is asked yet: a directory that is down keeps nobody from starting.
    assert open_ldap({**GOOD, **changed})


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("LDAP_URL", ""),
        ("LDAP_URL", " , "),
        ("LDAP_URL", "directory.example"),
        ("LDAP_URL", "http://directory.example"),
        ("LDAP_URL", "ldap://"),
        ("LDAP_URL", "ldap://:389"),
        ("LDAP_URL", "ldap://directory.example:0"),
        ("LDAP_URL", "ldap://directory.example:65536"),
        ("LDAP_URL", "ldap://directory.example:hunter2"),
        ("LDAP_URL", "ldap://svc:hunter2@directory.example"),
        ("LDAP_URL", "ldap://directory.example/dc=hunter2"),
        ("LDAP_URL", "ldap://directory.example?hunter2"),
        ("LDAP_URL", "ldap://directory.example ldap://hunter2"),
        ("LDAP_URL", "ldapi:///var/run/hunter2"),
        ("LDAP_BASE_DN", ""),
        ("LDAP_BASE_DN", "hunter2"),
        ("LDAP_BASE_DN", "dc=example,,dc=hunter2"),
        ("LDAP_BASE_DN", r"dc=\ff\fe"),
        ("LDAP_GROUP_BASE_DN", "hunter2"),
        ("LDAP_START_TLS", "hunter2"),
        ("LDAP_START_TLS", "false"),
        ("LDAP_INSECURE_PLAINTEXT", "hunter2"),
        ("LDAP_CA_FILE", "/nowhere/hunter2.pem"),
        ("LDAP_CA_FILE", "/"),
        ("LDAP_CA_FILE", __file__),
        ("LDAP_USER_FILTER", "(uid=hunter2)"),
        ("LDAP_USER_FILTER", "uid={login}"),
        ("LDAP_USER_FILTER", "(uid={login}"),
        ("LDAP_USER_FILTER", "(uid={username})"),
        ("LDAP_GROUP_FILTER", "(member=hunter2)"),
        ("LDAP_GROUP_FILTER", "((member={dn}))"),
        ("LDAP_ROLE_MAP", "hunter2"),
        ("LDAP_ROLE_MAP", '["hunter2"]'),
        ("LDAP_ROLE_MAP", '{"cn=admins": "hunter2"}'),
        ("LDAP_ROLE_MAP", '{"cn=admins": ["hunter2", 7]}'),
        ("LDAP_ROLE_MAP", '{"cn=admins": [""]}'),
        ("LDAP_ROLE_MAP", '{"hunter2": ["admin"]}'),
        ("LDAP_TIMEOUT_SECONDS", "0"),
        ("LDAP_TIMEOUT_SECONDS", "61"),
        ("LDAP_TIMEOUT_SECONDS", "1.5"),
        ("LDAP_TIMEOUT_SECONDS", "hunter2"),
    ],
)
def test_what_cannot_work_is_refused_by_name(variable: str, value: str) -> None:
    (line,) = problems(**{variable: value})
    assert line.startswith(f"{variable} ")


@pytest.mark.parametrize(
    ("changed", "names"),
    [
        ({"LDAP_URL": "ldaps://x", "LDAP_START_TLS": "true"}, ["LDAP_START_TLS"]),
        ({"LDAP_START_TLS": "true", "LDAP_INSECURE_PLAINTEXT": "true"}, ["LDAP_INSECURE_PLAINTEXT"]),
        ({"LDAP_URL": "ldaps://x", "LDAP_INSECURE_PLAINTEXT": "true"}, ["LDAP_INSECURE_PLAINTEXT"]),
        ({"LDAP_BIND_DN": "cn=svc"}, ["LDAP_BIND_DN", "LDAP_BIND_PASSWORD"]),
        ({"LDAP_BIND_PASSWORD": "hunter2"}, ["LDAP_BIND_DN", "LDAP_BIND_PASSWORD"]),
        ({**SERVICE, "LDAP_USER_DN_TEMPLATE": "uid={login},dc=x"}, ["LDAP_BIND_DN", "LDAP_USER_DN_TEMPLATE"]),
        ({"LDAP_USER_DN_TEMPLATE": "{login}@example.org"}, ["LDAP_ACTIVE_DIRECTORY", "LDAP_USER_DN_TEMPLATE"]),
    ],
    ids=str,
)
def test_what_contradicts_itself_is_refused_by_name(changed: dict[str, str], names: list[str]) -> None:
    (line,) = problems(**changed)
    assert all(name in line for name in names)


@pytest.mark.parametrize(
    ("changed", "names"),
    [
        ({"LDAP_BIND_DN": "cn=svc", "LDAP_BIND_PASSWORD_FILE": "/nowhere"}, ["LDAP_BIND_PASSWORD_FILE cannot be read"]),
        ({"LDAP_BIND_DN": "cn=svc", "LDAP_BIND_PASSWRD": "hunter2"}, ["LDAP_BIND_PASSWRD is no setting of ours"]),
        ({"LDAP_START_TLS": "false", "LDAP_BASE_DN": ""}, ["LDAP_START_TLS", "LDAP_BASE_DN is not set"]),
        ({"LDAP_BIND_DN": "cn=svc", "LDAP_ROLE_MAP": "?"}, ["LDAP_BIND_PASSWORD", "LDAP_ROLE_MAP cannot"]),
        (
            {"LDAP_URL": "?", "LDAP_ROLE_RULES_FILE": "/nowhere"},
            ["LDAP_URL cannot", "LDAP_ROLE_RULES_FILE: it cannot be read"],
        ),
        ({"LDAP_URL": "?", "LDAP_BASE_DN": "?", "LDAP_CA_FILE": "/"}, ["LDAP_URL", "LDAP_BASE_DN", "LDAP_CA_FILE"]),
    ],
    ids=str,
)
def test_one_fault_hides_no_other(changed: dict[str, str], names: list[str]) -> None:
    told = "\n".join(problems(**changed))
    assert [name for name in names if name not in told] == []


def test_the_scheme_of_the_url_has_no_case() -> None:
    # RFC 3986 §3.1. Read as ldap:// it would go to another port, and to plaintext where that is allowed.
    assert LdapSettings.read({**GOOD, "LDAP_URL": "LDAPS://directory.example"}).servers[0].ldaps


def test_servers_are_kept_in_their_order() -> None:
    urls = "ldap://one.example, ldaps://two.example:6360 ,ldap://[::1]"
    servers = LdapSettings.read({**GOOD, "LDAP_URL": urls}).servers
    assert [str(server) for server in servers] == ["one.example:389", "two.example:6360", "[::1]:389"]
    assert [server.ldaps for server in servers] == [False, True, False]


def test_the_bind_password_may_be_in_a_file_and_is_never_shown(tmp_path: Path) -> None:
    (tmp_path / "password").write_text(" hunter2 \n")
    settings = LdapSettings.read(
        {**GOOD, **SERVICE, "LDAP_BIND_PASSWORD": "", "LDAP_BIND_PASSWORD_FILE": str(tmp_path / "password")}
    )
    assert settings.bind_password is not None
    assert settings.bind_password.get_secret_value() == " hunter2 "
    assert "hunter2" not in f"{settings!r} {settings} {json.dumps(settings.model_dump(mode='json'))}"


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("LDAP_USER_FILTER", "(&(uid={login})(cn={username}))"),
        ("LDAP_GROUP_FILTER", "(|(member={dn})(memberUid={login}))"),
        ("LDAP_GROUP_FILTER", "(member={DN})"),
        ("LDAP_GROUP_FILTER", "({dn}=x)"),
        ("LDAP_ROLE_MAP", '{"cn=a,dc=x": ["admin"], "CN=A, DC=x": ["user"]}'),
        ("LDAP_USERNAME_ATTRIBUTE", "uid)(x=*"),
        ("LDAP_URL", "ldap://127..0.0.1"),
        ("LDAP_URL", "ldap://one.example.org,two.example.org"),
        ("LDAP_URL", "ldap://one.example.org,ldap://two.example.org/dc=x"),
        ("LDAP_BASE_DN", ";"),
        ("LDAP_BASE_DN", "dc=x;x"),
        ("LDAP_USER_DN_TEMPLATE", "uid=x,dc=x"),
        ("LDAP_USER_DN_TEMPLATE", "uid={login},cn={login},dc=x"),
        ("LDAP_USER_DN_TEMPLATE", "uid={name},dc=x"),
        ("LDAP_POOL_SIZE", "1000"),
        ("LDAP_ROLE_RULES_FILE", "/nowhere"),
        ("LDAP_URL", "ldap://:password@localhost"),
        ("LDAP_TIMEOUT", "3"),
    ],
)
def test_what_would_half_work_is_refused(variable: str, value: str) -> None:
    with pytest.raises(ConfigurationError) as refusal:
        open_ldap({"LDAP_URL": "ldap://localhost", "LDAP_BASE_DN": "dc=x", variable: value})
    (told,) = refusal.value.lines
    assert told.startswith((f"{variable} ", f"{variable}:"))
    assert value not in told
