"""The capabilities of the providers `static` and `database`: checks, explanations, and lists of users and roles."""

from pathlib import Path

import pytest
from sqlalchemy import update

from database.tables import users
from providers.interface import (
    DISABLED,
    UNKNOWN_USER,
    WRONG_PASSWORD,
    Check,
    ProviderUnavailable,
    SupportsCheck,
    SupportsExplain,
    SupportsHasUsername,
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
ROLES = {role for sample in ALL_USERS for role in sample.roles}


@pytest.fixture(params=["static", "sqlite", "postgres"])
def provider(request: pytest.FixtureRequest, tmp_path: Path) -> StaticProvider | DatabaseProvider:
    """Return a provider of each kind with all sample users, for one test."""
    if request.param == "static":
        environ = users_file(tmp_path / "users.toml", ALL_USERS)
    elif request.param == "sqlite":
        environ = user_table(f"sqlite:///{tmp_path}/users.db", ALL_USERS)
    else:
        environ = user_table(new_database(request.getfixturevalue("postgres"), tmp_path.name), ALL_USERS)
    opened = open_provider(environ["AUTH_PROVIDER"], environ)
    assert isinstance(opened, StaticProvider | DatabaseProvider)
    return opened


def checks_of(provider: SupportsCheck) -> dict[str, Check]:
    return {check.step: check for check in provider.check()}


def outcomes(provider: SupportsCheck) -> dict[str, str]:
    return {step: check.outcome for step, check in checks_of(provider).items()}


def test_built_in_provider_has_all_capabilities(provider: object) -> None:
    assert isinstance(provider, SupportsCheck)
    assert isinstance(provider, SupportsHasUsername)
    assert isinstance(provider, SupportsExplain)
    assert isinstance(provider, SupportsListUsers)
    assert isinstance(provider, SupportsListRoles)


def test_explanation_is_the_result_of_the_right_password(provider: StaticProvider | DatabaseProvider) -> None:
    passwords = {sample.username: sample.password for sample in ALL_USERS}
    for sample in ALL_USERS:
        for login in (sample.username, sample.email.upper()):
            explanation = provider.explain(login)
            assert explanation.user
            assert explanation.user == provider.authenticate(login, passwords[explanation.user["username"]])
            assert explanation.record
    explanation = provider.explain("nobody")
    assert (explanation.user, explanation.reason, explanation.record) == (None, UNKNOWN_USER, None)


def test_all_users_and_their_roles_are_listed(provider: StaticProvider | DatabaseProvider) -> None:
    listed = {user["username"]: user for user in provider.list_users()}
    assert listed == {sample.username: provider.find(sample.username) for sample in ALL_USERS}
    assert provider.list_roles() == ROLES


def test_disabled_user_is_explained_but_not_listed(tmp_path: Path, migrated_database: str) -> None:
    samples = [ZOE, SAMPLE_USERS[1]]
    path = tmp_path / "users.toml"
    environ = users_file(path, samples) | user_table(migrated_database, samples)
    path.write_text(path.read_text().replace("[[users]]", "[[users]]\nactive = false", 1))
    with engine_of(environ).begin() as connection:
        connection.execute(update(users).where(users.c.username == ZOE.username).values(active=False))
    for name in ("static", "database"):
        provider = open_provider(name, environ)
        assert isinstance(provider, StaticProvider | DatabaseProvider)
        explanation = provider.explain(ZOE.email)
        assert (explanation.user, explanation.reason) == (None, DISABLED)
        assert explanation.record
        assert [user["username"] for user in provider.list_users()] == [SAMPLE_USERS[1].username]
    static = open_provider("static", environ)
    assert isinstance(static, SupportsListRoles)
    assert static.list_roles() == {"user"}


def test_user_with_an_unusable_hash_is_explained_but_not_listed(migrated_database: str) -> None:
    provider = open_provider("database", user_table(migrated_database, [ZOE], lambda _: "!disabled-by-hand"))
    assert isinstance(provider, DatabaseProvider)
    explanation = provider.explain(ZOE.username)
    assert (explanation.user, explanation.reason) == (None, WRONG_PASSWORD)
    assert explanation.record
    assert "whose password hash is" in explanation.record
    assert "!disabled" not in explanation.record
    assert [*provider.list_users()] == []
    assert checks_of(provider)["hashes"].outcome == "warning"


def test_checks_of_a_valid_users_file_are_ok(tmp_path: Path) -> None:
    path = tmp_path / "users.toml"
    users_file(path, [ZOE])
    assert outcomes(StaticProvider(path)) == dict.fromkeys(("users file", "users", "names", "hashes"), "ok")


def test_users_file_that_has_become_invalid_is_reported_with_each_problem(tmp_path: Path) -> None:
    path = tmp_path / "users.toml"
    users_file(path, [ZOE])
    provider = StaticProvider(path)
    path.write_text('[[users]]\nusername = "x"\npassword = "hunter2"\n')
    checks = [*provider.check()]
    assert [check.outcome for check in checks] == ["failure", "failure"]
    assert all(check.remedy for check in checks)
    assert "hunter2" not in repr(checks)
    path.unlink()
    (check,) = provider.check()
    assert check.outcome == "failure"
    assert check.found == f"STATIC_USERS_FILE names a file that cannot be read: No such file or directory ({path})"


def test_users_file_with_a_weak_hash_and_no_active_user_has_warnings(tmp_path: Path) -> None:
    path = tmp_path / "users.toml"
    weak = "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHRzYWx0$" + hashed("x").rpartition("$")[2]
    path.write_text(f'[[users]]\nusername = "zoé"\nactive = false\npassword_hash = "{weak}"\n')
    checks = checks_of(StaticProvider(path))
    assert (checks["hashes"].outcome, checks["users"].outcome) == ("warning", "warning")
    assert "for example that of zoé" in checks["hashes"].found
    assert weak not in repr(checks)


def test_user_table_without_users_and_without_an_admin_has_warnings(migrated_database: str) -> None:
    environ = user_table(migrated_database, [])
    provider = open_provider("database", environ)
    assert isinstance(provider, DatabaseProvider)
    assert outcomes(provider) == {"users": "warning", "admin": "warning", "names": "ok", "hashes": "ok"}
    assert checks_of(provider)["names"].found == "the names of the newest users are consistent (0 checked)"
    assert checks_of(provider)["hashes"].found == "the newest hashes are usable (0 checked)"
    user_table(migrated_database, [ZOE, SAMPLE_USERS[1]])
    assert outcomes(provider) == {"users": "ok", "admin": "ok", "names": "ok", "hashes": "ok"}
    assert checks_of(provider)["users"].found == "2 users, 2 active"


def test_unavailable_table_is_a_failed_check_and_otherwise_an_outage(tmp_path: Path) -> None:
    provider = open_provider("database", {"DATABASE_URL": f"sqlite:///{tmp_path}/none.db"})
    assert isinstance(provider, DatabaseProvider)
    (check,) = provider.check()
    assert (check.step, check.outcome) == ("user table", "failure")
    assert check.remedy
    assert "make migrate" in check.remedy
    for call in (lambda: provider.explain("zoé"), lambda: [*provider.list_users()], provider.list_roles):
        with pytest.raises(ProviderUnavailable):
            call()
