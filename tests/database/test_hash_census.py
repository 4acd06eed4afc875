"""The census of hashes: what the database counts is what Python counts, hash by hash."""

import base64
import secrets
from collections import Counter
from collections.abc import Callable

import pytest
from sqlalchemy import Engine, insert

from database import hash_census
from database.hash_census import count_hashes
from database.tables import users
from passwords.schemes import UnusableHash, identify
from tests.support.emptied_database import KINDS, emptied


@pytest.fixture(params=KINDS)
def engine(request: pytest.FixtureRequest) -> Engine:
    """An engine of a database without users."""
    return emptied(request)


def some(length: int) -> str:
    """Return so many characters of the alphabet that most schemes write."""
    return secrets.token_hex(length)[:length]


def base(count: int) -> str:
    """Return so many bytes in padded base64."""
    return base64.b64encode(secrets.token_bytes(count)).decode()


def bare(count: int) -> str:
    """Return so many bytes in base64."""
    return base(count).rstrip("=")


def _argon2(parameters: str) -> str:
    return f"$argon2{parameters}${bare(16)}${bare(32)}"


def _bcrypt(cost: int, kind: str = "2b") -> str:
    return f"${kind}${cost:02}${some(21)}.{some(30)}."


ACCEPTED: dict[str, Callable[[], str]] = {
    "argon2id": lambda: _argon2("id$v=19$m=19456,t=2,p=1"),
    "argon2id, more": lambda: _argon2("id$v=19$m=65536,t=3,p=4"),
    "argon2id, less": lambda: _argon2("id$v=19$m=19456,t=1,p=1"),
    "argon2i": lambda: _argon2("i$v=19$m=65536,t=3,p=4"),
    "argon2d": lambda: _argon2("d$m=65536,t=3,p=4"),
    "argon2 of Django": lambda: "argon2" + _argon2("id$v=19$m=102400,t=2,p=8"),
    "argon2 of OpenLDAP": lambda: "{ARGON2}" + _argon2("id$v=19$m=7168,t=5,p=1"),
    "bcrypt 4": lambda: _bcrypt(4),
    "bcrypt 12": lambda: _bcrypt(12, "2a"),
    "bcrypt 12y": lambda: _bcrypt(12, "2y"),
    "bcrypt of Django": lambda: "bcrypt$" + _bcrypt(12),
    "bcrypt-sha256 of Django": lambda: "bcrypt_sha256$" + _bcrypt(11),
    "bcrypt of crypt 10": lambda: "{CRYPT}" + _bcrypt(10),
    "bcrypt of crypt 12": lambda: "{CRYPT}" + _bcrypt(12),
    "bcrypt of lower crypt 10": lambda: "{crypt}" + _bcrypt(10),
    "bcrypt of lower crypt 12": lambda: "{crypt}" + _bcrypt(12),
    "phpass 8": lambda: f"$P$6{some(30)}",
    "phpass B": lambda: f"$P$B{some(30)}",
    "phpass H9": lambda: f"$H$9{some(30)}",
    "phpass HC": lambda: f"$H$C{some(30)}",
    "phpass of crypt 8": lambda: f"{{CRYPT}}$P$6{some(30)}",
    "phpass of crypt B": lambda: f"{{CRYPT}}$P$B{some(30)}",
    "sha512-crypt": lambda: f"$6${some(16)}${some(86)}",
    "sha512-crypt, short salt": lambda: f"$6${some(3)}${some(86)}",
    "sha512-crypt, rounds": lambda: f"$6$rounds=656000${some(16)}${some(86)}",
    "sha512-crypt, other rounds": lambda: f"$6$rounds=100000${some(16)}${some(86)}",
    "sha256-crypt of crypt": lambda: f"{{CRYPT}}$5$rounds=20000${some(16)}${some(43)}",
    "md5-crypt": lambda: f"$1${some(8)}${some(22)}",
    "apr1": lambda: f"$apr1${some(8)}${some(22)}",
    "ssha": lambda: "{SSHA}" + base(24),
    "ssha, lower": lambda: "{ssha}" + base(28),
    "ssha256": lambda: "{SSHA256}" + base(40),
    "ssha512": lambda: "{SSHA512}" + base(72),
    "pbkdf2 of Django": lambda: f"pbkdf2_sha256$600000${some(22)}${base(32)}",
    "pbkdf2 of Django, more": lambda: f"pbkdf2_sha256$870000${some(22)}${base(32)}",
    "pbkdf2 of Django, odd salt": lambda: f"pbkdf2_sha256$870000$!{some(10)},%${base(32)}",
    "pbkdf2-sha1 of Django": lambda: f"pbkdf2_sha1$260000${some(12)}${base(20)}",
    "pbkdf2 of Werkzeug": lambda: f"pbkdf2:sha256:600000${some(16)}${some(64)}",
    "pbkdf2 of Werkzeug, fewer": lambda: f"pbkdf2:sha256:150000${some(8)}${some(64)}",
    "pbkdf2-sha512 of Werkzeug": lambda: f"pbkdf2:sha512:210000${some(16)}${some(128)}",
    "pbkdf2-sha1 of Werkzeug": lambda: f"pbkdf2:sha1:1000${some(8)}${some(40)}",
    "scrypt of Werkzeug": lambda: f"scrypt:32768:8:1${some(16)}${some(128)}",
    "scrypt of Werkzeug, more": lambda: f"scrypt:65536:8:2${some(16)}${some(128)}",
    "scrypt of Django": lambda: f"scrypt$16384${some(22)}$8$1${base(64)}",
    "scrypt of Django, same salt": lambda: f"scrypt$16384$NaCl$8$5${base(64)}",
    "scrypt of Django, other p": lambda: f"scrypt$16384$NaCl$8$1${base(64)}",
    "scrypt of Django, more": lambda: f"scrypt$32768$NaCl$8$1${base(64)}",
}
REFUSED = (
    "", " ", "x", "!", "*", "$", "$$", "$$$", "{", "{}", "{SSHA}", "secret", "pässwörd", "%", "_",
    "5f4dcc3b5aa765d61d8327deb882cf99", "{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=", "{MD5}X03MO1qnZdYdgyfeuILPmQ==",
    "sha1$ab$" + "0" * 40, "md5$ab$" + "0" * 32, "$2b$12$cut", "$2b$99$" + "." * 53, "$2x$10$" + "." * 53,
    "$argon2id$v=19$m=4194304,t=9,p=1$c2FsdHNhbHQ$" + "A" * 43, "!$6$salt$" + "." * 86, "abJnggxhB/yWI",
    "$y$j9T$salt$" + "." * 43, "pbkdf2_sha256$0$salt$" + "A" * 43 + "=", "$argon2id$" + "A" * 9000,
)  # fmt: skip


def fill(engine: Engine, hashes: list[str]) -> None:
    """Add a user for each hash; every third is disabled."""
    rows = [
        {"username": f"u{n}", "username_folded": f"u{n}", "password_hash": stored, "active": bool(n % 3)}
        for n, stored in enumerate(hashes)
    ]
    with engine.begin() as connection:
        connection.execute(insert(users), rows)


def kind_of(stored: str) -> tuple[str, str]:
    """Return the scheme and the parameters."""
    try:
        kind = identify(stored)
    except UnusableHash:
        return "unusable", ""
    return kind.scheme, kind.parameters


def census(engine: Engine) -> dict[tuple[str, str], tuple[int, int]]:
    """Return how many users, and active ones, the database counts of each kind."""
    all_, active = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    for _, groups in count_hashes(engine):
        for group in groups:
            all_[kind_of(group.sample)] += group.users
            active[kind_of(group.sample)] += group.active
    return {kind: (count, active[kind]) for kind, count in all_.items()}


def by_hand(hashes: list[str]) -> dict[tuple[str, str], tuple[int, int]]:
    """Return the same, counted hash by hash."""
    all_ = Counter(kind_of(stored) for stored in hashes)
    active = Counter(kind_of(stored) for number, stored in enumerate(hashes) if number % 3)
    return {kind: (count, active[kind]) for kind, count in all_.items()}


@pytest.mark.parametrize("make", ACCEPTED.values(), ids=ACCEPTED)
def test_the_hashes_of_this_test_are_accepted(make: Callable[[], str]) -> None:
    assert all(kind_of(make())[0] != "unusable" for _ in range(20))


@pytest.mark.parametrize("step", [200_000, 100, 1])
def test_the_database_counts_what_python_counts(engine: Engine, step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hash_census, "STEP", step)
    hashes = [make() for make in ACCEPTED.values() for _ in range(7)]
    fill(engine, [*hashes, *REFUSED, *REFUSED])
    assert census(engine) == by_hand([*hashes, *REFUSED, *REFUSED])


def test_hashes_of_one_kind_are_one_group_unless_their_salt_stands_before_the_parameters(engine: Engine) -> None:
    kinds = [name for name in ACCEPTED if "scrypt of Django" not in name and "odd salt" not in name]
    fill(engine, [ACCEPTED[name]() for name in kinds for _ in range(7)])
    ((_, groups),) = count_hashes(engine)
    assert sorted(group.users for group in groups) == [7] * len(kinds)


def test_a_group_has_a_user_and_a_hash_of_its_own(engine: Engine) -> None:
    hashes = [make() for make in ACCEPTED.values() for _ in range(3)]
    fill(engine, hashes)
    for _, groups in count_hashes(engine):
        for group in groups:
            assert group.sample in hashes
            assert kind_of(hashes[int(group.username[1:])]) == kind_of(group.sample)


def test_the_part_that_is_counted_grows_to_the_whole(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hash_census, "STEP", 3)
    fill(engine, ["x"] * 10)
    parts = [part for part, _ in count_hashes(engine)]
    assert parts == sorted({*parts})
    assert (parts[0] < 1, parts[-1]) == (True, 1)


def test_of_nobody_there_is_nothing_to_count(engine: Engine) -> None:
    assert census(engine) == {}
