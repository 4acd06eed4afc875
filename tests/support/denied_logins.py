"""Denied logins of each kind, which must have the same response after the same time."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from pathlib import Path

import bcrypt
from passlib.hash import argon2

from app import create_app
from database.user_editor import UserEditor
from tests.support.stores import SECRET_KEY, engine_of, hashed, user_table, users_file
from tests.support.users import SampleUser

WRONG = "not the password of any user"
NAMES = [f"user{number:02}" for number in range(20)]
USERS = [SampleUser(name, f"{name}@example.org", f"the password of the {name}") for name in NAMES]
"""All passwords are equally long, because the time of some schemes depends on the length."""
KNOWN, OLD, DISABLED = USERS[:3]
WARM_UP = 5
"""The first tries of each kind, which open connections and are not measured."""

Environ = Mapping[str, str]
HashOf = Callable[[SampleUser], str]
Logins = dict[str, Callable[[], tuple[str, str]]]
"""Kinds of denied logins: functions that return a login and a password."""

_numbers = count()


def denied_logins(**more: SampleUser) -> Logins:
    """Return wrong passwords of a user and of more users, and logins of an unknown and a disabled user."""
    return {
        "wrong password": lambda: (KNOWN.email, WRONG),
        "unknown user": lambda: (f"unknown{next(_numbers)}@example.org", WRONG),
        **{kind: lambda person=person: (person.email, WRONG) for kind, person in more.items()},  # type: ignore[misc]
        "disabled": lambda: (DISABLED.email, WRONG),
        "disabled, right password": lambda: (DISABLED.email, DISABLED.password),
    }


def measure(environ: Environ, logins: Logins, tries: int) -> dict[str, list[float]]:
    """Return the durations of each kind of denied login. The kinds alternate, and all responses must be the same."""
    client = create_app({**environ, "SECRET_KEY": SECRET_KEY}).test_client()
    times: dict[str, list[float]] = {kind: [] for kind in logins}
    for _ in range(tries + WARM_UP):
        responses = []
        for kind, choose in logins.items():
            login, password = choose()
            begin = time.perf_counter()
            response = client.post("/api/auth", json={"email": login, "password": password})
            times[kind].append(time.perf_counter() - begin)
            headers = {name: text for name, text in response.headers if name not in {"X-Request-ID", "Retry-After"}}
            responses.append((response.status_code, response.data, headers))
        assert all(response == responses[0] for response in responses), responses
    return {kind: seconds[WARM_UP:] for kind, seconds in times.items()}


def policy_hash(person: SampleUser) -> str:
    """Return a hash of the policy."""
    return hashed(person.password)


def costly_hash(person: SampleUser) -> str:
    """Return a hash of the scheme of the policy that takes four times as long."""
    return str(argon2.using(type="ID", memory_cost=19456, time_cost=8, parallelism=1).hash(person.password))


def bcrypt_hash(person: SampleUser) -> str:
    """Return a hash that takes three times as long as one of the policy."""
    return bcrypt.hashpw(person.password.encode(), bcrypt.gensalt(10)).decode()


def half_of(old: HashOf) -> HashOf:
    """Return a function that gives each second user an old hash."""
    return lambda person: old(person) if USERS.index(person) % 2 else policy_hash(person)


def users_file_of(path: Path, hash_of: HashOf, people: Sequence[SampleUser] = USERS) -> Environ:
    """Write the users to a users file, one of them disabled, and return the environment for its provider."""
    environ = users_file(path, people, hash_of)
    name = f"username = {json.dumps(DISABLED.username)}\n"
    path.write_text(path.read_text("utf-8").replace(name, f"{name}active = false\n"), "utf-8")
    return environ


def user_table_of(url: str, hash_of: HashOf) -> Environ:
    """Write the users to a user table, one of them disabled, and return the environment for its provider."""
    environ = user_table(url, USERS, hash_of)
    UserEditor(engine_of(environ), "tests").set_active(DISABLED.username, active=False)
    return environ
