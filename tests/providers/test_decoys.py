"""What a login costs that proves nobody: the hash that is checked for a stranger is a neighbour's."""

from pathlib import Path

import pytest

from database.engine import open_engine
from database.user_editor import UserEditor
from providers.database import open_database
from providers.hash_schemes import proves
from providers.interface import UNKNOWN_USER, Denied
from tests.people import TWINS, ZOE
from tests.providers.hashes import SAMPLES
from tests.stored_hashes import is_policys
from tests.stores import add_by_hand, hashed, user_table

OF = {sample.scheme: sample.stored for sample in SAMPLES}
USERS = {"bea": OF["bcrypt"], "Émile": OF["pbkdf2-sha256"], "mia": OF["sha512-crypt"], "tom": hashed("x" * 15)}
NEXT = {"a": "bea", "bea2": "mia", "BEA3": "mia", "bea@example.com": "mia", "nobody": "tom", "mia ": "tom"}


@pytest.fixture
def checked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The hashes that were computed, as they come."""
    computed: list[str] = []

    def noted(password: str, stored: str) -> bool:
        right = proves(password, stored)
        computed.append(stored)
        return right

    monkeypatch.setattr("providers.passwords.proves", noted)
    return computed


@pytest.fixture
def environ(empty_database: str) -> dict[str, str]:
    """The environment of a new database of users whose hashes came from everywhere."""
    environ = user_table(empty_database, [])
    table = UserEditor(open_engine(environ), "tests")
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


def test_a_stranger_costs_the_next_users_hash(environ: dict[str, str], checked: list[str]) -> None:
    refuse(environ, *NEXT)
    assert checked == [USERS[neighbour] for neighbour in NEXT.values()]


def test_a_user_costs_their_own_hash(environ: dict[str, str], checked: list[str]) -> None:
    for login in USERS:
        assert not open_database(environ).authenticate(login, "wrong")
    assert checked == [*USERS.values()]


def test_a_stranger_costs_the_same_each_time(environ: dict[str, str], checked: list[str]) -> None:
    refuse(environ, *["bea2"] * 5)
    assert checked == [USERS["mia"]] * 5


def test_behind_the_last_user_comes_the_first(environ: dict[str, str], checked: list[str]) -> None:
    refuse(environ, "émilee", "\U0010fffd")
    assert checked == [USERS["bea"]] * 2


def test_somebody_who_shares_a_login_costs_a_neighbours_hash(environ: dict[str, str], checked: list[str]) -> None:
    for person in TWINS:
        add_by_hand(open_engine(environ), person, hashed(person.password))
    assert not open_database(environ).authenticate("shared@example.org", TWINS[0].password)
    assert checked == [USERS["tom"]]


def test_an_empty_table_costs_what_ours_costs(empty_database: str, checked: list[str]) -> None:
    refuse(user_table(empty_database, []), "nobody")
    (decoy,) = checked
    assert is_policys(decoy)


@pytest.mark.parametrize("stored", ["", "!", "{SHA}x", "$2b$04$"])
def test_a_neighbour_or_user_without_a_usable_hash_costs_what_ours_costs(
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
    assert not provider.authenticate("aaa", ZOE.password)
    assert checked == [USERS["bea"]]


def test_a_disabled_user_costs_their_own_hash(environ: dict[str, str], checked: list[str]) -> None:
    UserEditor(open_engine(environ), "tests").set_active("bea", active=False)
    for password in (ZOE.password, "wrong"):
        assert not open_database(environ).authenticate("bea", password)
    assert checked == [USERS["bea"]] * 2
