"""The service does not start while a well-known account of a users file or the user table has a default password."""

from pathlib import Path

import pytest

from app import create_app
from config.errors import ConfigurationError
from passwords.hashing import generate_password
from tests.support.stores import SECRET_KEY, engine_of, user_table, users_file
from tests.support.users import SampleUser

FOUND = "has a password that attackers try first"


def account(username: str, password: str) -> SampleUser:
    return SampleUser(username, f"{username}@example.org", password, ("admin",))


def environ_of(store: str, folder: Path, person: SampleUser) -> dict[str, str]:
    environ = (
        users_file(folder / "users.toml", [person])
        if store == "static"
        else user_table(f"sqlite:///{folder}/users.db", [person])
    )
    return {"SECRET_KEY": SECRET_KEY, "DATABASE_URL": "", **environ}


@pytest.mark.parametrize("store", ["static", "database"])
@pytest.mark.parametrize(
    ("username", "password"), [("admin", "admin"), ("Root", "changeme"), ("demo", "demo"), ("test", "123456")]
)
def test_default_password_of_a_well_known_account_prevents_a_start(
    tmp_path: Path, store: str, username: str, password: str
) -> None:
    with pytest.raises(ConfigurationError) as raised:
        create_app(environ_of(store, tmp_path, account(username, password)))
    (problem,) = raised.value.problems
    assert username in problem.subject
    assert problem.found == FOUND
    assert "flask users" in str(problem.remedy)
    assert password == username or password not in str(problem)


@pytest.mark.parametrize("store", ["static", "database"])
@pytest.mark.parametrize(("username", "password"), [("admin", "generated"), ("admin1", "admin"), ("zoe", "changeme")])
def test_other_passwords_and_other_accounts_are_accepted(
    tmp_path: Path, store: str, username: str, password: str
) -> None:
    password = generate_password() if password == "generated" else password
    assert create_app(environ_of(store, tmp_path, account(username, password)))


def test_disabled_account_and_provider_that_is_not_selected_are_accepted(tmp_path: Path) -> None:
    environ = environ_of("database", tmp_path, account("admin", "admin"))
    with engine_of(environ).begin() as connection:
        connection.exec_driver_sql("UPDATE latchkey_users SET active = 0")
    assert create_app(environ)
    static = environ_of("static", tmp_path, account("zoe", "not a default password"))
    assert create_app({**environ, **static})
