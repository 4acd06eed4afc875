"""An Active Directory domain for tests: provisioned once, and run by Samba on a loopback address of its own."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import trustme

from tests.servers.process import free_address, listens, running
from tests.servers.root import AS_ROOT, run_as_root
from tests.servers.samba import ADMIN_PASSWORD, DOMAIN, REALM, SERVICE, SERVICE_PASSWORD, STRICT, SUFFIX, Samba

CONFIGURATION = """
[global]
netbios name = DC1
realm = {realm}
workgroup = {domain}
server role = active directory domain controller
server services = ldap
dcerpc endpoint servers = -none
# Samba does not listen on a network of one address (/32).
interfaces = {address}/8
bind interfaces only = yes
tls enabled = yes
tls cafile = {home}/ca.pem
tls certfile = {home}/server.pem
tls keyfile = {home}/dc/server.key
ldb:nosync = true
private dir = {home}/dc/private
state directory = {home}/dc/state
cache directory = {home}/dc/cache
lock directory = {home}/dc
pid directory = {home}/dc
ncalrpc dir = {home}/dc/ncalrpc
winbindd socket directory = {home}/dc/winbindd
ntp signd socket directory = {home}/dc/ntp_signd
"""

_PORTS = (389, 636)  # they cannot be changed, and only root may listen there
_MINUTES = -60 * 10**7  # durations are negative, in units of 100 ns
_POLICY = {"minPwdLength": 1, "pwdProperties": 0, "minPwdAge": 0, "pwdHistoryLength": 0, "lockoutThreshold": 0}
_STRICT_POLICY = {
    "msDS-PasswordSettingsPrecedence": 1,
    "msDS-PasswordReversibleEncryptionEnabled": "FALSE",
    "msDS-PasswordComplexityEnabled": "FALSE",
    "msDS-PasswordHistoryLength": 0,
    "msDS-MinimumPasswordLength": 1,
    "msDS-MinimumPasswordAge": 0,
    "msDS-MaximumPasswordAge": 40 * 24 * 60 * _MINUTES,
    "msDS-LockoutThreshold": 3,
    "msDS-LockoutObservationWindow": 30 * _MINUTES,
    "msDS-LockoutDuration": 30 * _MINUTES,
    "msDS-PSOAppliesTo": STRICT,
}


def provision_domain(home: Path) -> None:
    """Create a domain that `domain_controller` can copy. It takes five seconds."""
    # Without it samba-tool reads the machine's configuration.
    (home / "empty.conf").write_text("[global]\nldb:nosync = true\n")
    run_as_root(
        "samba-tool", "domain", "provision", f"--configfile={home}/empty.conf", f"--targetdir={home}/dc",
        "--server-role=dc", "--use-rfc2307", "--dns-backend=NONE", f"--realm={REALM.upper()}", f"--domain={DOMAIN}",
        "--host-name=dc1", "--host-ip=127.0.0.1", f"--adminpass={ADMIN_PASSWORD}", "--quiet",
    )  # fmt: skip
    _change_owner(os.geteuid(), home / "dc")


@contextmanager
def domain_controller(home: Path, provisioned: Path) -> Iterator[Samba]:
    """Run a copy of a provisioned domain, with a service account and no other users."""
    server = Samba(home, free_address(_PORTS))
    shutil.copytree(provisioned / "dc", home / "dc")
    _write_configuration(server)
    with _running(server):
        _add_entries(server)
        yield server


@contextmanager
def _running(server: Samba) -> Iterator[None]:
    _change_owner(0, server.home / "dc")
    command = [*AS_ROOT, "samba", f"--configfile={server.home}/smb.conf"]
    options = ["--interactive", "--no-process-group", "--model=single"]
    try:
        with (server.home / "samba.log").open("ab") as log:
            process = subprocess.Popen([*command, *options], stdin=subprocess.PIPE, stdout=log, stderr=log)
        with running(process, lambda: all(listens(port, server.address) for port in _PORTS)), _closing_input(process):
            yield
    finally:
        _change_owner(os.geteuid(), server.home / "dc")


@contextmanager
def _closing_input(process: subprocess.Popen[bytes]) -> Iterator[None]:
    try:
        yield
    finally:
        # A user cannot signal a process of sudo. Samba ends with its standard input, even if the tests are killed.
        process.communicate(timeout=60)


def _write_configuration(server: Samba) -> None:
    home = server.home
    names = ("localhost", f"dc1.{REALM}", server.address)
    authority = trustme.CA(key_type=trustme.KeyType.ECDSA)
    certificate = authority.issue_cert(*names, key_type=trustme.KeyType.ECDSA)
    authority.cert_pem.write_to_path(home / "ca.pem")
    certificate.cert_chain_pems[0].write_to_path(home / "server.pem")
    certificate.private_key_pem.write_to_path(home / "dc" / "server.key")
    (home / "dc" / "server.key").chmod(0o600)
    (home / "smb.conf").write_text(
        CONFIGURATION.format(home=home, address=server.address, realm=REALM.upper(), domain=DOMAIN)
    )


def _add_entries(server: Samba) -> None:
    server.modify(SUFFIX, _POLICY)
    for unit in ("people", "groups", "system"):
        server.add(f"OU={unit},{SUFFIX}", ["organizationalUnit"], {})
    password = f'"{SERVICE_PASSWORD}"'.encode("utf-16-le")
    account = {"sAMAccountName": "svc", "unicodePwd": password, "userAccountControl": 512}
    server.add(SERVICE, ["user"], account)
    server.add(STRICT, ["group"], {"sAMAccountName": "strict"})
    policies = f"CN=Password Settings Container,CN=System,{SUFFIX}"
    server.add(f"CN=strict,{policies}", ["msDS-PasswordSettings"], _STRICT_POLICY)


def _change_owner(uid: int, folder: Path) -> None:
    """Make root the owner, as Samba requires, or the user of the tests, so that pytest can delete the files."""
    if AS_ROOT:
        run_as_root("chown", "-R", str(uid), str(folder))
