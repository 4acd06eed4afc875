"""A real OpenLDAP server, with memberOf and StartTLS, in a temporary directory."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import trustme
from ldap3 import MODIFY_ADD, NONE, SAFE_SYNC, Connection, Server
from ldap3.utils.dn import escape_rdn

from tests.people import Person
from tests.servers.process import free_port, listens, running

SUFFIX = "dc=example,dc=test"
ADMIN = f"cn=admin,{SUFFIX}"
ADMIN_PASSWORD = "admin-secret"
SERVICE = f"cn=svc,ou=system,{SUFFIX}"
SERVICE_PASSWORD = "service-secret"

CONFIGURATION = """
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
pidfile {home}/slapd.pid
argsfile {home}/slapd.args
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload memberof
moduleload refint
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
index member,memberOf eq
access to attrs=userPassword by self write by anonymous auth by * none
access to * by dn.exact="{service}" read by self read by anonymous auth by * none
overlay memberof
overlay refint
refint_attributes member
refint_nothing "cn=nobody"
"""


@dataclass(frozen=True)
class Slapd:
    """A running server."""

    home: Path
    port: int
    tls_port: int

    @property
    def log(self) -> str:
        """What the server has logged so far."""
        return (self.home / "slapd.log").read_text()

    def admin(self) -> Connection:
        """Return a connection that may change everything."""
        server = Server("127.0.0.1", self.port, get_info=NONE)
        return Connection(server, ADMIN, ADMIN_PASSWORD, client_strategy=SAFE_SYNC, auto_bind=True, check_names=False)

    def add(self, dn: str, classes: list[str], attributes: dict[str, object]) -> None:
        """Add an entry."""
        connection = self.admin()
        _, result, _, _ = connection.add(dn, classes, attributes)  # type: ignore[no-untyped-call]
        connection.unbind()
        assert result["description"] == "success", result

    def add_person(self, person: Person, *more_emails: str) -> None:
        """Add a person, and put them into a group for each of their roles."""
        dn = f"uid={escape_rdn(person.username)},ou=people,{SUFFIX}"
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
        """Return an environment in which the provider knows the people here, with changes to it."""
        roles = ("admin", "user", "editor")
        return {
            "AUTH_PROVIDER": "ldap",
            "LDAP_URL": f"ldap://localhost:{self.port}",
            "LDAP_CA_FILE": str(self.home / "ca.pem"),
            "LDAP_BASE_DN": f"ou=people,{SUFFIX}",
            "LDAP_BIND_DN": SERVICE,
            "LDAP_BIND_PASSWORD": SERVICE_PASSWORD,
            # As a person might write them: neither case nor spaces make a difference.
            "LDAP_ROLE_MAP": json.dumps({f"CN={role.title()}, OU=Groups,{SUFFIX}": [role] for role in roles}),
            **changed,
        }


@contextmanager
def slapd(home: Path) -> Iterator[Slapd]:
    """Run a server with an empty directory and a service account."""
    _write_configuration(home)
    server = Slapd(home, free_port(), free_port())
    # A copy, because Ubuntu's AppArmor lets the one in /usr/sbin read nothing here.
    program = shutil.copy("/usr/sbin/slapd", home / "slapd")
    urls = f"ldap://127.0.0.1:{server.port} ldaps://127.0.0.1:{server.tls_port}"
    command = [program, "-f", home / "slapd.conf", "-d", "stats", "-h", urls]
    with (home / "slapd.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
        with running(process, lambda: listens(server.port) and listens(server.tls_port)):
            _fill(server)
            yield server


def _write_configuration(home: Path) -> None:
    authority = trustme.CA(key_type=trustme.KeyType.ECDSA)
    certificate = authority.issue_cert("localhost", key_type=trustme.KeyType.ECDSA)
    authority.cert_pem.write_to_path(home / "ca.pem")
    certificate.cert_chain_pems[0].write_to_path(home / "server.pem")
    certificate.private_key_pem.write_to_path(home / "server.key")
    (home / "db").mkdir()
    (home / "slapd.conf").write_text(
        CONFIGURATION.format(home=home, suffix=SUFFIX, admin=ADMIN, password=ADMIN_PASSWORD, service=SERVICE)
    )


def _fill(server: Slapd) -> None:
    server.add(SUFFIX, ["dcObject", "organization"], {"dc": "example", "o": "Example"})
    for unit in ("people", "groups", "system"):
        server.add(f"ou={unit},{SUFFIX}", ["organizationalUnit"], {"ou": unit})
    server.add(SERVICE, ["applicationProcess", "simpleSecurityObject"], {"cn": "svc", "userPassword": SERVICE_PASSWORD})
