"""Verifying a hash of another program does not hold the interpreter lock (GIL), so other requests are served."""

import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from passlib.hash import apr_md5_crypt, md5_crypt, sha256_crypt, sha512_crypt

from passwords.schemes import verify

WRONG = "wrong"
HASHES = {
    "sha512-crypt": (
        "$6$rounds=656000$ss$7pkMF7ZNcxW.mODXPqVv2LOEo8v2yykJhSZ24bf79fXIdwj25Eg2o2t7hVKWsToRRaap3Kww.FY.R537xbui..",
        1,
    ),
    "sha256-crypt": ("$5$rounds=656000$saltsalt$c1V2Yg8g0EOdEfwOXPVnhPK6QU2x8nj1mZNd4Nk8OE4", 1),
    "phpass": ("$P$FsaltsaltMv97xmcGMsEEdSjKNxsBq0", 1),
    "md5-crypt": (md5_crypt.hash("right"), 2000),
    "apr1": (apr_md5_crypt.hash("right"), 200),
}
"""A hash of each scheme, and how often to verify it. The first three take half a second to make."""


@pytest.fixture
def _no_forced_thread_switches() -> Iterator[None]:
    """Let a thread that computes in Python keep the GIL for as long as it wants."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(100)
    yield
    sys.setswitchinterval(usual)


@pytest.mark.usefixtures("_no_forced_thread_switches")
@pytest.mark.parametrize("scheme", HASHES)
def test_other_threads_run_while_a_password_is_verified(scheme: str) -> None:
    stored, times = HASHES[scheme]
    with ThreadPoolExecutor(1) as thread:
        verifying = thread.submit(lambda: [verify(WRONG, stored) for _ in range(times)])
        turns = 0
        while not verifying.done():
            time.sleep(0.001)
            turns += 1
    assert verifying.result() == [False] * times
    assert turns > 5


@pytest.mark.parametrize("handler", [sha512_crypt.using(rounds=1000), sha256_crypt.using(rounds=1000), md5_crypt])
@pytest.mark.parametrize("length", [1, 255, 256, 511, 512])
def test_password_that_the_system_does_not_accept_is_verified_too(handler: type[md5_crypt], length: int) -> None:
    stored = handler.hash("x" * length)
    assert verify("x" * length, stored)
    assert not verify("x" * (length - 1) + "y", stored)


@pytest.mark.parametrize("handler", [sha512_crypt, sha256_crypt])
@pytest.mark.parametrize("implicit", [True, False])
def test_default_rounds_have_two_spellings(handler: type[sha512_crypt], implicit: bool) -> None:
    stored = handler.using(rounds=5000).hash("right")
    assert verify("right", stored if implicit else f"{stored[:3]}rounds=5000${stored[3:]}")
