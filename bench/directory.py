"""A login against OpenLDAP over StartTLS, with the certificate checked: ours, and the same by hand."""

import json
import socket
import ssl
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import ldap
from ldap3 import NONE, SAFE_SYNC, SUBTREE, Connection, Server, Tls

from providers.ldap import LdapProvider
from providers.ldap.settings import LdapSettings
from tests.servers.slapd import SERVICE, SERVICE_PASSWORD, SUFFIX, Slapd, person_dn, slapd
from tests.support.users import SampleUser

ROUNDS = 1000
ZOE = SampleUser("zoe", "zoe@example.org", "the password of zoe", ("user", "admin"))
JOINER = SampleUser("joiner", "joiner@example.org", "the password of joiner", ())
SAMPLE_USERS = f"ou=people,{SUFFIX}"
FILTER = f"(|(uid={ZOE.email})(mail={ZOE.email}))"
ATTRIBUTES = ["uid", "mail", "memberOf"]
GROUPS = 500

Login = Callable[[], object]


def main() -> None:
    """Compare, the three by turns."""
    with TemporaryDirectory() as home, slapd(Path(home), names=("localhost", "127.0.0.1")) as server:
        _fill(server)
        taken = _by_turns({"ours": _ours(server, ZOE), "ldap3": _ldap3(server), "python-ldap": _python_ldap(server)})
        ours = taken["ours"]
        for name, seconds in taken.items():
            print(f"{name:12} {1000 * seconds:6.2f} ms a login, {ours / seconds:.2f} of it is ours")
        more = {
            "500 groups": _ours(server, JOINER),
            "500, nested": _ours(server, JOINER, LDAP_NESTED_GROUPS="true"),
            "a wrong name": _ours(server, SampleUser("nobody", "", "x")),
        }
        for name, seconds in _by_turns(more).items():
            print(f"{name:12} {1000 * seconds:6.2f} ms a login, {seconds / ours:.2f} of a plain one")


def _by_turns(logins: dict[str, Login]) -> dict[str, float]:
    """Return the median of each in seconds; connections are kept, as they are in a service."""
    taken: dict[str, list[float]] = {name: [] for name in logins}
    for _ in range(ROUNDS):
        for name, log_in in logins.items():
            began = time.perf_counter()
            log_in()
            taken[name].append(time.perf_counter() - began)
    return {name: median(seconds) for name, seconds in taken.items()}


def _fill(server: Slapd) -> None:
    for person in (ZOE, JOINER):
        server.add_person(person)
    for number in range(GROUPS):
        server.add(f"cn=many-{number},ou=groups,{SUFFIX}", ["groupOfNames"], {"member": person_dn(JOINER.username)})


def _ours(server: Slapd, person: SampleUser, **changed: str) -> Login:
    roles = {f"cn=many-{number},ou=groups,{SUFFIX}": [f"role-{number}"] for number in range(GROUPS)}
    environ = server.environ(LDAP_ROLE_MAP=json.dumps(roles), **changed)
    provider = LdapProvider(LdapSettings.read(environ))
    login = person.email or person.username
    known = bool(person.email)

    def log_in() -> None:
        assert bool(provider.authenticate(login, person.password)) == known

    return log_in


def _ldap3(server: Slapd) -> Login:
    service, users = (_ldap3_connection(server) for _ in range(2))

    def log_in() -> None:
        found = service.search(SAMPLE_USERS, FILTER, SUBTREE, attributes=ATTRIBUTES, size_limit=2)[2]
        assert users.rebind(found[0]["dn"], ZOE.password)[0]

    return log_in


def _ldap3_connection(server: Slapd) -> Connection:
    tls = Tls(
        validate=ssl.CERT_REQUIRED,
        version=ssl.PROTOCOL_TLS_CLIENT,
        ca_certs_file=str(server.home / "ca.pem"),
        sni="localhost",
    )
    address = Server("localhost", server.port, tls=tls, get_info=NONE)
    connection = Connection(address, SERVICE, SERVICE_PASSWORD, client_strategy=SAFE_SYNC, check_names=False)
    connection.open()
    connection.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.start_tls()
    assert connection.bind()[0]
    return connection


def _python_ldap(server: Slapd) -> Login:
    service, users = (_python_ldap_connection(server) for _ in range(2))

    def log_in() -> None:
        found = service.search_s(SAMPLE_USERS, ldap.SCOPE_SUBTREE, FILTER, ATTRIBUTES)
        users.simple_bind_s(found[0][0], ZOE.password)

    return log_in


def _python_ldap_connection(server: Slapd) -> "ldap.ldapobject.LDAPObject":
    # Not localhost, in whose place libldap expects the machine's own name.
    connection = ldap.initialize(f"ldap://127.0.0.1:{server.port}")
    connection.set_option(ldap.OPT_X_TLS_CACERTFILE, str(server.home / "ca.pem"))
    connection.set_option(ldap.OPT_X_TLS_REQUIRE_CERT, ldap.OPT_X_TLS_DEMAND)
    connection.set_option(ldap.OPT_X_TLS_NEWCTX, 0)  # last, or the others do not count
    connection.start_tls_s()
    connection.simple_bind_s(SERVICE, SERVICE_PASSWORD)
    return connection


if __name__ == "__main__":
    main()
