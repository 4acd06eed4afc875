"""Compare the durations of denied logins: they must not reveal which users exist.

For each store, the table has the median duration of each kind of denied login, and its ratio to the first kind. The
kinds alternate, pass through the whole application, and have the same response.
"""

import logging
import sys
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

from passlib.hash import phpass, sha512_crypt
from werkzeug.security import generate_password_hash

from tests.conftest import new_database
from tests.servers import postgres as postgres_server
from tests.servers.faulty import faulty_proxy
from tests.servers.slapd import AGING, person_dn, slapd
from tests.support.denied_logins import (
    DISABLED,
    KNOWN,
    OLD,
    USERS,
    WRONG,
    Environ,
    HashOf,
    Logins,
    bcrypt_hash,
    costly_hash,
    denied_logins,
    half_of,
    measure,
    policy_hash,
    user_table_of,
    users_file_of,
)

TRIES = 200
MAX_DIFFERENCE = 0.1
NETWORK_DELAY = 0.001
"""The seconds for which the network delays each direction."""
OLD_HASHES: dict[str, HashOf] = {
    "bcrypt": bcrypt_hash,
    "pbkdf2": lambda person: generate_password_hash(person.password, "pbkdf2:sha256:200000"),
    "sha512-crypt": lambda person: str(sha512_crypt.using(rounds=100_000).hash(person.password)),
    "phpass": lambda person: str(phpass.using(rounds=13).hash(person.password)),
    "ssha": lambda _: f"{{SSHA}}{'A' * 32}",  # no password matches it
}


def main() -> None:
    """Print the table of each store whose name contains the first argument, by default of all."""
    logging.disable(logging.WARNING)
    wanted = sys.argv[1] if len(sys.argv) > 1 else ""
    with TemporaryDirectory() as folder, TemporaryDirectory() as home, postgres_server.postgres(Path(home)) as url:
        stores = chain(_hash_stores(Path(folder), url), _directories(Path(folder)), _others(Path(folder)))
        for name, environ, logins in stores:
            if wanted in name:
                _print_table(name, environ, logins)


def _print_table(name: str, environ: Environ, logins: Logins) -> None:
    times = measure(environ, logins, TRIES)
    usual = median(next(iter(times.values())))
    for kind, seconds in times.items():
        ratio = median(seconds) / usual
        mark = "" if abs(ratio - 1) <= MAX_DIFFERENCE else "  differs"
        print(f"{name:30} {kind:28} {1000 * median(seconds):8.2f} ms, ratio {ratio:5.3f}{mark}", flush=True)


def _hash_stores(folder: Path, postgres: str) -> Iterator[tuple[str, Environ, Logins]]:
    """Yield stores with the hashes of the policy, with old ones, and with both."""
    yield "users file", users_file_of(folder / "new", policy_hash), denied_logins()
    yield "SQLite", user_table_of(f"sqlite:///{folder}/new.db", policy_hash), denied_logins()
    yield "PostgreSQL", user_table_of(new_database(postgres, "new"), policy_hash), denied_logins()
    with faulty_proxy(urlsplit(postgres).port or 0) as proxy:
        proxy.delay = NETWORK_DELAY
        url = new_database(postgres, "far").replace(f":{urlsplit(postgres).port}/", f":{proxy.port}/")
        yield "PostgreSQL, 2 ms away", user_table_of(url, policy_hash), denied_logins()
    for scheme, old in OLD_HASHES.items():
        yield f"SQLite, {scheme}", user_table_of(f"sqlite:///{folder}/{scheme}.db", old), denied_logins()
        half = user_table_of(f"sqlite:///{folder}/half-{scheme}.db", half_of(old))
        yield f"SQLite, half {scheme}", half, denied_logins(**{"wrong password, old hash": OLD})
    half = users_file_of(folder / "half", half_of(costly_hash))
    yield "users file, half costly", half, denied_logins(**{"wrong password, old hash": OLD})


def _directories(folder: Path) -> Iterator[tuple[str, Environ, Logins]]:
    """Yield directories. The hash of an entry of slapd takes much less time than the rest of a login."""
    (folder / "slapd").mkdir()
    locked, expired = USERS[3:5]
    more: Logins = {
        "locked, right password": lambda: (locked.email, locked.password),
        "password expired": lambda: (expired.email, expired.password),
    }
    logins = {kind: login for kind, login in (denied_logins() | more).items() if "disabled" not in kind}
    with slapd(folder / "slapd") as server, faulty_proxy(server.port) as proxy:
        for person in USERS[:5]:
            server.add_person(person)
        server.modify(person_dn(locked.username), {"pwdAccountLockedTime": "000001010000Z"}, relax=True)
        server.modify(
            person_dn(expired.username), {"pwdPolicySubentry": AGING, "pwdChangedTime": "20200101000000Z"}, relax=True
        )
        yield "LDAP", server.environ(), logins
        proxy.delay = NETWORK_DELAY
        yield "LDAP, 2 ms away", server.environ(LDAP_URL=f"ldap://localhost:{proxy.port}"), logins
        first = users_file_of(folder / "first", policy_hash, USERS[5:])
        in_file: Logins = {"wrong password, users file": lambda: (USERS[5].email, WRONG)}
        for order in ("static,ldap", "ldap,static"):
            yield f"chain {order}", {**first, **server.environ(), "AUTH_PROVIDER": order}, logins | in_file


def _others(folder: Path) -> Iterator[tuple[str, Environ, Logins]]:
    """Yield a chain of stores with hashes, and a store whose logins are throttled."""
    table = user_table_of(f"sqlite:///{folder}/second.db", policy_hash)
    file = users_file_of(folder / "chain", policy_hash, USERS[:10])
    environ = {**table, **file, "AUTH_PROVIDER": "static,database"}
    yield "chain static,database", environ, denied_logins(**{"wrong password, second": USERS[15]})
    limits = {"LOGIN_FAILURES_PER_ACCOUNT": "4/hour"}
    throttled: Logins = {
        "throttled": lambda: (KNOWN.email, WRONG),
        "throttled, unknown user": lambda: ("unknown@example.org", WRONG),
    }
    yield (
        "users file, throttled",
        {**file, **limits},
        throttled | {"throttled, disabled": lambda: (DISABLED.email, WRONG)},
    )


if __name__ == "__main__":
    main()
