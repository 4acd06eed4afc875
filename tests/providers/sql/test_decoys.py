"""The cost of a denied login: for an unknown user, the hash of some stored user is verified."""

from pathlib import Path

import pytest

from database.user_editor import UserEditor
from database.user_table import UserTable
from passwords.schemes import UsableHash, parse
from providers.interface import UNKNOWN_USER, Denied
from providers.sql.provider import open_database
from tests.support.hash_samples import SAMPLES
from tests.support.stored_hashes import has_policy_cost
from tests.support.stores import add_by_hand, engine_of, hashed, user_table
from tests.support.users import SAME_EMAIL_USERS, ZOE

HASH_OF = {sample.scheme: sample.stored for sample in SAMPLES}
USERS = {
    "bea": HASH_OF["bcrypt"],
    "Émile": HASH_OF["pbkdf2-sha256"],
    "mia": HASH_OF["sha512-crypt"],
    "tom": hashed("x" * 15),
}
UNKNOWN_LOGINS = [f"nobody{number}" for number in range(40)]


@pytest.fixture
def checked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the list of the hashes that are verified, in order."""
    verified: list[str] = []

    def record(stored: str) -> UsableHash:
        usable = parse(stored)
        verified.append(stored)
        return usable

    monkeypatch.setattr("passwords.hashing.parse", record)
    return verified


@pytest.fixture
def environ(migrated_database: str) -> dict[str, str]:
    """Return the environment of a new database whose users have hashes of several schemes."""
    environ = user_table(migrated_database, [])
    table = UserEditor(engine_of(environ), "tests")
    for username, stored in USERS.items():
        table.add(username, f"{username}@example.org", stored)
    return environ


def try_unknown(environ: dict[str, str], *logins: str) -> None:
    """Try logins that no user has."""
    provider = open_database(environ)
    for login in logins:
        answer = provider.authenticate(login, "wrong")
        assert isinstance(answer, Denied)
        assert answer.reason == UNKNOWN_USER


def test_unknown_logins_cost_the_hashes_of_all_stored_users(environ: dict[str, str], checked: list[str]) -> None:
    try_unknown(environ, *UNKNOWN_LOGINS)
    assert set(checked) == set(USERS.values())
    assert min(map(checked.count, USERS.values())) > 1


def test_similar_unknown_logins_cost_different_hashes(environ: dict[str, str], checked: list[str]) -> None:
    try_unknown(environ, *(f"be{letter}" for letter in "bcdefghijklmno"))
    assert len(set(checked)) > 1


def test_known_user_costs_their_own_hash(environ: dict[str, str], checked: list[str]) -> None:
    for login in USERS:
        assert not open_database(environ).authenticate(login, "wrong")
    assert checked == [*USERS.values()]


def test_unknown_login_costs_the_same_hash_each_time(environ: dict[str, str], checked: list[str]) -> None:
    try_unknown(environ, *["nobody", "NOBODY"] * 3)
    assert len(set(checked)) == 1


def test_login_that_matches_two_users_costs_the_hash_of_one(environ: dict[str, str], checked: list[str]) -> None:
    for sample in SAME_EMAIL_USERS:
        add_by_hand(engine_of(environ), sample, hashed(sample.password))
    assert not open_database(environ).authenticate("shared@example.org", SAME_EMAIL_USERS[1].password)
    assert len(checked) == 1


def test_unknown_login_in_an_empty_table_costs_a_policy_hash(migrated_database: str, checked: list[str]) -> None:
    try_unknown(user_table(migrated_database, []), "nobody")
    (decoy,) = checked
    assert has_policy_cost(decoy)


@pytest.mark.parametrize("stored", ["", "!", "{SHA}x", "$2b$04$"])
def test_unusable_hash_costs_a_policy_hash(tmp_path: Path, checked: list[str], stored: str) -> None:
    environ = user_table(f"sqlite:///{tmp_path}/users.db", [ZOE], lambda _: stored)
    try_unknown(environ, "nobody")
    assert not open_database(environ).authenticate(ZOE.username, ZOE.password)
    assert len(checked) == 2
    assert all(map(has_policy_cost, checked))


def test_right_password_of_the_decoy_hash_is_denied(environ: dict[str, str], checked: list[str]) -> None:
    assert open_database(environ).authenticate("mia", ZOE.password)
    checked.clear()
    provider = open_database(environ)
    assert not any(provider.authenticate(login, ZOE.password) for login in UNKNOWN_LOGINS)
    assert len(checked) == len(UNKNOWN_LOGINS)


def test_disabled_user_costs_their_own_hash(environ: dict[str, str], checked: list[str]) -> None:
    UserEditor(engine_of(environ), "tests").set_active("bea", active=False)
    for password in (ZOE.password, "wrong"):
        assert not open_database(environ).authenticate("bea", password)
    assert checked == [USERS["bea"]] * 2


def test_decoys_are_read_again_when_they_are_too_old(
    environ: dict[str, str], checked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = open_database(environ)
    editor = UserEditor(engine_of(environ), "tests")
    provider.authenticate("nobody", "wrong")
    for username in USERS:
        editor.delete(username, force=True)
    provider.authenticate("nobody", "wrong")
    assert len(set(checked)) == 1
    monkeypatch.setattr("providers.sql.provider.DECOY_LIFETIME", 0)
    provider.authenticate("nobody", "wrong")
    assert has_policy_cost(checked[-1])
    assert checked[-1] not in USERS.values()


@pytest.mark.parametrize("size", [1, 5, 20, 256])
def test_sample_of_hashes_is_distributed_over_the_table(migrated_database: str, size: int) -> None:
    table = UserEditor(engine_of(user_table(migrated_database, [])), "tests")
    for number in range(30):
        table.add(f"user{number}", None, f"hash {number}")
    for number in (0, 7, 8, 9):
        table.delete(f"user{number}")
    sample = table.users.sample_hashes(size)
    numbers = [int(stored.split()[1]) for stored in sample]
    assert len(numbers) == size
    assert numbers == sorted(numbers)
    assert len(set(numbers)) >= min(size, 15)
    assert numbers[0] == 1
    assert numbers[-1] >= 29 - 29 // size


def test_sample_of_an_empty_table_is_empty(migrated_database: str) -> None:
    assert UserTable(engine_of(user_table(migrated_database, []))).sample_hashes(10) == []
