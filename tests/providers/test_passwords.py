"""Password hashes: the policy, what cannot be read, and the queue."""

import os
import re
import subprocess
import sys
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from threading import Event

import pytest

from app import create_app
from passwords.hashing import _CORES, _QUEUE, _pool, hash_password, is_policy_hash, verify_password
from providers.interface import Overloaded
from tests.support.stores import SECRET_KEY, hashed
from tests.support.users import SAMPLE_USERS, ZOE

ROOT = Path(__file__).resolve().parents[2]
GOOD = hashed(ZOE.password)
PARAMETERS, SALT, DIGEST = GOOD[:31], GOOD.split("$")[4], GOOD.split("$")[5]


def test_hashes_are_argon2id_at_the_cost_that_owasp_asks_for() -> None:
    assert re.fullmatch(r"\$argon2id\$v=19\$m=19456,t=2,p=1\$[\w+/]{22,}\$[\w+/]{43,}", GOOD)


def test_every_hash_has_a_salt_of_its_own() -> None:
    assert hash_password(ZOE.password) != GOOD


@pytest.mark.parametrize("person", SAMPLE_USERS, ids=lambda person: person.username)
def test_a_hash_proves_its_password_alone(person: object) -> None:
    password = getattr(person, "password", "")
    assert verify_password(password, hashed(password))
    for wrong in (password + " ", password[:-1], password[:72] + "x", password.swapcase() + "x"):
        assert not verify_password(wrong, hashed(password))


@pytest.mark.parametrize(
    "stored",
    [
        "x",
        "!",
        "*",
        "$argon2id$",
        GOOD[:-1],
        GOOD + "A",
        GOOD + "$",
        GOOD[:40],
        f"{PARAMETERS}$$",
        f"{PARAMETERS}${SALT}$é",
        f"$argon2id$v=19$m=0,t=2,p=1${SALT}${DIGEST}",
        f"$argon2id$v=19$m=4294967295,t=2,p=1${SALT}${DIGEST}",
        f"$argon2id$v=19$m=19456,t=99999999999999999999,p=1${SALT}${DIGEST}",
        f"$argon2id$v=19$m=19456,t=2,p=-1${SALT}${DIGEST}",
        f"$argon2id$v=99$m=19456,t=2,p=1${SALT}${DIGEST}",
        f"$argon2xx$v=19$m=19456,t=2,p=1${SALT}${DIGEST}",
        f"$2b$12${SALT}",
        ZOE.password,
    ],
    ids=lambda stored: f"{len(stored)} characters",
)
def test_a_malformed_hash_proves_nobody(stored: str, caplog: pytest.LogCaptureFixture) -> None:
    assert verify_password(ZOE.password, stored) is False
    assert stored not in caplog.text
    assert ZOE.password not in caplog.text


@pytest.mark.parametrize("stored", [None, ""])
@pytest.mark.parametrize("password", [ZOE.password, "", "nobody's password"])
def test_without_a_stored_hash_no_password_is_right(password: str, stored: str | None) -> None:
    assert verify_password(password, stored) is False


def test_not_even_the_password_of_the_decoy_is_right() -> None:
    assert verify_password(ZOE.password, None, GOOD) is False
    assert verify_password(ZOE.password, GOOD, hashed("another password")) is True


def test_only_our_hashes_count_as_hashes() -> None:
    assert is_policy_hash(GOOD)
    assert not any(map(is_policy_hash, ["", "x", "é", "$2b$12$x", "{SSHA}x", ZOE.password]))


def _fill(threads: ThreadPoolExecutor, gate: Event, places: int) -> set[Future[bool]]:
    """Take every place until the gate opens; returns those who wait."""
    asked = [threads.submit(_pool.run, lambda: gate.wait(60)) for _ in range(places + 1)]
    done, waiting = wait(asked, timeout=60, return_when=FIRST_COMPLETED)
    (refused,) = done
    assert isinstance(refused.exception(), Overloaded)
    return waiting


def test_who_comes_to_a_full_queue_is_told_to_come_back(static_environ: dict[str, str]) -> None:
    client = create_app({"SECRET_KEY": SECRET_KEY, **static_environ}).test_client()
    body = {"email": ZOE.email, "password": ZOE.password}
    gate, places = Event(), _CORES + _QUEUE
    with ThreadPoolExecutor(places + 1) as threads:
        try:
            waiting = _fill(threads, gate, places)
            with pytest.raises(Overloaded):
                verify_password(ZOE.password, GOOD)
            answer = client.post("/api/auth", json=body)
            assert (answer.status_code, answer.get_json()["code"], answer.headers["Retry-After"]) == (
                503,
                "overloaded",
                "1",
            )
        finally:
            gate.set()
        assert len(waiting) == places
        assert all(future.result(60) for future in waiting)
    assert client.post("/api/auth", json=body).status_code == 200


def test_a_failed_hash_gives_its_place_back() -> None:
    for _ in range(_CORES + _QUEUE + 1):
        assert verify_password("x", "no hash") is False
    assert verify_password(ZOE.password, GOOD)


FORK = """
import os, sys
from passwords.hashing import verify_password
assert verify_password(*sys.argv[1:])  # so that the pool has threads, which the child will lack
child = os.fork()
if child == 0:
    os._exit(0 if verify_password(*sys.argv[1:]) else 3)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_a_forked_worker_can_hash() -> None:
    # The fork happens in a process of its own: this one has threads that must not be forked.
    command = [sys.executable, "-c", FORK, ZOE.password, GOOD]
    run = subprocess.run(command, cwd=ROOT, env={"PATH": os.defpath}, capture_output=True, check=False, timeout=60)
    assert run.returncode == 0, run.stderr
