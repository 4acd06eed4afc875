"""A real 389 Directory Server in a temporary directory, configured without the tools of its package."""

import json
import os
import pwd
import re
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ldap3 import BASE, MODIFY_ADD, NONE, SAFE_SYNC, Connection, Server
from ldap3.utils.dn import escape_rdn

from tests.servers.ldap_changes import add_entry, replace_values
from tests.servers.process import free_port, listens, running, wait_until
from tests.support.stores import HIGH_LIMITS
from tests.support.users import SampleUser

SUFFIX = "dc=example,dc=test"
ADMIN = "cn=Directory Manager"
ADMIN_PASSWORD = "admin-secret"
SERVICE = f"cn=svc,{SUFFIX}"
SERVICE_PASSWORD = "service-secret"
DISABLED_ROLE = f"cn=nsManagedDisabledRole,{SUFFIX}"
"""For nsRoleDN: the server computes nsAccountLock for the members of this role."""

_TEMPLATES = Path("/usr/share/dirsrv/data")
_READ_ALL = (
    f'(targetattr="*")(version 3.0; acl "read"; allow(read, search, compare) userdn="ldap:///{SERVICE}" or '
    f'userdn="ldap:///self";)'
)
_LOCK = f'cn="cn=nsDisabledRole,{SUFFIX}",cn=nsAccountInactivationTmp,{SUFFIX}'

# The last five are what `dsidm role lock` adds: a class of service that gives nsAccountLock to the members of a role.
_ENTRIES: dict[str, tuple[list[str], dict[str, object]]] = {
    SUFFIX: (["domain"], {"dc": "example", "aci": _READ_ALL}),
    f"ou=people,{SUFFIX}": (["organizationalUnit"], {"ou": "people"}),
    f"ou=groups,{SUFFIX}": (["organizationalUnit"], {"ou": "groups"}),
    SERVICE: (["applicationProcess", "simpleSecurityObject"], {"cn": "svc", "userPassword": SERVICE_PASSWORD}),
    DISABLED_ROLE: (
        ["ldapSubEntry", "nsRoleDefinition", "nsSimpleRoleDefinition", "nsManagedRoleDefinition"],
        {"cn": "nsManagedDisabledRole"},
    ),
    f"cn=nsDisabledRole,{SUFFIX}": (
        ["ldapSubEntry", "nsRoleDefinition", "nsComplexRoleDefinition", "nsNestedRoleDefinition"],
        {"cn": "nsDisabledRole", "nsRoleDN": DISABLED_ROLE},
    ),
    f"cn=nsAccountInactivationTmp,{SUFFIX}": (["nsContainer"], {"cn": "nsAccountInactivationTmp"}),
    _LOCK: (["extensibleObject", "cosTemplate", "ldapSubEntry"], {"cosPriority": 1, "nsAccountLock": "true"}),
    f"cn=nsAccountInactivation_cos,{SUFFIX}": (
        ["ldapSubEntry", "cosSuperDefinition", "cosClassicDefinition"],
        {
            "cn": "nsAccountInactivation_cos",
            "cosTemplateDn": f"cn=nsAccountInactivationTmp,{SUFFIX}",
            "cosSpecifier": "nsRole",
            "cosAttribute": "nsAccountLock operational",
        },
    ),
}


@dataclass(frozen=True)
class Directory389:
    """A server without TLS."""

    home: Path
    port: int

    def admin(self) -> Connection:
        """Return a connection with the rights of an administrator."""
        server = Server("127.0.0.1", self.port, get_info=NONE)
        return Connection(server, ADMIN, ADMIN_PASSWORD, client_strategy=SAFE_SYNC, auto_bind=True, check_names=False)

    def add(self, dn: str, classes: list[str], attributes: Mapping[str, object]) -> None:
        """Add an entry."""
        connection = self.admin()
        add_entry(connection, dn, classes, attributes)
        connection.unbind()

    def modify(self, dn: str, changes: Mapping[str, object]) -> None:
        """Replace the values of attributes. An empty list deletes an attribute."""
        connection = self.admin()
        replace_values(connection, dn, changes)
        connection.unbind()

    def is_locked(self, dn: str) -> bool:
        """Return whether the entry has nsAccountLock, its own or that of a role."""
        connection = self.admin()
        _, _, found, _ = connection.search(dn, "(objectClass=*)", BASE, attributes=["nsAccountLock"])
        connection.unbind()
        return bool(found[0]["raw_attributes"].get("nsAccountLock"))

    def add_person(self, person: SampleUser) -> None:
        """Add a person, as a member of one group for each of their roles."""
        dn, names = person_dn(person.username), dict.fromkeys(("uid", "cn", "sn"), person.username)
        self.add(dn, ["inetOrgPerson"], {**names, "mail": person.email, "userPassword": person.password})
        for role in person.roles:
            self._join(dn, f"cn={role},ou=groups,{SUFFIX}")

    def _join(self, member: str, group: str) -> None:
        connection = self.admin()
        _, result, _, _ = connection.modify(group, {"member": [(MODIFY_ADD, [member])]})  # type: ignore[no-untyped-call]
        connection.unbind()
        if result["description"] == "noSuchObject":
            self.add(group, ["groupOfNames"], {"member": member})

    def environ(self, **changed: str) -> dict[str, str]:
        """Return an environment that configures a provider with this server, with changes."""
        return {
            **HIGH_LIMITS,
            "AUTH_PROVIDER": "ldap",
            "LDAP_URL": f"ldap://127.0.0.1:{self.port}",
            "LDAP_INSECURE_PLAINTEXT": "true",
            "LDAP_BASE_DN": f"ou=people,{SUFFIX}",
            "LDAP_BIND_DN": SERVICE,
            "LDAP_BIND_PASSWORD": SERVICE_PASSWORD,
            "LDAP_ROLE_MAP": json.dumps(
                {f"cn={role},ou=groups,{SUFFIX}": [role] for role in ("admin", "user", "editor")}
            ),
            **changed,
        }


def person_dn(username: str) -> str:
    """Return the DN of a person that `add_person` adds."""
    return f"uid={escape_rdn(username)},ou=people,{SUFFIX}"


@contextmanager
def directory389(home: Path) -> Iterator[Directory389]:
    """Run a server with a service account and no users."""
    server = Directory389(home, free_port())
    _write_configuration(server)
    with started(server):
        for dn, (classes, attributes) in _ENTRIES.items():
            server.add(dn, classes, attributes)
        _wait_for_roles(server)
        # Without a check of the schema, an entry can have the attributes of other directories.
        server.modify("cn=config", {"nsslapd-schemacheck": "off"})
        yield server


def _wait_for_roles(server: Directory389) -> None:
    """Wait until the role locks its members: threads of the server read new roles and classes of service."""
    server.modify(SERVICE, {"nsRoleDN": DISABLED_ROLE})
    wait_until(lambda: server.is_locked(SERVICE))
    server.modify(SERVICE, {"nsRoleDN": []})


@contextmanager
def started(server: Directory389) -> Iterator[None]:
    """Run a server that was stopped, with its entries and its port."""
    command = ["/usr/sbin/ns-slapd", "-D", str(server.home), "-i", str(server.home / "pid"), "-d", "0"]
    with (server.home / "output").open("ab") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)
        with running(process, lambda: listens(server.port)):
            yield


def _write_configuration(server: Directory389) -> None:
    """Fill in the templates that `dscreate` fills in. It would also write to /etc, and call systemctl."""
    folders = ("schema", "lock", "tmp", "cert", "ldif", "bak", "run", "inst", "log", "db", "db_home", "config")
    for folder in folders:
        (server.home / folder).mkdir()
    values = {f"{folder}_dir": str(server.home / folder) for folder in folders}
    values |= {
        "config_dir": str(server.home),
        "fqdn": "localhost",
        "ds_port": str(server.port),
        "ds_user": pwd.getpwuid(os.geteuid()).pw_name,
        "rootdn": ADMIN,
        "ds_passwd": f"{{CLEAR}}{ADMIN_PASSWORD}",
        "ds_suffix": SUFFIX,
        "ds_bename": "userRoot",
        "ldapi_enabled": "off",
        "ldapi_autobind": "off",
        "ldapi": str(server.home / "ldapi"),
        "db_lib": "bdb",
    }
    templates = [(_TEMPLATES / name).read_text().strip() for name in ("template-dse.ldif", "template-suffix-db.ldif")]
    text = re.sub(r"%(\w+)%", lambda match: values[match[1]], "\n\n".join(templates) + "\n")
    # Usernames and emails may have letters of all languages, and the entries of users list their groups.
    text = _switch(_switch(text, "7-bit check", "off"), "MemberOf Plugin", "on")
    (server.home / "dse.ldif").write_text(text)
    (server.home / "schema" / "99user.ldif").write_text("dn: cn=schema\n")


def _switch(configuration: str, plugin: str, state: str) -> str:
    pattern = rf"(?m)(^dn: cn={plugin},.*(?:\n.+)*?\nnsslapd-pluginenabled: )\w+"
    changed, count = re.subn(pattern, rf"\g<1>{state}", configuration)
    assert count == 1, plugin
    return changed
