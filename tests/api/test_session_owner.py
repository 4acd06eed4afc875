"""A session ends at the next refresh if its username is another record by then, or has another password."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest
from flask.testing import FlaskClient
from sqlalchemy import delete, insert, select, update

from database.tables import sessions, users
from tests.support.error_responses import error_message
from tests.support.sessions import Tokens, client_of, guard_error, log_in, refresh, send_refresh
from tests.support.stored_hashes import store_hash, stored_zoe
from tests.support.stores import engine_of, hashed, user_table, users_file
from tests.support.users import ZOE, SampleUser

YAN = SampleUser("yan", "yan@example.org", "the password of Yan")
NEW_PASSWORD = "the new password of Zoé"
ANOTHER_USER = "Invalid refresh token: the username belongs to another user now"
ANOTHER_PASSWORD = "Invalid refresh token: the user's password was changed"


@pytest.fixture
def environ(migrated_database: str) -> dict[str, str]:
    """Return the environment of a user table with Zoé and Yan."""
    return user_table(migrated_database, [ZOE, YAN])


def refusal(client: FlaskClient, tokens: Tokens) -> str:
    """Return the message of a refused refresh, after a check that it has ended the session."""
    message = error_message(send_refresh(client, tokens.refresh), 400, "invalid_refresh_token")
    assert guard_error(client, tokens.access) == "revoked_token"
    again = error_message(send_refresh(client, tokens.refresh), 400, "invalid_refresh_token")
    assert again == "Invalid refresh token: expired, revoked or unknown"
    return message


def test_new_hash_in_the_users_file_ends_the_sessions_of_this_user(tmp_path: Path) -> None:
    path = tmp_path / "users.toml"
    client = client_of(user_table(f"sqlite:///{tmp_path}/sessions.db", []) | users_file(path, [ZOE, YAN]))
    of_zoe, of_yan = refresh(client, log_in(client)), log_in(client, YAN)
    users_file(path, [replace(ZOE, password=NEW_PASSWORD), YAN])
    assert refusal(client, of_zoe) == ANOTHER_PASSWORD
    refresh(client, of_yan)


def test_new_hash_that_an_operator_writes_into_the_user_table_ends_sessions(
    environ: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    client = client_of(environ)
    of_zoe, of_yan = refresh(client, log_in(client)), log_in(client, YAN)
    store_hash(environ, hashed(NEW_PASSWORD))
    assert refusal(client, of_zoe) == ANOTHER_PASSWORD
    assert "session_ended reason=password_changed" in caplog.text
    refresh(client, of_yan)


def test_user_added_again_with_sql_does_not_get_the_sessions_of_the_deleted_one(environ: dict[str, str]) -> None:
    client = client_of(environ)
    with engine_of(environ).begin() as connection:  # SQLite reuses the id only of the last row
        connection.execute(delete(users).where(users.c.username == YAN.username))
    tokens, former = refresh(client, log_in(client)), stored_zoe(environ)
    values = {"id": former.id, "username": ZOE.username, "username_folded": ZOE.username, "active": True}
    with engine_of(environ).begin() as connection:
        connection.execute(delete(users).where(users.c.id == former.id))
        connection.execute(insert(users).values(**values, password_hash=former.password_hash))
    assert refusal(client, tokens) == ANOTHER_USER
    log_in(client)


def test_user_renamed_with_sql_does_not_get_the_sessions_of_the_former_username(environ: dict[str, str]) -> None:
    store_hash(environ, hashed(YAN.password))
    client = client_of(environ)
    tokens = refresh(client, log_in(client, replace(ZOE, password=YAN.password)))
    with engine_of(environ).begin() as connection:
        for name, new in ((ZOE.username, "former"), (YAN.username, ZOE.username)):
            renamed = update(users).where(users.c.username == name)
            connection.execute(renamed.values(username=new, username_folded=new))
    assert refusal(client, tokens) == ANOTHER_USER


def test_sessions_from_before_the_migration_adopt_the_present_user(environ: dict[str, str]) -> None:
    client = client_of(environ)
    tokens = log_in(client)
    with engine_of(environ).begin() as connection:
        connection.execute(update(sessions).values(record_id=None, credential_stamp=None))
    tokens = refresh(client, tokens)
    tokens = refresh(client, tokens)
    store_hash(environ, hashed(NEW_PASSWORD))
    assert refusal(client, tokens) == ANOTHER_PASSWORD


def test_sessions_table_does_not_contain_the_password_hash(environ: dict[str, str]) -> None:
    log_in(client_of(environ))
    with engine_of(environ).connect() as connection:
        (row,) = connection.execute(select(sessions)).all()
    stored = stored_zoe(environ)
    salt_and_digest = stored.password_hash.split("$")[-2:]
    assert row.record_id == stored.record_id
    assert not any(part in row.credential_stamp for part in salt_and_digest)


class Directory:
    """A custom provider that authenticates every login. A test sets the members that only sessions use."""

    members: ClassVar[dict[str, str]] = {}

    def __init__(self, environ: Mapping[str, str]) -> None:
        """Take no settings."""

    def authenticate(self, login: str, password: str) -> Any:
        return self.find(login)

    def find(self, username: str) -> Any:
        return {"username": username, "email": None, "roles": [], **Directory.members}


SetMembers = Callable[..., None]


@pytest.fixture
def set_members(monkeypatch: pytest.MonkeyPatch) -> SetMembers:
    return lambda **members: monkeypatch.setattr(Directory, "members", members)


@pytest.fixture
def client(sqlite_environ: dict[str, str]) -> FlaskClient:
    return client_of(sqlite_environ, AUTH_PROVIDER=f"{__name__}:Directory")


@pytest.mark.parametrize("present", [{"record_id": "2"}, {}, {"credential_stamp": "1"}], ids=str)
def test_record_handed_to_another_person_ends_the_session(
    client: FlaskClient, set_members: SetMembers, present: dict[str, str]
) -> None:
    set_members(record_id="1")
    tokens = refresh(client, log_in(client))
    set_members(**present)
    assert refusal(client, tokens) == ANOTHER_USER


@pytest.mark.parametrize("present", [{"record_id": "1", "credential_stamp": "2"}, {"record_id": "1"}], ids=str)
def test_new_password_in_a_custom_provider_ends_the_session(
    client: FlaskClient, set_members: SetMembers, present: dict[str, str]
) -> None:
    set_members(record_id="1", credential_stamp="1")
    tokens = refresh(client, log_in(client))
    set_members(**present)
    assert refusal(client, tokens) == ANOTHER_PASSWORD


def test_session_adopts_members_that_a_provider_begins_to_return(client: FlaskClient, set_members: SetMembers) -> None:
    tokens = refresh(client, log_in(client))
    for members in ({"record_id": "1"}, {"record_id": "1", "credential_stamp": "1"}):
        set_members(**members)
        tokens = refresh(client, refresh(client, tokens))
    set_members(record_id="1", credential_stamp="2")
    assert refusal(client, tokens) == ANOTHER_PASSWORD
