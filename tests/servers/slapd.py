"""A real OpenLDAP server, with memberOf, password policies and TLS, in a temporary directory."""

import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import trustme
from ldap3 import MODIFY_ADD, NONE, SAFE_SYNC, Connection, Server
from ldap3.utils.dn import escape_rdn

from tests.servers.ldap_changes import add_entry, replace_values
from tests.servers.process import free_port, listens, running
from tests.support.stores import HIGH_LIMITS
from tests.support.users import SampleUser

SUFFIX = "dc=example,dc=test"
ADMIN = f"cn=admin,{SUFFIX}"
ADMIN_PASSWORD = "admin-secret"
SERVICE = f"cn=svc,ou=system,{SUFFIX}"
SERVICE_PASSWORD = "service-secret"
PAGING_SERVICE = f"cn=paging,ou=system,{SUFFIX}"
"""A service account with the same password, which may read any number of entries in pages. All others may read 500."""

STRICT = f"cn=strict,ou=policies,{SUFFIX}"
"""For pwdPolicySubentry: three wrong passwords lock the user for a minute."""
AGING = f"cn=aging,ou=policies,{SUFFIX}"
"""For pwdPolicySubentry: a password expires 30 days after its pwdChangedTime."""
GRACIOUS = f"cn=gracious,ou=policies,{SUFFIX}"
"""For pwdPolicySubentry: the same, with two grace logins."""
RESET = f"cn=reset,ou=policies,{SUFFIX}"
"""For pwdPolicySubentry: a user with pwdReset must first change their password."""

_POLICIES: dict[str, dict[str, object]] = {
    # Failures are forgotten after a second. Otherwise the many wrong passwords of the tests would fill the entries.
    # Without a maximum age, a new entry has no pwdChangedTime.
    f"cn=default,ou=policies,{SUFFIX}": {
        "pwdLockout": "TRUE",
        "pwdMaxFailure": 1000,
        "pwdFailureCountInterval": 1,
        "pwdMaxAge": 10 * 365 * 24 * 3600,
    },
    STRICT: {"pwdLockout": "TRUE", "pwdMaxFailure": 3, "pwdLockoutDuration": 60, "pwdFailureCountInterval": 300},
    AGING: {"pwdMaxAge": 30 * 24 * 3600},
    GRACIOUS: {"pwdMaxAge": 30 * 24 * 3600, "pwdGraceAuthNLimit": 2},
    RESET: {"pwdMustChange": "TRUE"},
}
_RELAX = ("1.3.6.1.4.1.4203.666.5.12", True, None)

CONFIGURATION = """
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
include /etc/ldap/schema/nis.schema
pidfile {home}/slapd.pid
argsfile {home}/slapd.args
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload memberof
moduleload refint
moduleload ppolicy
moduleload pw-sha2
TLSCACertificateFile {home}/ca.pem
TLSCertificateFile {home}/server.pem
TLSCertificateKeyFile {home}/server.key
TLSProtocolMin 3.3
database mdb
suffix "{suffix}"
rootdn "{admin}"
rootpw {password}
directory {home}/db
maxsize 67108864
dbnosync
index objectClass eq
index uid,mail,cn eq
index member,memberOf,uniqueMember,memberUid eq
limits dn.exact="{paging}" size.prtotal=unlimited
access to attrs=userPassword by self write by anonymous auth by * none
access to * by dn.exact="{service}" read by dn.exact="{paging}" read by self read by anonymous auth by * none
overlay memberof
memberof-refint TRUE
overlay refint
refint_attributes member
refint_nothing "cn=nobody"
overlay ppolicy
ppolicy_default "cn=default,ou=policies,{suffix}"
ppolicy_use_lockout
"""


@dataclass(frozen=True)
class Slapd:
    """A running server."""

    home: Path
    port: int
    tls_port: int
    """0 without TLS."""

    @property
    def log(self) -> str:
        """The log of the server so far."""
        return (self.home / "slapd.log").read_text()

    def admin(self) -> Connection:
        """Return a connection with the rights of an administrator."""
        server = Server("127.0.0.1", self.port, get_info=NONE)
        return Connection(server, ADMIN, ADMIN_PASSWORD, client_strategy=SAFE_SYNC, auto_bind=True, check_names=False)

    def add(self, dn: str, classes: list[str], attributes: dict[str, object]) -> None:
        """Add an entry."""
        connection = self.admin()
        add_entry(connection, dn, classes, attributes)
        connection.unbind()

    def modify(self, dn: str, changes: Mapping[str, object], *, relax: bool = False) -> None:
        """Replace the values of attributes. An empty list deletes one; `relax` permits attributes of the server."""
        connection = self.admin()
        replace_values(connection, dn, changes, [_RELAX] if relax else None)
        connection.unbind()

    def compare(self, dn: str, attribute: str, value: str) -> bool:
        """Return whether an attribute of an entry has a value that the server compares as equal to this one."""
        connection = self.admin()
        _, result, _, _ = connection.compare(dn, attribute, value)  # type: ignore[no-untyped-call]
        connection.unbind()
        return bool(result["description"] == "compareTrue")

    def add_person(self, person: SampleUser, *more_emails: str) -> None:
        """Add a person, as a member of one group for each of their roles."""
        dn = person_dn(person.username)
        self.add(
            dn,
            ["inetOrgPerson"],
            {
                "uid": person.username,
                "cn": person.username,
                "sn": person.username,
                "mail": [person.email, *more_emails],
                "userPassword": person.password.encode(),
            },
        )
        for role in person.roles:
            self._join(dn, f"cn={role},ou=groups,{SUFFIX}")

    def _join(self, member: str, group: str) -> None:
        connection = self.admin()
        _, result, _, _ = connection.modify(group, {"member": [(MODIFY_ADD, [member])]})  # type: ignore[no-untyped-call]
        if result["description"] == "noSuchObject":
            _, result, _, _ = connection.add(group, ["groupOfNames"], {"member": member})  # type: ignore[no-untyped-call]
        connection.unbind()
        assert result["description"] == "success", result

    def environ(self, **changed: str) -> dict[str, str]:
        """Return an environment that configures a provider with this server, with changes."""
        roles = ("admin", "user", "editor")
        return {
            **HIGH_LIMITS,
            "AUTH_PROVIDER": "ldap",
            "LDAP_URL": f"ldap://localhost:{self.port}",
            "LDAP_CA_FILE": str(self.home / "ca.pem"),
            "LDAP_BASE_DN": f"ou=people,{SUFFIX}",
            "LDAP_BIND_DN": SERVICE,
            "LDAP_BIND_PASSWORD": SERVICE_PASSWORD,
            # Case and spaces make no difference.
            "LDAP_ROLE_MAP": json.dumps({f"CN={role.title()}, OU=Groups,{SUFFIX}": [role] for role in roles}),
            **changed,
        }


def person_dn(username: str) -> str:
    """Return the DN of a person that `add_person` adds."""
    return f"uid={escape_rdn(username)},ou=people,{SUFFIX}"


@contextmanager
def slapd(
    home: Path, *, tls: bool = True, not_after: datetime | None = None, names: tuple[str, ...] = ("localhost",)
) -> Iterator[Slapd]:
    """Run a server with a service account and no users.

    Its certificate is for `names` and expires at `not_after`.
    """
    server = Slapd(home, free_port(), free_port() if tls else 0)
    _write_configuration(server, not_after, names)
    # A copy, because AppArmor in Ubuntu restricts /usr/sbin/slapd to the system's directories.
    shutil.copy("/usr/sbin/slapd", home / "slapd")
    with started(server):
        _add_entries(server)
        yield server


@contextmanager
def started(server: Slapd) -> Iterator[None]:
    """Run a server that was stopped, with its entries and ports."""
    ports = {"ldap": server.port, "ldaps": server.tls_port} if server.tls_port else {"ldap": server.port}
    urls = " ".join(f"{scheme}://127.0.0.1:{port}" for scheme, port in ports.items())
    command = [str(server.home / "slapd"), "-f", str(server.home / "slapd.conf"), "-d", "stats", "-h", urls]
    with (server.home / "slapd.log").open("ab") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
        with running(process, lambda: all(map(listens, ports.values()))):
            yield


def _write_configuration(server: Slapd, not_after: datetime | None, names: tuple[str, ...]) -> None:
    home = server.home
    authority = trustme.CA(key_type=trustme.KeyType.ECDSA)
    certificate = authority.issue_cert(*names, not_after=not_after, key_type=trustme.KeyType.ECDSA)
    authority.cert_pem.write_to_path(home / "ca.pem")
    certificate.cert_chain_pems[0].write_to_path(home / "server.pem")
    certificate.private_key_pem.write_to_path(home / "server.key")
    (home / "db").mkdir()
    text = CONFIGURATION.format(
        home=home, suffix=SUFFIX, admin=ADMIN, password=ADMIN_PASSWORD, service=SERVICE, paging=PAGING_SERVICE
    )
    lines = [line for line in text.splitlines() if server.tls_port or not line.startswith("TLS")]
    (home / "slapd.conf").write_text("\n".join(lines))


def _add_entries(server: Slapd) -> None:
    server.add(SUFFIX, ["dcObject", "organization"], {"dc": "example", "o": "Example"})
    for unit in ("people", "groups", "system", "policies"):
        server.add(f"ou={unit},{SUFFIX}", ["organizationalUnit"], {"ou": unit})
    for dn, policy in _POLICIES.items():
        server.add(dn, ["device", "pwdPolicy"], {"pwdAttribute": "userPassword", **policy})
    for dn in (SERVICE, PAGING_SERVICE):
        server.add(dn, ["applicationProcess", "simpleSecurityObject"], {"userPassword": SERVICE_PASSWORD})
