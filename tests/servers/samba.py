"""A real Active Directory domain controller (Samba): its entries, and connections to it."""

import json
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ldap3 import BASE, MODIFY_ADD, NONE, SAFE_SYNC, Connection, Server, Tls
from ldap3.utils.dn import escape_rdn

from tests.servers.ldap_changes import add_entry, replace_values
from tests.servers.root import run_as_root
from tests.support.stores import HIGH_LIMITS
from tests.support.users import SampleUser

REALM = "ad.example.test"
DOMAIN = "ADEX"
SUFFIX = "DC=ad,DC=example,DC=test"
ADMIN = f"CN=Administrator,CN=Users,{SUFFIX}"
ADMIN_PASSWORD = "admin-Secr3t"
SERVICE = f"CN=svc,OU=system,{SUFFIX}"
SERVICE_PASSWORD = "service-secret"
STRICT = f"CN=strict,OU=groups,{SUFFIX}"
"""A group. Three wrong passwords lock its members, and only these."""

_YEAR_2000 = 125911584000000000  # in units of 100 ns since 1601
_FORBIDDEN = str.maketrans('"/\\[]:;|=,+*?<>', "_" * 15)


@dataclass(frozen=True)
class Samba:
    """A running domain controller."""

    home: Path
    address: str

    def admin(self) -> Connection:
        """Return a connection with the rights of an administrator."""
        connection = self.connection(ADMIN, ADMIN_PASSWORD)
        _, result, _, _ = connection.bind()
        assert result["description"] == "success", result
        return connection

    def add(self, dn: str, classes: list[str], attributes: Mapping[str, object]) -> None:
        """Add an entry."""
        connection = self.admin()
        add_entry(connection, dn, classes, attributes)
        connection.unbind()

    def modify(self, dn: str, changes: Mapping[str, object]) -> None:
        """Replace the values of attributes. An empty list deletes the attribute."""
        connection = self.admin()
        replace_values(connection, dn, changes)
        connection.unbind()

    def read(self, dn: str, attribute: str) -> list[bytes]:
        """Return the values of an attribute."""
        connection = self.admin()
        _, _, entries, _ = connection.search(dn, "(objectClass=*)", BASE, attributes=[attribute])
        connection.unbind()
        values: list[bytes] = entries[0]["raw_attributes"][attribute]
        return values

    def add_person(self, person: SampleUser, **attributes: object) -> None:
        """Add a person, as a member of one group for each of their roles.

        They can log in with `account_name`, with or without DOMAIN, and with their email.
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
        """Add a person or a group to a group, which is created if it does not exist."""
        connection = self.admin()
        _, result, _, _ = connection.modify(group, {"member": [(MODIFY_ADD, [member])]})  # type: ignore[no-untyped-call]
        if result["description"] == "noSuchObject":
            name = group.split(",", 1)[0].removeprefix("CN=")
            add_entry(connection, group, ["group"], {"sAMAccountName": name, "member": member})
        connection.unbind()
        assert result["description"] in {"success", "noSuchObject"}, result

    def lock(self, username: str) -> None:
        """Lock a user with wrong passwords."""
        self.join(person_dn(username), STRICT)
        for _ in range(3):
            connection = self.connection(person_dn(username), "wrong")
            connection.bind()
            connection.unbind()
        assert self.read(person_dn(username), "lockoutTime") not in ([], [b"0"])

    def unlock(self, username: str) -> None:
        """Unlock a user."""
        self.modify(person_dn(username), {"lockoutTime": 0})

    def expire_password(self, username: str) -> None:
        """Set the last change of a user's password to the year 2000, so that it has expired."""
        change = f"dn: {person_dn(username)}\nchangetype: modify\nreplace: pwdLastSet\npwdLastSet: {_YEAR_2000}\n"
        # LDAP accepts only 0 or the current time. With this control Samba does not check the value.
        control = "--controls=local_oid:1.3.6.1.4.1.7165.4.3.12:0"
        configuration = f"--configfile={self.home}/smb.conf"
        run_as_root("ldbmodify", "-H", f"{self.home}/dc/private/sam.ldb", configuration, control, stdin=change)

    def environ(self, **changed: str) -> dict[str, str]:
        """Return an environment that configures a provider with this server, with changes.

        Each group below OU=groups gives a role of its name.
        """
        roles = ("admin", "user", "editor", "admins-ad", "staff", "payroll")
        return {
            **HIGH_LIMITS,
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
        """Return an encrypted connection that is not bound."""
        tls = Tls(
            validate=ssl.CERT_REQUIRED,
            version=ssl.PROTOCOL_TLS_CLIENT,
            ca_certs_file=str(self.home / "ca.pem"),
            valid_names=["localhost"],  # from Python 3.12 on, ldap3 does not compare IP addresses
        )
        server = Server(self.address, 636, use_ssl=True, tls=tls, get_info=NONE)
        connection = Connection(server, user, password, client_strategy=SAFE_SYNC, check_names=False)
        connection.open()
        connection.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection


def account_name(username: str) -> str:
    """Return the sAMAccountName, in which some characters are invalid. It is the username in this domain."""
    return username.translate(_FORBIDDEN)


def person_dn(username: str) -> str:
    """Return the DN of a person that `add_person` adds."""
    return f"CN={escape_rdn(username)},OU=people,{SUFFIX}"


def group_dn(name: str) -> str:
    """Return the DN of a group."""
    return f"CN={name},OU=groups,{SUFFIX}"
