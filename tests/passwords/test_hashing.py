"""Hashing and verification of passwords: the policy for hashes, unusable hashes, and the hash pool."""

import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import pytest

from app import create_app
from passwords.errors import Overloaded
from passwords.hashing import CAPACITY, hash_password, run_in_pool, verify_password
from tests.support.hash_pool import fill_hash_pool
from tests.support.stores import SECRET_KEY, hashed
from tests.support.users import SAMPLE_USERS, ZOE

ROOT = Path(__file__).resolve().parents[2]
HASH = hashed(ZOE.password)
PARAMETERS, SALT, DIGEST = HASH[:31], HASH.split("$")[4], HASH.split("$")[5]


def test_new_hash_is_argon2id_with_the_owasp_minimum_cost() -> None:
    assert re.fullmatch(r"\$argon2id\$v=19\$m=19456,t=2,p=1\$[\w+/]{22,}\$[\w+/]{43,}", HASH)


def test_two_hashes_of_a_password_have_different_salts() -> None:
    assert hash_password(ZOE.password) != HASH


@pytest.mark.parametrize("password", [user.password for user in SAMPLE_USERS])
def test_hash_matches_only_its_own_password(password: str) -> None:
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
        HASH[:-1],
        HASH + "A",
        HASH + "$",
        HASH[:40],
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
def test_malformed_hash_matches_no_password_and_is_not_logged(stored: str, caplog: pytest.LogCaptureFixture) -> None:
    assert verify_password(ZOE.password, stored) is False
    assert stored not in caplog.text
    assert ZOE.password not in caplog.text


@pytest.mark.parametrize("stored", [None, ""])
@pytest.mark.parametrize("password", [ZOE.password, "", "another password"])
def test_missing_hash_matches_no_password(password: str, stored: str | None) -> None:
    assert verify_password(password, stored) is False


def test_decoy_matches_no_password_either() -> None:
    assert verify_password(ZOE.password, None, HASH) is False
    assert verify_password(ZOE.password, HASH, hashed("another password")) is True


def test_login_with_a_full_hash_pool_is_rejected_until_a_slot_is_free(static_environ: dict[str, str]) -> None:
    client = create_app({"SECRET_KEY": SECRET_KEY, **static_environ}).test_client()
    body = {"email": ZOE.email, "password": ZOE.password}
    release = Event()
    with ThreadPoolExecutor(CAPACITY + 1) as threads:
        try:
            waiting = fill_hash_pool(threads, release)
            with pytest.raises(Overloaded):
                verify_password(ZOE.password, HASH)
            response = client.post("/api/auth", json=body)
            code = response.get_json()["code"]
            assert (response.status_code, code, response.headers["Retry-After"]) == (503, "overloaded", "1")
        finally:
            release.set()
        assert len(waiting) == CAPACITY
        assert all(future.result(60) for future in waiting)
    assert client.post("/api/auth", json=body).status_code == 200


def test_threads_that_hash_have_a_lower_priority_than_the_others() -> None:
    def niceness() -> int:
        return os.getpriority(os.PRIO_PROCESS, 0)

    usual = niceness()
    assert run_in_pool(niceness) == min(usual + 10, 19) > usual
    assert niceness() == usual


def test_failed_verification_frees_its_slot() -> None:
    for _ in range(CAPACITY + 1):
        assert verify_password("x", "no hash") is False
    assert verify_password(ZOE.password, HASH)


FORK = """
import os, sys
from passwords.hashing import verify_password
assert verify_password(*sys.argv[1:])  # the pool has threads now, which the child does not inherit
child = os.fork()
if child == 0:
    os._exit(0 if verify_password(*sys.argv[1:]) else 3)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_forked_worker_can_hash() -> None:
    # In a new process, because this one has threads and must not fork.
    command = [sys.executable, "-c", FORK, ZOE.password, HASH]
    run = subprocess.run(command, cwd=ROOT, env={"PATH": os.defpath}, capture_output=True, check=False, timeout=60)
    assert run.returncode == 0, run.stderr
