"""What our stores say of themselves and of their users, without a password."""

from pathlib import Path

import pytest
from sqlalchemy import update

from database.tables import users
from providers.interface import (
    AMBIGUOUS,
    DISABLED,
    UNKNOWN_USER,
    WRONG_PASSWORD,
    Check,
    ProviderUnavailable,
    SupportsCheck,
    SupportsExplain,
    SupportsListRoles,
    SupportsListUsers,
)
from providers.registry import open_provider
from providers.sql.provider import DatabaseProvider
from providers.static.provider import StaticProvider
from tests.conftest import new_database
from tests.support.stores import engine_of, hashed, user_table, users_file
from tests.support.users import SAME_EMAIL_USERS, SAMPLE_USERS, ZOE

ALL_USERS = [*SAMPLE_USERS, *SAME_EMAIL_USERS]
ROLES = {role for person in ALL_USERS for role in person.roles}


@pytest.fixture(params=["static", "sqlite", "postgres"])
def provider(request: pytest.FixtureRequest, tmp_path: Path) -> StaticProvider | DatabaseProvider:
    """A store that knows everybody, and that is the test's own."""
    if request.param == "static":
        environ = users_file(tmp_path / "users.toml", ALL_USERS)
    elif request.param == "sqlite":
        environ = user_table(f"sqlite:///{tmp_path}/users.db", ALL_USERS)
    else:
        environ = user_table(new_database(request.getfixturevalue("postgres"), tmp_path.name), ALL_USERS)
    opened = open_provider(environ["AUTH_PROVIDER"], environ)
    assert isinstance(opened, StaticProvider | DatabaseProvider)
    return opened


def found(provider: SupportsCheck) -> dict[str, Check]:
    return {check.step: check for check in provider.check()}


def outcomes(provider: SupportsCheck) -> dict[str, str]:
    return {step: check.outcome for step, check in found(provider).items()}


def test_ours_have_every_capability(provider: object) -> None:
    assert isinstance(provider, SupportsCheck)
    assert isinstance(provider, SupportsExplain)
    assert isinstance(provider, SupportsListUsers)
    assert isinstance(provider, SupportsListRoles)


def test_an_explanation_is_what_a_login_gives(provider: StaticProvider | DatabaseProvider) -> None:
    for person in ALL_USERS:
        for login in (person.username, person.email.upper()):
            proven, told = provider.authenticate(login, person.password), provider.explain(login)
            assert told.user == (proven or None)
            assert told.reason == (None if proven else AMBIGUOUS)
            assert told.record
    told = provider.explain("nobody")
    assert (told.user, told.reason, told.record) == (None, UNKNOWN_USER, None)


def test_the_list_is_of_those_who_can_log_in(provider: StaticProvider | DatabaseProvider) -> None:
    listed = {user["username"]: user for user in provider.list_users()}
    assert listed == {person.username: provider.find(person.username) for person in ALL_USERS}
    assert provider.list_roles() == ROLES


def test_who_is_disabled_is_told_and_not_listed(tmp_path: Path, empty_database: str) -> None:
    people = [ZOE, SAMPLE_USERS[1]]
    path = tmp_path / "users.toml"
    environ = users_file(path, people) | user_table(empty_database, people)
    path.write_text(path.read_text().replace("[[users]]", "[[users]]\nactive = false", 1))
    with engine_of(environ).begin() as connection:
        connection.execute(update(users).where(users.c.username == ZOE.username).values(active=False))
    for name in ("static", "database"):
        provider = open_provider(name, environ)
        assert isinstance(provider, StaticProvider | DatabaseProvider)
        told = provider.explain(ZOE.email)
        assert (told.user, told.reason) == (None, DISABLED)
        assert told.record
        assert [user["username"] for user in provider.list_users()] == [SAMPLE_USERS[1].username]
    file = open_provider("static", environ)
    assert isinstance(file, SupportsListRoles)
    assert file.list_roles() == {"user"}


def test_who_has_a_hash_that_is_no_use_is_told_and_not_listed(empty_database: str) -> None:
    provider = open_provider("database", user_table(empty_database, [ZOE], lambda _: "!disabled-by-hand"))
    assert isinstance(provider, DatabaseProvider)
    told = provider.explain(ZOE.username)
    assert (told.user, told.reason) == (None, WRONG_PASSWORD)
    assert told.record
    assert "whose password hash is no use" in told.record
    assert "!disabled" not in told.record
    assert [*provider.list_users()] == []
    assert found(provider)["hashes"].outcome == "warning"


def test_a_good_users_file_is_good(tmp_path: Path) -> None:
    path = tmp_path / "users.toml"
    users_file(path, [ZOE])
    path.chmod(0o600)
    assert outcomes(StaticProvider(path)) == dict.fromkeys(("users file", "permissions", "users", "hashes"), "ok")


@pytest.mark.parametrize(("mode", "outcome"), [(0o640, "warning"), (0o604, "warning"), (0o620, "failure")])
def test_a_users_file_that_others_can_read_or_write_is_told(tmp_path: Path, mode: int, outcome: str) -> None:
    path = tmp_path / "it's users.toml"
    users_file(path, [ZOE])
    path.chmod(mode)
    told = found(StaticProvider(path))["permissions"]
    assert told.outcome == outcome
    assert told.remedy
    assert "chmod 600 '" in told.remedy


def test_a_users_file_that_broke_since_is_told_with_every_fault(tmp_path: Path) -> None:
    path = tmp_path / "users.toml"
    users_file(path, [ZOE])
    provider = StaticProvider(path)
    path.write_text('[[users]]\nusername = "x"\npassword = "hunter2"\n')
    told = [*provider.check()]
    assert [check.outcome for check in told] == ["failure", "failure"]
    assert all(check.remedy for check in told)
    assert "hunter2" not in repr(told)
    path.unlink()
    (gone,) = provider.check()
    assert (gone.outcome, gone.found) == ("failure", "it cannot be read: No such file or directory")


def test_weak_hashes_and_nobody_active_in_a_file_are_told(tmp_path: Path) -> None:
    path = tmp_path / "users.toml"
    weak = "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHRzYWx0$" + hashed("x").rpartition("$")[2]
    path.write_text(f'[[users]]\nusername = "zoé"\nactive = false\npassword_hash = "{weak}"\n')
    told = found(StaticProvider(path))
    assert (told["hashes"].outcome, told["users"].outcome) == ("warning", "warning")
    assert "such as that of zoé" in told["hashes"].found
    assert weak not in repr(told)


def test_a_user_table_without_an_admin_and_without_users_is_told(empty_database: str) -> None:
    environ = user_table(empty_database, [])
    provider = open_provider("database", environ)
    assert isinstance(provider, DatabaseProvider)
    assert outcomes(provider) == {"users": "warning", "admin": "warning", "hashes": "ok"}
    user_table(empty_database, [ZOE, SAMPLE_USERS[1]])
    assert outcomes(provider) == {"users": "ok", "admin": "ok", "hashes": "ok"}
    assert found(provider)["users"].found == "2, of whom 2 are active"


def test_a_table_that_is_out_is_a_finding_and_else_an_outage(tmp_path: Path) -> None:
    provider = open_provider("database", {"DATABASE_URL": f"sqlite:///{tmp_path}/none.db"})
    assert isinstance(provider, DatabaseProvider)
    (told,) = provider.check()
    assert (told.outcome, told.remedy) == ("failure", "If it is new, run: make migrate")
    for ask in (lambda: provider.explain("zoé"), lambda: [*provider.list_users()], provider.list_roles):
        with pytest.raises(ProviderUnavailable):
            ask()
