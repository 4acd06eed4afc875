"""The LDAP_ variables: an invalid value stops the start, with the name of the variable."""

import json
import re
from pathlib import Path

import pytest

from app import create_app
from config.errors import ConfigurationError
from providers.ldap import open_ldap
from providers.ldap.settings import LdapSettings
from tests.support.stores import SECRET_KEY

VALID = {
    "SECRET_KEY": SECRET_KEY,
    "AUTH_PROVIDER": "ldap",
    "LDAP_URL": "ldap://directory.example",
    "LDAP_BASE_DN": "ou=people,dc=example,dc=org",
}
SERVICE = {"LDAP_BIND_DN": "cn=svc,dc=example,dc=org", "LDAP_BIND_PASSWORD": "hunter2"}


def problems(**changed: str) -> list[str]:
    """Return the problems of the valid environment with these changes, after a check that no secret is in them."""
    with pytest.raises(ConfigurationError) as raised:
        create_app({**VALID, **changed})
    secrets = [value for name, value in changed.items() if name.endswith(("PASSWORD", "PASSWRD"))]
    assert [secret for secret in (*secrets, "svc:hunter2") if secret in str(raised.value)] == []
    return raised.value.lines


@pytest.mark.parametrize(
    "changed",
    [
        {},
        SERVICE,
        {"LDAP_URL": "ldaps://directory.example:3269"},
        {"LDAP_URL": "ldap://[2001:db8::1]:389/"},
        {"LDAP_START_TLS": "true"},
        {"LDAP_URL": "ldaps://directory.example", "LDAP_START_TLS": "false"},
        {"LDAP_URL": "LDAPS://directory.example", "LDAP_START_TLS": "false"},
        {"LDAP_URL": "ldaps://directory.example.:636"},
        {**SERVICE, "LDAP_BIND_DN": "svc@ad.example.org", "LDAP_ACTIVE_DIRECTORY": "true"},
        {**SERVICE, "LDAP_BIND_DN": "EXAMPLE\\svc", "LDAP_ACTIVE_DIRECTORY": "true"},
        {**SERVICE, "LDAP_BIND_DN": "ad.example.org\\a service", "LDAP_ACTIVE_DIRECTORY": "true"},
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
def test_valid_settings_are_accepted_without_a_connection(changed: dict[str, str]) -> None:
    # The service must start while the directory is unavailable.
    assert open_ldap({**VALID, **changed})


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
def test_invalid_value_is_reported_by_its_variable(variable: str, value: str) -> None:
    (line,) = problems(**{variable: value})
    assert re.match(rf"{variable}[, ]", line)


@pytest.mark.parametrize(
    ("changed", "names"),
    [
        ({"LDAP_URL": "ldaps://x", "LDAP_START_TLS": "true"}, ["LDAP_START_TLS"]),
        ({"LDAP_START_TLS": "true", "LDAP_INSECURE_PLAINTEXT": "true"}, ["LDAP_INSECURE_PLAINTEXT"]),
        ({"LDAP_URL": "ldaps://x", "LDAP_INSECURE_PLAINTEXT": "true"}, ["LDAP_INSECURE_PLAINTEXT"]),
        ({"LDAP_URL": "LDAPS://x", "LDAP_START_TLS": "true"}, ["LDAP_START_TLS"]),
        ({"LDAP_URL": "LDAPS://x", "LDAP_INSECURE_PLAINTEXT": "true"}, ["LDAP_INSECURE_PLAINTEXT"]),
        ({"LDAP_BIND_DN": "cn=svc"}, ["LDAP_BIND_DN", "LDAP_BIND_PASSWORD"]),
        ({**SERVICE, "LDAP_BIND_DN": "svc@example.org"}, ["LDAP_ACTIVE_DIRECTORY", "LDAP_BIND_DN"]),
        ({**SERVICE, "LDAP_BIND_DN": "EXAMPLE\\svc"}, ["LDAP_ACTIVE_DIRECTORY", "LDAP_BIND_DN"]),
        ({"LDAP_BIND_PASSWORD": "hunter2"}, ["LDAP_BIND_DN", "LDAP_BIND_PASSWORD"]),
        ({**SERVICE, "LDAP_USER_DN_TEMPLATE": "uid={login},dc=x"}, ["LDAP_BIND_DN", "LDAP_USER_DN_TEMPLATE"]),
        ({"LDAP_USER_DN_TEMPLATE": "{login}@example.org"}, ["LDAP_ACTIVE_DIRECTORY", "LDAP_USER_DN_TEMPLATE"]),
    ],
    ids=str,
)
def test_contradiction_is_reported_with_both_variables(changed: dict[str, str], names: list[str]) -> None:
    (line,) = problems(**changed)
    assert all(name in line for name in names)


@pytest.mark.parametrize(
    ("changed", "names"),
    [
        (
            {"LDAP_BIND_DN": "cn=svc", "LDAP_BIND_PASSWORD_FILE": "/nowhere"},
            ["LDAP_BIND_PASSWORD_FILE names a file that cannot be read"],
        ),
        ({"LDAP_BIND_DN": "cn=svc", "LDAP_BIND_PASSWRD": "hunter2"}, ["LDAP_BIND_PASSWRD is not a setting"]),
        ({"LDAP_START_TLS": "false", "LDAP_BASE_DN": ""}, ["LDAP_START_TLS", "LDAP_BASE_DN is not set"]),
        ({"LDAP_BIND_DN": "cn=svc", "LDAP_ROLE_MAP": "?"}, ["LDAP_BIND_PASSWORD", "LDAP_ROLE_MAP is invalid"]),
        (
            {"LDAP_URL": "?", "LDAP_ROLE_RULES_FILE": "/nowhere"},
            [
                "LDAP_URL is not an ldap:// or ldaps:// URL with a host",
                "LDAP_ROLE_RULES_FILE names a file that cannot be read",
            ],
        ),
        ({"LDAP_URL": "?", "LDAP_BASE_DN": "?", "LDAP_CA_FILE": "/"}, ["LDAP_URL", "LDAP_BASE_DN", "LDAP_CA_FILE"]),
    ],
    ids=str,
)
def test_all_problems_are_reported_together(changed: dict[str, str], names: list[str]) -> None:
    text = "\n".join(problems(**changed))
    assert [name for name in names if name not in text] == []


def test_url_scheme_is_case_insensitive() -> None:
    # RFC 3986 §3.1. Read as ldap:// it would use another port, and no encryption if that is allowed.
    assert LdapSettings.read({**VALID, "LDAP_URL": "LDAPS://directory.example"}).servers[0].ldaps


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (r"ou=a\;b,dc=x", [r"ou=a\;b,dc=x"]),
        (r"ou=a\;b,dc=x; dc=y ;", [r"ou=a\;b,dc=x", "dc=y"]),
        (r"ou=a\\;dc=y", [r"ou=a\\", "dc=y"]),
        (r'ou="a;b",dc=x;dc=y', [r'ou="a;b",dc=x', "dc=y"]),
        (r"ou=a\3bb,dc=x;dc=y", [r"ou=a\3bb,dc=x", "dc=y"]),
    ],
)
def test_escaped_semicolon_does_not_separate_base_dns(text: str, parts: list[str]) -> None:
    settings = LdapSettings.read({**VALID, "LDAP_BASE_DN": text, "LDAP_GROUP_BASE_DN": text})
    assert [*settings.base_dn] == [*settings.group_base_dn] == parts


@pytest.mark.parametrize(
    ("misspelled", "nearest"),
    [
        ("LDAP_BINDDN", "LDAP_BIND_DN"),
        ("LDAP_URI", "LDAP_URL"),
        ("LDAPS_URL", "LDAP_URL"),
        ("LDAP_STARTTLS", "LDAP_START_TLS"),
        ("LDAP_USERFILTER", "LDAP_USER_FILTER"),
        ("LDAP_TLS_CA_FILE", "LDAP_CA_FILE"),
        ("LDAP_CA_CERT_FILE", "LDAP_CERT_FILE"),
        ("LDAP_BASE", "LDAP_BASE_DN"),
        ("LDAP_BIND_PASSWORDFILE", "LDAP_BIND_PASSWORD_FILE"),
        ("ldap_domain", "LDAP_DOMAIN"),
    ],
)
def test_misspelled_variable_is_reported_with_the_nearest_name(misspelled: str, nearest: str) -> None:
    environ = {"LDAP_URL": "ldap://x", "LDAP_BASE_DN": "dc=x", misspelled: "x"}
    environ.pop(nearest, None)
    with pytest.raises(ConfigurationError) as raised:
        LdapSettings.read(environ)
    assert f"{misspelled} is not a setting. The nearest setting is {nearest}." in raised.value.lines


@pytest.mark.parametrize("variable", ["LDAP_PORT", "LDAP_SERVICE_HOST", "LDAP_PORT_389_TCP_ADDR", "LDAP_SERVICE_PORT"])
def test_variable_of_kubernetes_for_a_service_named_ldap_is_ignored(variable: str) -> None:
    assert LdapSettings.read({**VALID, variable: "tcp://10.0.0.1:389"})


def test_servers_keep_their_order() -> None:
    urls = "ldap://one.example, ldaps://two.example:6360 ,ldap://[::1]"
    servers = LdapSettings.read({**VALID, "LDAP_URL": urls}).servers
    assert [str(server) for server in servers] == ["one.example:389", "two.example:6360", "[::1]:389"]
    assert [server.ldaps for server in servers] == [False, True, False]


def test_bind_password_is_read_from_a_file_and_never_shown(tmp_path: Path) -> None:
    (tmp_path / "password").write_text(" hunter2 \n")
    settings = LdapSettings.read(
        {**VALID, **SERVICE, "LDAP_BIND_PASSWORD": "", "LDAP_BIND_PASSWORD_FILE": str(tmp_path / "password")}
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
        ("LDAP_USERNAME_ATTRIBUTE", "uid;lang-de"),
        ("LDAP_EMAIL_ATTRIBUTE", "mail;lang-de"),
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
        ("LDAP_BIND_DN", "searcher"),
        ("LDAP_BIND_DN", "AD/svc"),
        ("LDAP_BIND_DN", "@example.org"),
        ("LDAP_BIND_DN", "AD\\"),
    ],
)
def test_value_that_would_fail_later_is_rejected(variable: str, value: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        open_ldap({"LDAP_URL": "ldap://localhost", "LDAP_BASE_DN": "dc=x", variable: value})
    (line,) = raised.value.lines
    assert re.match(rf"{variable}(, .*)? ", line)
