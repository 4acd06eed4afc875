"""What may become a password, and what those who choose one are told."""

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from config.errors import ConfigurationError
from config.service_settings import PasswordSettings
from passwords.policy import PasswordPolicy, WeakPassword

NAMES = ("zoé", "zoe.smith@example.org")
FINE = [
    "lampshade quarry violin 9",
    "fünf grüne Äpfel im Baum",
    "日本の富士山に雪が降る冬の朝です",
    " blanks around it belong ",
    "no digits nor capitals there",
    "xqzkvjwpyhtbmfd",
    "the zoo has a small zebra",
    "\U0001f511 key to the garden gate",
    "lampshade quarry violin 9" * 40,
    "x7kq9wv3zt5mbn2",
]
NAMED = "must not contain the username or the email"
REFUSED = [
    ("", "must not be empty"),
    (" " * 20, "must not be blank"),
    ("\u2003" * 20, "must not be blank"),
    ("x" * 14, "must be at least 15 characters long"),
    ("xqzkvjwpyhtbmf", "must be at least 15 characters long"),
    ("e\u0301" * 14, "must be at least 15 characters long"),
    ("\U0001f511" * 14, "must be at least 15 characters long"),
    ("lampshade quarry violin" * 45, "must be at most 1024 characters long"),
    ("lampshade quarry\nviolin", "must not contain control characters or lone surrogates"),
    ("lampshade quarry violin\0", "must not contain control characters or lone surrogates"),
    ("lampshade quarry violin\ud800", "must not contain control characters or lone surrogates"),
    ("lampshade zoe.smith quarry", NAMED),
    ("lampshade ZOE.SMITH quarry", NAMED),
    ("zoe.smith@example.org", NAMED),
    ("aaaaaaaaaaaaaaaaaaaa", "repeats"),
    ("abcabcabcabcabcabcabc", "repeats"),
    ("passwordpassword", "easy to guess"),
    ("password12345678", "easy to guess"),
    ("p@ssw0rdP@ssw0rd", "easy to guess"),
    ("qwertyuiopasdfghjkl", "easy to guess"),
    ("1234567890123456", "easy to guess"),
    ("abcdefghijklmnopqrstuvwxyz", "easy to guess"),
    ("2019-12-312019-12-31", "easy to guess"),
    ("latchkeylatchkey", "easy to guess"),
    ("l4tchk3yl4tchk3y", "easy to guess"),
    ("éozéozéozéozéozéoz", "easy to guess"),
    ("a" * 40 + "lampshade quarry violin 9", "easy to guess"),
    ("a" * 1024, "easy to guess"),
]


@pytest.fixture
def policy() -> PasswordPolicy:
    return PasswordPolicy(PasswordSettings.read({}))


def why_not(policy: PasswordPolicy, password: str, *names: str | None) -> str:
    with pytest.raises(WeakPassword) as refused:
        policy.validate(password, *names)
    return str(refused.value)


@pytest.mark.parametrize("password", FINE)
def test_what_is_long_and_hard_to_guess_is_accepted_as_it_is(policy: PasswordPolicy, password: str) -> None:
    assert policy.validate(password, *NAMES) == password
    assert policy.validate(password) == password


@pytest.mark.parametrize(("password", "why"), REFUSED, ids=lambda text: ascii(text)[:30])
def test_what_is_refused_comes_with_a_reason_and_never_with_itself(
    policy: PasswordPolicy, password: str, why: str
) -> None:
    told = why_not(policy, password, *NAMES)
    assert why in told
    assert not password.strip() or password not in told


def test_whoever_is_refused_learns_what_to_do(policy: PasswordPolicy) -> None:
    told = why_not(policy, "qwertyuiopasdfghjkl")
    assert told.startswith("is easy to guess (")
    assert told.endswith("). Use several unrelated words")


def test_it_is_hashed_in_nfc(policy: PasswordPolicy) -> None:
    assert policy.validate("pa\u0308sswo\u0308rd quarry violin") == "pässwörd quarry violin"


@pytest.mark.parametrize("name", ["ann", "lam", "of"])
def test_a_short_name_in_it_is_an_accident(policy: PasswordPolicy, name: str) -> None:
    password = f"many planned {name} lampshades"
    assert policy.validate(password, name, f"{name}@example.org") == password


@pytest.mark.parametrize(
    "names", [("Straße", None), ("x", "STRASSE@example.org"), ("strasse", None), ("x@strasse", "strasse@x.org")]
)
def test_a_name_is_found_in_any_case(policy: PasswordPolicy, names: tuple[str, str | None]) -> None:
    assert why_not(policy, "lampshade sTRASSE quarry", *names) == NAMED


def test_who_has_no_address_is_asked_for_none(policy: PasswordPolicy) -> None:
    assert policy.validate(FINE[0], "zoé", None) == FINE[0]


@pytest.mark.parametrize(("length", "shortest"), [("8", "kx7!vqpzWt"), ("15", FINE[5]), ("64", FINE[0] * 3)])
def test_the_least_length_is_a_setting(length: str, shortest: str) -> None:
    policy = PasswordPolicy(PasswordSettings.read({"PASSWORD_MIN_LENGTH": length}))
    assert policy.validate(shortest) == shortest
    assert why_not(policy, shortest[: int(length) - 1]) == f"must be at least {length} characters long"


@pytest.mark.parametrize("length", ["7", "65", "0", "-15", "fifteen", "15.5"])
def test_a_length_that_makes_no_sense_is_no_configuration(length: str) -> None:
    with pytest.raises(ConfigurationError, match="PASSWORD_MIN_LENGTH is invalid") as refused:
        PasswordPolicy(PasswordSettings.read({"PASSWORD_MIN_LENGTH": length}))
    assert len(refused.value.lines) == 1


@pytest.mark.parametrize("password", ["İİİİ password 1991-12-12 İİİİ", "ŉŉŉŉŉŉŉŉŉŉŉŉŉŉŉŉ", "ßßßß qwertyuiop ΐΐΐΐ ﬀ"])
def test_letters_that_change_their_length_with_their_case_are_no_fault(policy: PasswordPolicy, password: str) -> None:
    with suppress(WeakPassword):
        assert policy.validate(password, "İİİİİ") == password


def is_weak(policy: PasswordPolicy, password: str, name: str) -> bool:
    with suppress(WeakPassword):
        return not policy.validate(password, name)
    return True


@pytest.fixture
def _many_turns() -> Iterator[None]:
    """Threads take turns far more often than they do by themselves."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)


@pytest.mark.usefixtures("_many_turns")
def test_threads_judge_by_their_own_users_names(policy: PasswordPolicy) -> None:
    """What is easy for one user, since it is made of their name, is hard for another at the same time."""
    names = [f"{a}xqz{b}vjwp{c}tk" for a in "bdfg" for b in "hlmr" for c in "sc"]

    def judged(name: str) -> tuple[bool, bool]:
        password = f"{name[::-1]}mjh7"
        return is_weak(policy, password, name), is_weak(policy, password, "nobody")

    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(judged, names * 4)) == {(True, False)}
