"""The rules about time: no call exceeds its limit, and a denial does not reveal by its time whether a user exists."""

from statistics import median
from time import perf_counter

from services.provider_contract.subject import BrokenContract, Subject, require

SAMPLES = 4
"""Stores lock an account after about five wrong passwords."""
ROUNDS = 5
"""The same denial has to be slower in each of so many rounds, because another process can delay some of them."""
MIN_DIFFERENCE = 0.005
"""Seconds. A smaller difference is lost in the noise of a network."""
MIN_RATIO = 1.5


def login_is_answered_in_time(subject: Subject) -> None:
    """A login takes less than the time limit of the interface."""
    seconds = _time(subject, subject.accounts[0].username, subject.accounts[0].password)
    found = f"a login takes {seconds:.1f} s, and the limit is {subject.time_limit:g} s"
    require(seconds <= subject.time_limit, found, "Give every connection and request to the store a timeout")


def unknown_user_takes_as_long_as_a_wrong_password(subject: Subject) -> None:
    """The median times of both denials are about the same."""
    slower = set()
    for _ in range(ROUNDS):
        unknown, known = _median_times(subject)
        shorter, longer = sorted((unknown, known))
        slower.add(unknown > known)
        if longer - shorter < MIN_DIFFERENCE or longer / shorter < MIN_RATIO or len(slower) > 1:
            return
    found = f"an unknown user is denied after {unknown * 1000:.1f} ms, and a wrong password after {known * 1000:.1f} ms"
    remedy = "Do the same work for both: verify a password hash for an unknown user too, or ask the store about both"
    raise BrokenContract(found, remedy)


def _median_times(subject: Subject) -> tuple[float, float]:
    account, unknown, known = subject.accounts[0], [], []
    for number in range(SAMPLES):
        unknown.append(_time(subject, f"unknown-{number}", account.password))
        known.append(_time(subject, account.username, f"{account.password}-{number}"))
    subject.log_in(account.username, account.password)  # so that no lock begins
    return median(unknown), median(known)


def _time(subject: Subject, login: str, password: str) -> float:
    began = perf_counter()
    subject.log_in(login, password)
    return perf_counter() - began
