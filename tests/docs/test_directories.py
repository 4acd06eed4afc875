"""The configurations for OpenLDAP and Active Directory in docs/directories/ work with real servers."""

import subprocess
from pathlib import Path

import pytest

from providers.ldap import open_ldap
from tests.servers import samba as samba_server
from tests.servers.samba import Samba
from tests.servers.slapd import SERVICE, SERVICE_PASSWORD, SUFFIX, Slapd
from tests.support.active_directory import ALICE
from tests.support.newcomer import blocks
from tests.support.users import ZOE

OPENLDAP = blocks("docs/directories/openldap.md", "sh")[0]
ACTIVE_DIRECTORY = blocks("docs/directories/active-directory.md", "sh")[0]
(RULES,) = blocks("docs/directory-roles.md", "toml")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the password of the service account."""
    (tmp_path / "password").write_text(f"{SERVICE_PASSWORD}\n")
    return tmp_path


def environ_of(folder: Path, commands: str, **names: str) -> dict[str, str]:
    """Return the variables that the commands set, with the names of the test servers in place of the page's."""
    commands = commands.replace("/run/secrets/ldap", f"{folder}/password")
    for name, actual in names.items():
        assert name in commands
        commands = commands.replace(name, actual)
    script = ["/bin/sh", "-c", f"{commands}\nenv -0"]
    ended = subprocess.run(script, cwd=folder, env={"PATH": "/usr/bin:/bin"}, capture_output=True, check=True)
    environ = dict(line.split("=", 1) for line in ended.stdout.decode().split("\0") if line)
    rules = environ.get("LDAP_ROLE_RULES_FILE")
    return {**environ, **({"LDAP_ROLE_RULES_FILE": str(folder / rules)} if rules else {})}


def test_login_with_openldap(slapd: Slapd, folder: Path) -> None:
    (folder / "roles.toml").write_text(
        RULES.replace("cn=admins", "cn=admin").replace("cn=staff", "cn=user").replace("dc=example,dc=org", SUFFIX)
    )
    names = {
        "ldaps://directory.example.org": f"ldaps://localhost:{slapd.tls_port}",
        "cn=latchkey,ou=system,dc=example,dc=org": SERVICE,
        "ou=guests,dc=example,dc=org": f"ou=system,{SUFFIX}",
        "dc=example,dc=org": SUFFIX,
    }
    environ = environ_of(folder, OPENLDAP, **names)
    user = open_ldap({**environ, "LDAP_CA_FILE": str(slapd.home / "ca.pem")}).authenticate(ZOE.email, ZOE.password)
    assert user
    assert user["roles"] == ["admin", "editor", "user"]


@pytest.mark.parametrize("login", ["alice", f"{samba_server.DOMAIN}\\alice", f"alice@{samba_server.REALM}"])
def test_login_with_active_directory(samba: Samba, folder: Path, login: str) -> None:
    groups = samba_server.group_dn("x").removeprefix("CN=x,")
    (folder / "roles.toml").write_text(RULES.replace("cn=admins,ou=groups,dc=example,dc=org", f"cn=admins-ad,{groups}"))
    names = {
        "ldap://dc2.ad.example.org": f"ldap://{samba.address}",
        "ldap://dc1.ad.example.org": f"ldap://{samba.address}:1",
        "cn=latchkey,cn=users,dc=ad,dc=example,dc=org": samba_server.SERVICE,
        "dc=ad,dc=example,dc=org": samba_server.SUFFIX,
        "EXAMPLE,ad.example.org": f"{samba_server.DOMAIN},{samba_server.REALM}",
    }
    environ = environ_of(folder, ACTIVE_DIRECTORY, **names)
    user = open_ldap({**environ, "LDAP_CA_FILE": str(samba.home / "ca.pem")}).authenticate(login, ALICE.password)
    assert user
    assert user["roles"] == ["editor", "user"]
