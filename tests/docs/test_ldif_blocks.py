"""The LDIF of docs/directories.md and its pages is accepted by OpenLDAP and 389 Directory Server."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers import directory389 as server389
from tests.servers.directory389 import Directory389
from tests.servers.slapd import CONFIGURATION
from tests.support.newcomer import blocks

PAGE_389 = "docs/directories/389-directory-server.md"
NAMES = {
    "cn=latchkey,ou=services,dc=example,dc=org": server389.SERVICE,
    "dc=example,dc=org": server389.SUFFIX,
}


def run(command: list[str], ldif: str = "") -> str:
    """Run a program with this standard input; return its output."""
    ended = subprocess.run(command, input=ldif, capture_output=True, text=True, check=False, timeout=60)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


@pytest.fixture
def restored_389(directory389: Directory389) -> Iterator[Directory389]:
    """The server, whose service account has the limits of the server afterwards."""
    yield directory389
    directory389.modify(server389.SERVICE, {"nsPagedSizeLimit": [], "nsPagedLookThroughLimit": []})


@pytest.mark.parametrize(("page", "number"), [(PAGE_389, 0), (PAGE_389, 1), ("docs/directories.md", 0)])
def test_389_directory_server_accepts_the_block(restored_389: Directory389, page: str, number: int) -> None:
    ldif = blocks(page, "ldif")[number]
    for name, actual in NAMES.items():
        ldif = ldif.replace(name, actual)
    if ldif.startswith("aci:"):
        ldif = f"dn: {server389.SUFFIX}\nchangetype: modify\nadd: aci\n{ldif}"
    address = f"ldap://127.0.0.1:{restored_389.port}"
    run(["ldapmodify", "-x", "-H", address, "-D", server389.ADMIN, "-w", server389.ADMIN_PASSWORD], ldif)


def test_openldap_accepts_the_limit_for_the_service_account(tmp_path: Path) -> None:
    kept = ("include", "modulepath", "moduleload back_mdb", "database", "suffix", "directory")
    lines = [line for line in CONFIGURATION.splitlines() if line.startswith(kept)]
    text = "\n".join(lines).format(home=tmp_path, suffix="dc=example,dc=org")
    (tmp_path / "slapd.conf").write_text(f"{text}\n")
    (tmp_path / "db").mkdir()
    (tmp_path / "config").mkdir()
    configuration = ["-F", str(tmp_path / "config")]
    run(["/usr/sbin/slapadd", "-f", str(tmp_path / "slapd.conf")])  # creates the database
    run(["/usr/sbin/slaptest", "-f", str(tmp_path / "slapd.conf"), *configuration])
    run(["/usr/sbin/slapmodify", *configuration, "-n", "0"], blocks("docs/directories/openldap.md", "ldif")[0])
    assert "size.prtotal=unlimited" in run(["/usr/sbin/slapcat", *configuration, "-n", "0", "-o", "ldif-wrap=no"])
