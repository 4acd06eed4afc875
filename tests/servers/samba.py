"""A real Active Directory domain controller (Samba), on a loopback address of its own."""

import json
import os
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import trustme
from ldap3 import BASE, MODIFY_ADD, MODIFY_REPLACE, NONE, SAFE_SYNC, Connection, Server, Tls
from ldap3.utils.dn import escape_rdn

from tests.servers.process import free_address, listens, running
from tests.support.users import SampleUser

REALM = "ad.example.test"
DOMAIN = "ADEX"
SUFFIX = "DC=ad,DC=example,DC=test"
ADMIN = f"CN=Administrator,CN=Users,{SUFFIX}"
ADMIN_PASSWORD = "admin-Secr3t"
SERVICE = f"CN=svc,OU=system,{SUFFIX}"
SERVICE_PASSWORD = "service-secret"
STRICT = f"CN=strict,OU=groups,{SUFFIX}"
"""A group: three wrong passwords lock its members. Nobody else is ever locked."""

CONFIGURATION = """
[global]
netbios name = DC1
realm = {realm}
workgroup = {domain}
server role = active directory domain controller
server services = ldap
dcerpc endpoint servers = -none
# As /32 it would be no network, and nobody would listen.
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

# Its ports cannot be changed, and are root's.
_AS_ROOT = [] if os.geteuid() == 0 else ["sudo", "-n"]
_PORTS = (389, 636)
_LONG_AGO = 125911584000000000  # 2000-01-01, in tenths of microseconds since 1601
_MINUTES = -60 * 10**7
_FORBIDDEN = str.maketrans('"/\\[]:;|=,+*?<>', "_" * 15)
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


@dataclass(frozen=True)
class Samba:
    """A running domain controller."""

    home: Path
    address: str

    def admin(self) -> Connection:
        """Return a connection that may change everything."""
        connection = self.connection(ADMIN, ADMIN_PASSWORD)
        _, result, _, _ = connection.bind()
        assert result["description"] == "success", result
        return connection

    def add(self, dn: str, classes: list[str], attributes: Mapping[str, object]) -> None:
        """Add an entry."""
        connection = self.admin()
        add(connection, dn, classes, attributes)
        connection.unbind()

    def modify(self, dn: str, changes: Mapping[str, object]) -> None:
        """Give the attributes these values instead of theirs, or none."""
        connection = self.admin()
        replaced = {
            name: [(MODIFY_REPLACE, values if isinstance(values, list) else [values])]
            for name, values in changes.items()
        }
        _, result, _, _ = connection.modify(dn, replaced)  # type: ignore[no-untyped-call]
        connection.unbind()
        assert result["description"] == "success", result

    def read(self, dn: str, attribute: str) -> list[bytes]:
        """Return what an entry has there."""
        connection = self.admin()
        _, _, entries, _ = connection.search(dn, "(objectClass=*)", BASE, attributes=[attribute])
        connection.unbind()
        values: list[bytes] = entries[0]["raw_attributes"][attribute]
        return values

    def add_person(self, person: SampleUser, **attributes: object) -> None:
        """Add a person, whose login names are `account_name`, with DOMAIN before it, and the address.

        They come into a group for each of their roles.
        """
        dn = person_dn(person.username)
        account = {
            "sAMAccountName": account_name(person.username),
            "userPrincipalName": person.email,
            "mail": person.email,
            "unicodePwd": f'"{person.password}"'.encode("utf-16-le"),
            "userAccountControl": 512,
        }
        self.add(dn, ["user"], account)
        if attributes:
            self.modify(dn, attributes)
        for role in person.roles:
            self.join(dn, group_dn(role))

    def join(self, member: str, group: str) -> None:
        """Put a person or a group into a group, which is made if there is none."""
        connection = self.admin()
        _, result, _, _ = connection.modify(group, {"member": [(MODIFY_ADD, [member])]})  # type: ignore[no-untyped-call]
        if result["description"] == "noSuchObject":
            name = group.split(",", 1)[0].removeprefix("CN=")
            add(connection, group, ["group"], {"sAMAccountName": name, "member": member})
        connection.unbind()
        assert result["description"] in {"success", "noSuchObject"}, result

    def lock(self, username: str) -> None:
        """Lock somebody, by wrong passwords."""
        self.join(person_dn(username), STRICT)
        for _ in range(3):
            connection = self.connection(person_dn(username), "wrong")
            connection.bind()
            connection.unbind()
        assert self.read(person_dn(username), "lockoutTime") not in ([], [b"0"])

    def unlock(self, username: str) -> None:
        """Let somebody in again who was locked."""
        self.modify(person_dn(username), {"lockoutTime": 0})

    def make_old(self, username: str) -> None:
        """Have somebody's password be of the year 2000, and thereby expired."""
        change = f"dn: {person_dn(username)}\nchangetype: modify\nreplace: pwdLastSet\npwdLastSet: {_LONG_AGO}\n"
        # Over LDAP it can only become 0 or now. The control has Samba believe what it is told.
        control = "--controls=local_oid:1.3.6.1.4.1.7165.4.3.12:0"
        configuration = f"--configfile={self.home}/smb.conf"
        _as_root("ldbmodify", "-H", f"{self.home}/dc/private/sam.ldb", configuration, control, stdin=change)

    def environ(self, **changed: str) -> dict[str, str]:
        """Return an environment in which the provider knows the people here, with changes to it.

        Each group below OU=groups is a role.
        """
        roles = ("admin", "user", "editor", "admins-ad", "staff", "payroll")
        return {
            "AUTH_PROVIDER": "ldap",
            "LDAP_URL": f"ldap://{self.address}",
            "LDAP_ACTIVE_DIRECTORY": "true",
            "LDAP_CA_FILE": str(self.home / "ca.pem"),
            "LDAP_BASE_DN": SUFFIX,
            "LDAP_BIND_DN": SERVICE,
            "LDAP_BIND_PASSWORD": SERVICE_PASSWORD,
            "LDAP_ROLE_MAP": json.dumps({group_dn(role): [role] for role in roles}),
            **changed,
        }

    def connection(self, user: str, password: str) -> Connection:
        """Return a connection, over TLS, that is yet to be bound."""
        tls = Tls(
            validate=ssl.CERT_REQUIRED,
            version=ssl.PROTOCOL_TLS_CLIENT,
            ca_certs_file=str(self.home / "ca.pem"),
            valid_names=["localhost"],  # from Python 3.12 on, ldap3 knows no addresses
        )
        server = Server(self.address, 636, use_ssl=True, tls=tls, get_info=NONE)
        connection = Connection(server, user, password, client_strategy=SAFE_SYNC, check_names=False)
        connection.open()
        connection.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection


def account_name(username: str) -> str:
    """Return the sAMAccountName, which cannot have every character: that is their username here."""
    return username.translate(_FORBIDDEN)


def person_dn(username: str) -> str:
    """Return where `add_person` puts somebody."""
    return f"CN={escape_rdn(username)},OU=people,{SUFFIX}"


def group_dn(name: str) -> str:
    """Return where a group is."""
    return f"CN={name},OU=groups,{SUFFIX}"


def add(connection: Connection, dn: str, classes: list[str], attributes: Mapping[str, object]) -> None:
    """Add an entry; for many, over one connection."""
    _, result, _, _ = connection.add(dn, classes, dict(attributes))  # type: ignore[no-untyped-call]
    assert result["description"] == "success", result


def provision(home: Path) -> None:
    """Make a domain of which `samba` can run copies; takes five seconds."""
    # An empty one, or it takes the machine's, with its file shares.
    (home / "empty.conf").write_text("[global]\nldb:nosync = true\n")
    _as_root(
        "samba-tool", "domain", "provision", f"--configfile={home}/empty.conf", f"--targetdir={home}/dc",
        "--server-role=dc", "--use-rfc2307", "--dns-backend=NONE", f"--realm={REALM.upper()}", f"--domain={DOMAIN}",
        "--host-name=dc1", "--host-ip=127.0.0.1", f"--adminpass={ADMIN_PASSWORD}", "--quiet",
    )  # fmt: skip
    _belongs_to(os.geteuid(), home / "dc")


@contextmanager
def samba(home: Path, provisioned: Path) -> Iterator[Samba]:
    """Run a copy of the domain, with a service account and nobody else."""
    server = Samba(home, free_address(_PORTS))
    shutil.copytree(provisioned / "dc", home / "dc")
    _write_configuration(server)
    with started(server):
        _fill(server)
        yield server


@contextmanager
def started(server: Samba) -> Iterator[None]:
    """Run a domain controller that was stopped, with what it knew, on the address it had."""
    _belongs_to(0, server.home / "dc")
    command = [*_AS_ROOT, "samba", f"--configfile={server.home}/smb.conf"]
    options = ["--interactive", "--no-process-group", "--model=single"]
    try:
        with (server.home / "samba.log").open("ab") as log:
            process = subprocess.Popen([*command, *options], stdin=subprocess.PIPE, stdout=log, stderr=log)
        with running(process, lambda: all(listens(port, server.address) for port in _PORTS)), _fed(process):
            yield
    finally:
        _belongs_to(os.geteuid(), server.home / "dc")


@contextmanager
def _fed(process: subprocess.Popen[bytes]) -> Iterator[None]:
    try:
        yield
    finally:
        # Not everybody may signal what sudo has started; without an input it ends, too when these tests are killed.
        process.communicate(timeout=20)


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


def _fill(server: Samba) -> None:
    server.modify(SUFFIX, _POLICY)
    for unit in ("people", "groups", "system"):
        server.add(f"OU={unit},{SUFFIX}", ["organizationalUnit"], {})
    password = f'"{SERVICE_PASSWORD}"'.encode("utf-16-le")
    account = {"sAMAccountName": "svc", "unicodePwd": password, "userAccountControl": 512}
    server.add(SERVICE, ["user"], account)
    server.add(STRICT, ["group"], {"sAMAccountName": "strict"})
    policies = f"CN=Password Settings Container,CN=System,{SUFFIX}"
    server.add(f"CN=strict,{policies}", ["msDS-PasswordSettings"], _STRICT_POLICY)


def _belongs_to(uid: int, folder: Path) -> None:
    """Give root what Samba wants to be root's alone, and whoever runs the tests what pytest is to delete."""
    if _AS_ROOT:
        _as_root("chown", "-R", str(uid), str(folder))


def _as_root(*command: str, stdin: str = "") -> None:
    subprocess.run([*_AS_ROOT, *command], input=stdin.encode(), check=True, capture_output=True)
