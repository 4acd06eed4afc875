"""Benchmark a login at OpenLDAP over StartTLS with certificate verification: Latchkey, ldap3 and python-ldap.

Each login has the same three requests: a search for the entry, a bind, and a search for other entries of the username.
The connections are kept open. The goal is at most MAX_RATIO times ldap3, which encodes Latchkey's requests as well;
python-ldap, which is compiled, shows what the encoding costs. `one-off` is the login of Flask-AppBuilder and of
django-auth-ldap: python-ldap with a new connection, on which the service account binds and searches, and the user
binds. It has no search for other entries, and should take longer than Latchkey. A network with a round trip of 2 ms
shows what its additional round trips cost.

The server runs on the same machine, and takes a part of the time by the clock. The CPU time is that of the
client, and 2 ms away that of the network too, which is a thread of the client.
"""

import json
import os
import socket
import ssl
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import NamedTuple

import ldap
from ldap3 import NONE, SAFE_SYNC, SUBTREE, Connection, Server, Tls

from providers.ldap import SearchProvider
from providers.ldap.records import ID_ATTRIBUTES
from providers.ldap.settings import LdapSettings
from providers.ldap.user_entries import UserEntries
from tests.servers.faulty import faulty_proxy
from tests.servers.slapd import SERVICE, SERVICE_PASSWORD, SUFFIX, Slapd, person_dn, slapd
from tests.support.users import SampleUser

ROUNDS = 1000
ZOE = SampleUser("zoe", "zoe@example.org", "the password of zoe", ("user", "admin"))
JOINER = SampleUser("joiner", "joiner@example.org", "the password of joiner", ())
PEOPLE = f"ou=people,{SUFFIX}"
FILTER = f"(|(uid={ZOE.email})(mail={ZOE.email}))"
NAME_FILTER = f"(&(uid={ZOE.username})(objectClass=*))"
GROUPS = 500
MAX_RATIO = 1.3
NETWORK_DELAY = 0.001
"""The seconds for which the network delays each direction."""

Login = Callable[[], object]


class Seconds(NamedTuple):
    """The duration of a login."""

    wall: float
    cpu: float
    """The CPU time of this process."""


def main() -> None:
    """Print the duration of a login with each library, and of special logins with Latchkey."""
    with TemporaryDirectory() as home, slapd(Path(home), names=("localhost", "127.0.0.1")) as server:
        _fill(server)
        latchkey = _compare("loopback", server, server.port, ROUNDS)
        with faulty_proxy(server.port) as proxy:
            proxy.delay = NETWORK_DELAY
            _compare("2 ms away", server, proxy.port, ROUNDS // 5)
        print(f"the goal is at most {MAX_RATIO} times ldap3; the load was {os.getloadavg()[0]:.1f}")
        special_logins = {
            "500 groups": _latchkey(server, JOINER),
            "500, nested": _latchkey(server, JOINER, LDAP_NESTED_GROUPS="true"),
            "unknown user": _latchkey(server, SampleUser("unknown", "", "x")),
        }
        for name, taken in _median_seconds(special_logins).items():
            print(f"{name:12} {1000 * taken.wall:6.2f} ms a login, {taken.wall / latchkey:.2f} times a plain login")


def _compare(place: str, server: Slapd, port: int, rounds: int) -> float:
    """Print the duration of a login with each library at this port. Return the seconds of Latchkey."""
    logins = {
        "latchkey": _latchkey(server, ZOE, LDAP_URL=f"ldap://localhost:{port}"),
        "ldap3": _ldap3(server, port),
        "python-ldap": _python_ldap(server, port),
        "one-off": _python_ldap_one_off(server, port),
    }
    durations = _median_seconds(logins, rounds)
    latchkey = durations["latchkey"]
    for name, taken in durations.items():
        ratios = f"Latchkey takes {latchkey.wall / taken.wall:.2f} times as long, {latchkey.cpu / taken.cpu:.2f} by CPU"
        print(f"{place}, {name:12} {1000 * taken.wall:6.2f} ms a login, {1000 * taken.cpu:5.2f} ms of CPU; {ratios}")
    return latchkey.wall


def _median_seconds(logins: dict[str, Login], rounds: int = ROUNDS) -> dict[str, Seconds]:
    """Return the median duration of each login. The logins alternate, and reuse their connections."""
    durations: dict[str, list[Seconds]] = {name: [] for name in logins}
    for _ in range(rounds):
        for name, log_in in logins.items():
            wall, cpu = time.perf_counter(), time.process_time()
            log_in()
            durations[name].append(Seconds(time.perf_counter() - wall, time.process_time() - cpu))
    return {name: Seconds(*map(median, zip(*seconds, strict=True))) for name, seconds in durations.items()}


def _fill(server: Slapd) -> None:
    for person in (ZOE, JOINER):
        server.add_person(person)
    for number in range(GROUPS):
        server.add(f"cn=many-{number},ou=groups,{SUFFIX}", ["groupOfNames"], {"member": person_dn(JOINER.username)})


def _latchkey(server: Slapd, person: SampleUser, **changed: str) -> Login:
    roles = {f"cn=many-{number},ou=groups,{SUFFIX}": [f"role-{number}"] for number in range(GROUPS)}
    environ = server.environ(LDAP_ROLE_MAP=json.dumps(roles), **changed)
    provider = SearchProvider(LdapSettings.read(environ))
    login = person.email or person.username
    is_known = bool(person.email)

    def log_in() -> None:
        assert bool(provider.authenticate(login, person.password)) == is_known

    return log_in


def _attributes(server: Slapd) -> tuple[list[str], list[str]]:
    """Return the attributes that Latchkey requests of the entry, and of other entries of the username."""
    settings = LdapSettings.read(server.environ())
    return list(UserEntries(settings).attributes), [settings.name_attribute, *ID_ATTRIBUTES]


def _ldap3(server: Slapd, port: int) -> Login:
    service, users = (_ldap3_connection(server, port) for _ in range(2))
    attributes, name_attributes = _attributes(server)

    def log_in() -> None:
        found = service.search(PEOPLE, FILTER, SUBTREE, attributes=attributes, size_limit=2)[2]
        assert users.rebind(found[0]["dn"], ZOE.password)[0]
        assert len(service.search(PEOPLE, NAME_FILTER, SUBTREE, attributes=name_attributes, size_limit=2)[2]) == 1

    return log_in


def _ldap3_connection(server: Slapd, port: int) -> Connection:
    tls = Tls(
        validate=ssl.CERT_REQUIRED,
        version=ssl.PROTOCOL_TLS_CLIENT,
        ca_certs_file=str(server.home / "ca.pem"),
        sni="localhost",
    )
    address = Server("localhost", port, tls=tls, get_info=NONE)
    connection = Connection(address, SERVICE, SERVICE_PASSWORD, client_strategy=SAFE_SYNC, check_names=False)
    connection.open()
    connection.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.start_tls()
    assert connection.bind()[0]
    return connection


def _python_ldap(server: Slapd, port: int) -> Login:
    service, users = (_python_ldap_connection(server, port) for _ in range(2))
    attributes, name_attributes = _attributes(server)

    def log_in() -> None:
        found = service.search_s(PEOPLE, ldap.SCOPE_SUBTREE, FILTER, attributes)
        users.simple_bind_s(found[0][0], ZOE.password)
        assert len(service.search_s(PEOPLE, ldap.SCOPE_SUBTREE, NAME_FILTER, name_attributes)) == 1

    return log_in


def _python_ldap_one_off(server: Slapd, port: int) -> Login:
    attributes, _ = _attributes(server)

    def log_in() -> None:
        connection = _python_ldap_connection(server, port)
        found = connection.search_s(PEOPLE, ldap.SCOPE_SUBTREE, FILTER, attributes)
        connection.simple_bind_s(found[0][0], ZOE.password)
        connection.unbind_s()

    return log_in


def _python_ldap_connection(server: Slapd, port: int) -> "ldap.ldapobject.LDAPObject":
    # For localhost libldap expects the machine's host name in the certificate.
    connection = ldap.initialize(f"ldap://127.0.0.1:{port}")
    connection.set_option(ldap.OPT_X_TLS_CACERTFILE, str(server.home / "ca.pem"))
    connection.set_option(ldap.OPT_X_TLS_REQUIRE_CERT, ldap.OPT_X_TLS_DEMAND)
    connection.set_option(ldap.OPT_X_TLS_NEWCTX, 0)  # last, since it applies the options set before
    connection.start_tls_s()
    connection.simple_bind_s(SERVICE, SERVICE_PASSWORD)
    return connection


if __name__ == "__main__":
    main()
