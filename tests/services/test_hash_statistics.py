"""The statistics of password hashes, read from each kind of database."""

import base64
import secrets
from collections import Counter
from collections.abc import Callable

import pytest
from sqlalchemy import Engine, insert

from database import user_table
from database.tables import users
from database.user_table import UserTable
from passwords.status import HashStatus, hash_status
from services.hash_statistics import HashCount, HashStatistics
from tests.support.emptied_database import DATABASE_KINDS, empty_engine


@pytest.fixture(params=DATABASE_KINDS)
def engine(request: pytest.FixtureRequest) -> Engine:
    """An engine of a database without users."""
    return empty_engine(request)


def text(length: int) -> str:
    """Return random text of characters that every scheme allows in a salt or digest."""
    return secrets.token_hex(length)[:length]


def base64_of(count: int) -> str:
    """Return this number of random bytes in padded base64."""
    return base64.b64encode(secrets.token_bytes(count)).decode()


def unpadded(count: int) -> str:
    """Return this number of random bytes in base64 without padding."""
    return base64_of(count).rstrip("=")


def _argon2(parameters: str) -> str:
    return f"$argon2{parameters}${unpadded(16)}${unpadded(32)}"


def _bcrypt(cost: int, prefix: str = "2b") -> str:
    return f"${prefix}${cost:02}${text(21)}.{text(30)}."


USABLE: dict[str, Callable[[], str]] = {
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
    "phpass 8": lambda: f"$P$6{text(30)}",
    "phpass B": lambda: f"$P$B{text(30)}",
    "phpass H9": lambda: f"$H$9{text(30)}",
    "phpass HC": lambda: f"$H$C{text(30)}",
    "phpass of crypt 8": lambda: f"{{CRYPT}}$P$6{text(30)}",
    "phpass of crypt B": lambda: f"{{CRYPT}}$P$B{text(30)}",
    "sha512-crypt": lambda: f"$6${text(16)}${text(86)}",
    "sha512-crypt, short salt": lambda: f"$6${text(3)}${text(86)}",
    "sha512-crypt, rounds": lambda: f"$6$rounds=656000${text(16)}${text(86)}",
    "sha512-crypt, other rounds": lambda: f"$6$rounds=100000${text(16)}${text(86)}",
    "sha256-crypt of crypt": lambda: f"{{CRYPT}}$5$rounds=20000${text(16)}${text(43)}",
    "md5-crypt": lambda: f"$1${text(8)}${text(22)}",
    "apr1": lambda: f"$apr1${text(8)}${text(22)}",
    "ssha": lambda: "{SSHA}" + base64_of(24),
    "ssha, lower": lambda: "{ssha}" + base64_of(28),
    "ssha256": lambda: "{SSHA256}" + base64_of(40),
    "ssha512": lambda: "{SSHA512}" + base64_of(72),
    "pbkdf2 of Django": lambda: f"pbkdf2_sha256$600000${text(22)}${base64_of(32)}",
    "pbkdf2 of Django, more": lambda: f"pbkdf2_sha256$870000${text(22)}${base64_of(32)}",
    "pbkdf2 of Django, odd salt": lambda: f"pbkdf2_sha256$870000$!{text(10)},%${base64_of(32)}",
    "pbkdf2-sha1 of Django": lambda: f"pbkdf2_sha1$260000${text(12)}${base64_of(20)}",
    "pbkdf2 of Werkzeug": lambda: f"pbkdf2:sha256:600000${text(16)}${text(64)}",
    "pbkdf2 of Werkzeug, fewer": lambda: f"pbkdf2:sha256:150000${text(8)}${text(64)}",
    "pbkdf2-sha512 of Werkzeug": lambda: f"pbkdf2:sha512:210000${text(16)}${text(128)}",
    "pbkdf2-sha1 of Werkzeug": lambda: f"pbkdf2:sha1:1000${text(8)}${text(40)}",
    "scrypt of Werkzeug": lambda: f"scrypt:32768:8:1${text(16)}${text(128)}",
    "scrypt of Werkzeug, more": lambda: f"scrypt:65536:8:2${text(16)}${text(128)}",
    "scrypt of Django": lambda: f"scrypt$16384${text(22)}$8$1${base64_of(64)}",
    "scrypt of Django, same salt": lambda: f"scrypt$16384$NaCl$8$5${base64_of(64)}",
    "scrypt of Django, other p": lambda: f"scrypt$16384$NaCl$8$1${base64_of(64)}",
    "scrypt of Django, more": lambda: f"scrypt$32768$NaCl$8$1${base64_of(64)}",
}
UNUSABLE = (
    "", " ", "x", "!", "*", "$", "$$", "$$$", "{", "{}", "{SSHA}", "secret", "pässwörd", "%", "_",
    "5f4dcc3b5aa765d61d8327deb882cf99", "{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=", "{MD5}X03MO1qnZdYdgyfeuILPmQ==",
    "sha1$ab$" + "0" * 40, "md5$ab$" + "0" * 32, "$2b$12$cut", "$2b$99$" + "." * 53, "$2x$10$" + "." * 53,
    "$argon2id$v=19$m=4194304,t=9,p=1$c2FsdHNhbHQ$" + "A" * 43, "!$6$salt$" + "." * 86, "abJnggxhB/yWI",
    "$y$j9T$salt$" + "." * 43, "pbkdf2_sha256$0$salt$" + "A" * 43 + "=", "$argon2id$" + "A" * 9000,
)  # fmt: skip


def fill(engine: Engine, hashes: list[str]) -> None:
    """Add a user for each hash; every third user is disabled."""
    rows = [
        {"username": f"u{n}", "username_folded": f"u{n}", "password_hash": stored, "active": bool(n % 3)}
        for n, stored in enumerate(hashes)
    ]
    with engine.begin() as connection:
        connection.execute(insert(users), rows)


def counts_in(engine: Engine) -> list[HashCount]:
    statistics = HashStatistics()
    for hashes in UserTable(engine).password_hashes():
        statistics.add(hashes)
    return statistics.counts()


def by_status(engine: Engine) -> dict[HashStatus, tuple[int, int]]:
    """Return the number of users and of active users for each status."""
    return {count.status: (count.users, count.active) for count in counts_in(engine)}


def expected(hashes: list[str]) -> dict[HashStatus, tuple[int, int]]:
    """Return the same, counted without a database."""
    total = Counter(map(hash_status, hashes))
    active = Counter(hash_status(stored) for number, stored in enumerate(hashes) if number % 3)
    return {status: (count, active[status]) for status, count in total.items()}


@pytest.mark.parametrize("make", USABLE.values(), ids=USABLE)
def test_the_usable_hashes_of_these_tests_are_usable(make: Callable[[], str]) -> None:
    assert all(hash_status(make()).status != "unusable" for _ in range(20))


@pytest.mark.parametrize("hashes_per_query", [20_000, 100, 1])
def test_every_hash_is_counted_by_its_own_status(
    engine: Engine, hashes_per_query: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(user_table, "HASHES_PER_QUERY", hashes_per_query)
    hashes = [make() for make in USABLE.values() for _ in range(7)]
    fill(engine, [*hashes, *UNUSABLE, *UNUSABLE])
    assert by_status(engine) == expected([*hashes, *UNUSABLE, *UNUSABLE])


def test_hashes_of_one_scheme_and_cost_are_one_count_wherever_the_salt_is(engine: Engine) -> None:
    hashes = [make() for name, make in USABLE.items() if "scrypt of Django" in name for _ in range(7)]
    fill(engine, hashes)
    counted = {count.status.parameters: count.users for count in counts_in(engine)}
    assert counted == {"N=16384 r=8 p=1": 14, "N=16384 r=8 p=5": 7, "N=32768 r=8 p=1": 7}


@pytest.mark.parametrize("name", ["argon2id", "bcrypt 12", "pbkdf2 of Django", "scrypt of Werkzeug", "ssha"])
def test_hash_that_is_damaged_in_the_middle_is_unusable(engine: Engine, name: str) -> None:
    stored = USABLE[name]()
    middle = len(stored) - 12
    fill(engine, [stored, f"{stored[:middle]}\n{stored[middle + 1 :]}", f"{stored[:middle]}%{stored[middle + 1 :]}"])
    reason = "is cut off or damaged"
    assert by_status(engine) == {hash_status(stored): (1, 0), HashStatus("-", reason, "unusable"): (2, 2)}


def test_the_example_is_a_user_with_that_status(engine: Engine) -> None:
    hashes = [make() for make in USABLE.values() for _ in range(3)]
    fill(engine, hashes)
    for count in counts_in(engine):
        assert hash_status(hashes[int(count.example[1:])]) == count.status


def test_the_status_with_the_most_users_is_first(engine: Engine) -> None:
    hashes = [USABLE["ssha"](), *(USABLE["bcrypt 4"]() for _ in range(3)), USABLE["apr1"](), USABLE["apr1"]()]
    fill(engine, hashes)
    assert [(count.status.scheme, count.users) for count in counts_in(engine)] == [
        ("bcrypt", 3),
        ("apr1", 2),
        ("ssha", 1),
    ]


def test_hashes_are_read_in_lists_of_limited_length(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(user_table, "HASHES_PER_QUERY", 3)
    fill(engine, ["x"] * 10)
    lists = [*UserTable(engine).password_hashes()]
    assert [len(hashes) for hashes in lists] == [3, 3, 3, 1]
    assert [stored.username for hashes in lists for stored in hashes] == [f"u{n}" for n in range(10)]


def test_hashes_are_read_from_one_snapshot(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(user_table, "HASHES_PER_QUERY", 2)
    fill(engine, ["before"] * 5)
    reading = UserTable(engine).password_hashes()
    read = [*next(reading)]
    with engine.begin() as connection:
        connection.execute(users.update().values(password_hash="after"))
        connection.execute(
            insert(users), {"username": "new", "username_folded": "new", "password_hash": "new", "active": True}
        )
    read += [stored for hashes in reading for stored in hashes]
    assert [stored.password_hash for stored in read] == ["before"] * 5


def test_a_hash_is_not_in_the_representation_of_its_row(engine: Engine) -> None:
    fill(engine, ["a secret hash"])
    assert "a secret hash" not in repr([*UserTable(engine).password_hashes()])


def test_table_without_users_has_no_counts(engine: Engine) -> None:
    assert counts_in(engine) == []
