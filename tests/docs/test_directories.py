"""What docs/directories.md tells to type logs people in, on real directories."""

import subprocess
from pathlib import Path

import pytest

from providers.ldap import open_ldap
from tests.servers import samba as windows
from tests.servers.samba import Samba
from tests.servers.slapd import SERVICE, SERVICE_PASSWORD, SUFFIX, Slapd
from tests.support.active_directory import ALICE
from tests.support.newcomer import blocks
from tests.support.users import ZOE

PAGE = "docs/directories.md"
BY_THE_STANDARDS, WINDOWS = blocks(PAGE, "sh")
(RULES,) = blocks(PAGE, "toml")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the page's rules, and the password of the service account."""
    (tmp_path / "password").write_text(f"{SERVICE_PASSWORD}\n")
    return tmp_path


def typed(folder: Path, commands: str, **here: str) -> dict[str, str]:
    """Return the variables that are set by typing these, with the names of here in place of the page's."""
    for name, ours in {"/run/secrets/ldap": f"{folder}/password", **here}.items():
        assert name in commands
        commands = commands.replace(name, ours)
    script = ["/bin/sh", "-c", f"{commands}\nenv -0"]
    typing = subprocess.run(script, cwd=folder, env={"PATH": "/usr/bin:/bin"}, capture_output=True, check=True)
    environ = dict(line.split("=", 1) for line in typing.stdout.decode().split("\0") if line)
    return {**environ, "LDAP_ROLE_RULES_FILE": str(folder / environ["LDAP_ROLE_RULES_FILE"])}


def test_people_log_in_at_a_directory_by_the_standards(slapd: Slapd, folder: Path) -> None:
    (folder / "roles.toml").write_text(
        RULES.replace("cn=admins", "cn=admin").replace("cn=staff", "cn=user").replace("dc=example,dc=org", SUFFIX)
    )
    here = {
        "ldaps://directory.example.org": f"ldaps://localhost:{slapd.tls_port}",
        "cn=latchkey,ou=system,dc=example,dc=org": SERVICE,
        "ou=guests,dc=example,dc=org": f"ou=system,{SUFFIX}",
        "dc=example,dc=org": SUFFIX,
    }
    environ = typed(folder, BY_THE_STANDARDS, **here)
    user = open_ldap({**environ, "LDAP_CA_FILE": str(slapd.home / "ca.pem")}).authenticate(ZOE.email, ZOE.password)
    assert user
    assert user["roles"] == ["admin", "editor", "user"]


@pytest.mark.parametrize("login", ["alice", f"{windows.DOMAIN}\\alice", f"alice@{windows.REALM}"])
def test_people_log_in_at_an_active_directory(samba: Samba, folder: Path, login: str) -> None:
    groups = windows.group_dn("x").removeprefix("CN=x,")
    (folder / "roles.toml").write_text(RULES.replace("cn=admins,ou=groups,dc=example,dc=org", f"cn=admins-ad,{groups}"))
    here = {
        "ldap://dc2.ad.example.org": f"ldap://{samba.address}",
        "ldap://dc1.ad.example.org": f"ldap://{samba.address}:1",
        "cn=latchkey,cn=users,dc=ad,dc=example,dc=org": windows.SERVICE,
        "dc=ad,dc=example,dc=org": windows.SUFFIX,
        "EXAMPLE,ad.example.org": f"{windows.DOMAIN},{windows.REALM}",
    }
    environ = typed(folder, WINDOWS, **here)
    user = open_ldap({**environ, "LDAP_CA_FILE": str(samba.home / "ca.pem")}).authenticate(login, ALICE.password)
    assert user
    assert user["roles"] == ["editor", "user"]
