"""What a login costs that proves nobody: the hash that is checked for a stranger is some user's."""

from pathlib import Path

import pytest

from database.user_editor import UserEditor
from passwords.schemes import verify
from providers.interface import UNKNOWN_USER, Denied
from providers.sql.provider import open_database
from tests.support.hash_samples import SAMPLES
from tests.support.stored_hashes import is_policys
from tests.support.stores import add_by_hand, engine_of, hashed, user_table
from tests.support.users import SAME_EMAIL_USERS, ZOE

OF = {sample.scheme: sample.stored for sample in SAMPLES}
USERS = {"bea": OF["bcrypt"], "Émile": OF["pbkdf2-sha256"], "mia": OF["sha512-crypt"], "tom": hashed("x" * 15)}
STRANGERS = [f"nobody{number}" for number in range(40)]


@pytest.fixture
def checked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The hashes that were computed, as they come."""
    computed: list[str] = []

    def noted(password: str, stored: str) -> bool:
        right = verify(password, stored)
        computed.append(stored)
        return right

    monkeypatch.setattr("passwords.hashing.verify", noted)
    return computed


@pytest.fixture
def environ(empty_database: str) -> dict[str, str]:
    """The environment of a new database of users whose hashes came from everywhere."""
    environ = user_table(empty_database, [])
    table = UserEditor(engine_of(environ), "tests")
    for username, stored in USERS.items():
        table.add(username, f"{username}@example.org", stored)
    return environ


def refuse(environ: dict[str, str], *logins: str) -> None:
    """Try logins that nobody has."""
    provider = open_database(environ)
    for login in logins:
        answer = provider.authenticate(login, "wrong")
        assert isinstance(answer, Denied)
        assert answer.reason == UNKNOWN_USER


def test_strangers_cost_what_users_do_in_their_mixture(environ: dict[str, str], checked: list[str]) -> None:
    refuse(environ, *STRANGERS)
    assert set(checked) == set(USERS.values())
    assert min(map(checked.count, USERS.values())) > 1


def test_names_that_are_alike_do_not_cost_alike(environ: dict[str, str], checked: list[str]) -> None:
    refuse(environ, *(f"be{letter}" for letter in "bcdefghijklmno"))
    assert len(set(checked)) > 1


def test_a_user_costs_their_own_hash(environ: dict[str, str], checked: list[str]) -> None:
    for login in USERS:
        assert not open_database(environ).authenticate(login, "wrong")
    assert checked == [*USERS.values()]


def test_a_stranger_costs_the_same_each_time(environ: dict[str, str], checked: list[str]) -> None:
    refuse(environ, *["nobody", "NOBODY"] * 3)
    assert len(set(checked)) == 1


def test_somebody_who_shares_a_login_costs_some_users_hash(environ: dict[str, str], checked: list[str]) -> None:
    for person in SAME_EMAIL_USERS:
        add_by_hand(engine_of(environ), person, hashed(person.password))
    assert not open_database(environ).authenticate("shared@example.org", SAME_EMAIL_USERS[0].password)
    assert len(checked) == 1


def test_an_empty_table_costs_what_ours_costs(empty_database: str, checked: list[str]) -> None:
    refuse(user_table(empty_database, []), "nobody")
    (decoy,) = checked
    assert is_policys(decoy)


@pytest.mark.parametrize("stored", ["", "!", "{SHA}x", "$2b$04$"])
def test_a_decoy_or_user_without_a_usable_hash_costs_what_ours_costs(
    tmp_path: Path, checked: list[str], stored: str
) -> None:
    environ = user_table(f"sqlite:///{tmp_path}/users.db", [ZOE], lambda _: stored)
    refuse(environ, "nobody")
    assert not open_database(environ).authenticate(ZOE.username, ZOE.password)
    assert len(checked) == 2
    assert all(map(is_policys, checked))


def test_a_strangers_password_is_never_right(environ: dict[str, str], checked: list[str]) -> None:
    assert open_database(environ).authenticate("mia", ZOE.password)
    checked.clear()
    provider = open_database(environ)
    assert not any(provider.authenticate(stranger, ZOE.password) for stranger in STRANGERS)
    assert len(checked) == len(STRANGERS)


def test_a_disabled_user_costs_their_own_hash(environ: dict[str, str], checked: list[str]) -> None:
    UserEditor(engine_of(environ), "tests").set_active("bea", active=False)
    for password in (ZOE.password, "wrong"):
        assert not open_database(environ).authenticate("bea", password)
    assert checked == [USERS["bea"]] * 2
