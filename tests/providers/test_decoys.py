"""Decoys: unknown users cost what the stored hashes cost, except the highest, and denied logins take equally long."""

import subprocess
import sys
from ast import literal_eval
from collections import Counter
from pathlib import Path
from time import perf_counter

import pytest

from passwords.durations import record_verification
from passwords.hashing import DECOY
from passwords.schemes import UsableHash, identify, parse
from providers.decoys import Decoys
from providers.static.provider import open_static
from tests.servers.gunicorn import ROOT
from tests.support.hash_samples import SAMPLES
from tests.support.hash_templates import ARGON2, BCRYPT, DJANGO_PBKDF2, DJANGO_SCRYPT, PHPASS, SHA512_CRYPT
from tests.support.stores import users_file
from tests.support.users import SAMPLE_USERS, ZOE

LOGINS = [f"nobody{number}" for number in range(1000)]
CHEAP, USUAL, EXPENSIVE = BCRYPT.format("04"), BCRYPT.format(10), BCRYPT.format(14)
KEYS = [next(sample.stored for sample in SAMPLES if sample.scheme == scheme) for scheme in ("bcrypt", "sha512-crypt")]


def choices(stored: list[str]) -> Counter[str]:
    """Return how often each hash is the decoy of an unknown login."""
    decoys = Decoys(stored)
    return Counter(map(decoys.choose, LOGINS))


def test_most_expensive_hash_of_a_store_is_never_a_decoy() -> None:
    assert EXPENSIVE not in choices([CHEAP] * 10 + [USUAL] * 9 + [EXPENSIVE] * 2)
    assert set(choices([CHEAP, *[USUAL] * 9, EXPENSIVE])) == {CHEAP, USUAL}


def test_decoys_have_the_costs_of_the_stored_hashes_in_their_proportion() -> None:
    chosen = choices([CHEAP] * 30 + [USUAL] * 70)
    assert 0.25 < chosen[CHEAP] / chosen.total() < 0.42
    chosen = choices([CHEAP] * 50 + [EXPENSIVE] * 50)
    assert 0.35 < chosen[EXPENSIVE] / chosen.total() < 0.55


def test_decoys_do_not_depend_on_the_order_of_the_other_hashes() -> None:
    one, other = Decoys([USUAL, CHEAP, EXPENSIVE] * 5), Decoys([USUAL] * 5 + [EXPENSIVE] * 5 + [CHEAP] * 5)
    assert [*map(one.choose, LOGINS)] == [*map(other.choose, LOGINS)]


def test_choice_cannot_be_computed_without_the_stored_hashes() -> None:
    one, other = (Decoys([key, *[CHEAP] * 50, *[USUAL] * 50]) for key in KEYS)
    assert [*map(one.choose, LOGINS)] != [*map(other.choose, LOGINS)]


def test_choice_is_the_same_in_each_process_if_the_first_hash_is_unusable() -> None:
    stored = ["!", *KEYS, *[CHEAP] * 50, *[USUAL] * 50]
    program = f"from providers.decoys import Decoys; print([*map(Decoys({stored!r}).choose, {LOGINS!r})])"
    other = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, check=True, text=True).stdout
    own = Decoys(stored)
    same = [own.choose(login) == decoy for login, decoy in zip(LOGINS, literal_eval(other), strict=True)]
    assert sum(same) > 980  # the others have the decoy of the policy, which each process generates


def test_choice_ignores_the_case_of_the_login() -> None:
    decoys = Decoys([CHEAP, USUAL] * 10)
    assert decoys.choose("Straße") == decoys.choose("STRASSE")


@pytest.mark.parametrize("stored", [[], ["!"], ["", "{SHA}x", "$2b$31$x"], [5]], ids=str)
def test_store_without_a_usable_hash_has_decoys_of_the_policy(stored: list[str]) -> None:
    assert {Decoys(stored).choose(login) for login in LOGINS} == {DECOY}


@pytest.mark.parametrize("template", [BCRYPT, DJANGO_PBKDF2, SHA512_CRYPT], ids=str)
def test_estimated_time_grows_with_the_cost(template: str) -> None:
    high = 14 if template == BCRYPT else 10**6
    low = 12 if template == BCRYPT else 10**5
    assert 3 < identify(template.format(high)).milliseconds / identify(template.format(low)).milliseconds < 11


@pytest.mark.parametrize(
    ("cheaper", "costlier"),
    [
        (ARGON2.format(19456, 2, 1), ARGON2.format(65536, 3, 4)),
        (ARGON2.format(19456, 2, 1), BCRYPT.format(12)),
        (DJANGO_SCRYPT.format(2**14, 8, 1), DJANGO_SCRYPT.format(2**17, 8, 1)),
        (PHPASS.format("B"), PHPASS.format("H")),
        (BCRYPT.format(10), DJANGO_PBKDF2.format(10**6)),
    ],
)
def test_estimated_times_are_in_the_order_of_the_costs(cheaper: str, costlier: str) -> None:
    assert 2 * identify(cheaper).milliseconds < identify(costlier).milliseconds


def seconds_of_a_denial(decoys: Decoys) -> float:
    """Return how long a denied login waits that has just begun."""
    began = perf_counter()
    decoys.wait(began)
    return perf_counter() - began


def test_denied_login_takes_as_long_as_the_most_expensive_decoy() -> None:
    for stored, seconds in ((CHEAP, 0.1), (USUAL, 0.4), (EXPENSIVE, 60)):
        for _ in range(15):  # as many as are remembered
            record_verification("x", identify(stored), seconds)
    assert seconds_of_a_denial(Decoys([CHEAP, *[USUAL] * 9, EXPENSIVE])) > 0.39
    assert 0.09 < seconds_of_a_denial(Decoys([CHEAP] * 11 + [USUAL])) < 0.39


def test_long_password_does_not_change_how_long_denied_logins_take() -> None:
    for _ in range(15):
        record_verification("x", identify(CHEAP), 0.1)
        record_verification("x" * 129, identify(CHEAP), 0)
    assert seconds_of_a_denial(Decoys([CHEAP])) > 0.09


def test_denied_login_does_not_wait_for_a_cost_that_was_never_verified() -> None:
    assert seconds_of_a_denial(Decoys([BCRYPT.format(7)])) < 0.1


def test_unknown_user_of_a_users_file_costs_a_hash_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    environ = users_file(tmp_path / "users.toml", SAMPLE_USERS)
    text = (tmp_path / "users.toml").read_text("utf-8")
    (tmp_path / "users.toml").write_text(text.replace("m=19456,t=2", "m=2048,t=7"), "utf-8")
    verified = []

    def record(stored: str) -> UsableHash:
        verified.append(identify(stored).parameters)
        return parse(stored)

    monkeypatch.setattr("passwords.hashing.parse", record)
    provider = open_static(environ)
    for login in ("unknown", "another", ZOE.username):
        assert not provider.authenticate(login, "wrong")
    assert verified == ["m=2048 t=7 p=1"] * 3
