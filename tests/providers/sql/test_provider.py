"""The provider `database`: outages, disabled users, and the cost of a login."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from argon2 import low_level
from argon2.exceptions import VerifyMismatchError
from flask.testing import FlaskClient
from sqlalchemy import make_url, text, update
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app import create_app
from config.errors import ConfigurationError
from database.tables import roles, users
from database.user_editor import UserEditor
from database.user_table import UserTable
from providers.interface import (
    DISABLED,
    INVALID_RECORD,
    UNKNOWN_USER,
    WRONG_PASSWORD,
    Denied,
    Overloaded,
    ProviderUnavailable,
)
from providers.sql.provider import DatabaseProvider, open_database
from tests.conftest import new_database
from tests.servers.postgres import _run
from tests.servers.postgres import postgres as postgres_server
from tests.support.sessions import log_in, send_refresh
from tests.support.stores import SECRET_KEY, add_by_hand, engine_of, hashed, new_sqlite_database, user_table
from tests.support.users import SAME_EMAIL_USERS, ZOE, SampleUser

BODY = {"email": ZOE.email, "password": ZOE.password}


def client_of(environ: dict[str, str]) -> FlaskClient:
    """Return a client of an application in this environment."""
    return create_app({"SECRET_KEY": SECRET_KEY, **environ}).test_client()


def assert_unavailable(client: FlaskClient) -> None:
    """Assert that a login returns 503, with no word about the database."""
    response = client.post("/api/auth", json=BODY)
    assert response.status_code == 503
    assert int(response.headers["Retry-After"]) > 0
    assert response.json == {"status": 503, "code": "provider_unavailable", "message": "Credential store unavailable"}


@pytest.fixture
def environ(migrated_database: str) -> dict[str, str]:
    """Return the environment of a new database with Zoé."""
    return user_table(migrated_database, [ZOE])


def test_user_whom_sql_has_disabled_with_a_text_is_denied(environ: dict[str, str]) -> None:
    # PostgreSQL converts the text, and SQLite stores it: Python would read any text as true.
    engine, provider = engine_of(environ), open_database(environ)
    with engine.begin() as connection:
        connection.execute(text("UPDATE latchkey_users SET active = 'false'"))
    denied = provider.authenticate(ZOE.email, ZOE.password)
    assert isinstance(denied, Denied)
    assert denied.reason == DISABLED
    assert provider.find(ZOE.username) is None
    assert not UserTable(engine).require(ZOE.username).active


@pytest.mark.parametrize("value", ["''", "'yesterday'", "5"])
@pytest.mark.parametrize(
    "column", ["latchkey_users.last_login_at", "latchkey_users.created_at", "latchkey_sessions.expires_at"]
)
def test_text_instead_of_a_time_is_an_outage(tmp_path: Path, column: str, value: str) -> None:
    environ = user_table(new_sqlite_database(tmp_path / "users.db"), [ZOE])  # PostgreSQL stores no such text
    client = client_of(environ)
    tokens = log_in(client)
    table, name = column.split(".")
    with engine_of(environ).begin() as connection:
        connection.execute(text(f"UPDATE {table} SET {name} = {value}"))  # noqa: S608 - both are of this test
    assert send_refresh(client, tokens.refresh).status_code == 503
    if table == users.name:
        assert_unavailable(client)


def test_disabled_user_is_denied_until_enabled_again(environ: dict[str, str]) -> None:
    provider, table = open_database(environ), UserEditor(engine_of(environ, may_create=True), "tests")
    table.set_active("ZOÉ", active=False, force=True)
    answers = [provider.authenticate(ZOE.username, password) for password in (ZOE.password, "wrong")]
    assert [answer.reason for answer in answers if isinstance(answer, Denied)] == [DISABLED, WRONG_PASSWORD]
    assert provider.find(ZOE.username) is None
    assert client_of(environ).post("/api/auth", json=BODY).status_code == 400
    table.set_active(ZOE.email, active=True)
    assert provider.authenticate(ZOE.username, ZOE.password)


def test_full_connection_pool_is_overload_and_not_an_outage(
    environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = engine_of(environ)
    monkeypatch.setattr(engine.pool, "_timeout", 0.1)
    provider = DatabaseProvider(UserTable(engine))
    with ExitStack() as held:
        with suppress(PoolTimeout):
            while True:
                held.enter_context(engine.connect())
        with pytest.raises(Overloaded):
            provider.authenticate(ZOE.username, ZOE.password)
    assert provider.authenticate(ZOE.username, ZOE.password)


def test_changed_password_takes_effect_immediately(environ: dict[str, str]) -> None:
    provider = open_database(environ)
    assert provider.authenticate(ZOE.username, ZOE.password)
    UserEditor(engine_of(environ, may_create=True), "tests").set_password(ZOE.username, hashed("another password"))
    assert not provider.authenticate(ZOE.username, ZOE.password)
    assert provider.authenticate(ZOE.username, "another password")


@pytest.mark.parametrize("password", ["any password", "x"])
@pytest.mark.parametrize("stored", ["", "!", "*", "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$x$"])
def test_user_with_an_unusable_hash_is_denied(tmp_path: Path, stored: str, password: str) -> None:
    environ = user_table(f"sqlite:///{tmp_path}/users.db", [])
    UserEditor(engine_of(environ, may_create=True), "tests").add("zoé", None, stored, ["admin"])
    response = client_of(environ).post("/api/auth", json={"email": "zoé", "password": password})
    assert response.status_code == 400


@contextmanager
def without_users(environ: dict[str, str]) -> Iterator[None]:
    """Rename the table, and restore its name on exit."""
    engine = engine_of(environ)
    with engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE latchkey_users RENAME TO renamed")
    try:
        yield
    finally:
        with engine.begin() as connection:
            connection.exec_driver_sql("ALTER TABLE renamed RENAME TO latchkey_users")


def test_missing_table_is_an_outage(environ: dict[str, str]) -> None:
    provider, client = open_database(environ), client_of(environ)
    with without_users(environ):
        for call in (lambda: provider.authenticate("zoé", "x"), lambda: provider.find("zoé")):
            with pytest.raises(ProviderUnavailable, match="make migrate"):
                call()
        assert_unavailable(client)
    assert client.post("/api/auth", json=BODY).status_code == 200


def test_service_does_not_start_without_tables(empty_database: str) -> None:
    environ = {"AUTH_PROVIDER": "database", "DATABASE_URL": empty_database}
    engine_of(environ, may_create=True).connect().close()
    with pytest.raises(ConfigurationError, match="make migrate"):
        client_of(environ)
    user_table(empty_database, [ZOE])
    assert client_of(environ).post("/api/auth", json=BODY).status_code == 200


@pytest.mark.parametrize("fault", ["folder", "not a database", "no folder"])
def test_invalid_sqlite_file_is_an_outage_and_prevents_a_start(tmp_path: Path, fault: str) -> None:
    path = tmp_path / "none" / "users.db" if fault == "no folder" else tmp_path / "users.db"
    if fault == "folder":
        path.mkdir(mode=0o700)
    elif fault == "not a database":
        path.write_bytes(b"this is not a database, but long enough for a header " * 100)
        path.chmod(0o600)
    environ = {"AUTH_PROVIDER": "database", "DATABASE_URL": f"sqlite:///{path}"}
    with pytest.raises(ProviderUnavailable):
        open_database(environ).find("zoé")
    with pytest.raises(ConfigurationError, match=f"DATABASE_URL cannot be used: .*{tmp_path}"):
        client_of(environ)


@contextmanager
def stopped(home: Path, port: int) -> Iterator[None]:
    """Stop the cluster in this folder, and start it again on exit."""
    _run("pg_ctl", "-D", str(home / "data"), "-w", "-m", "fast", "stop")
    try:
        yield
    finally:
        options = f"-h 127.0.0.1 -p {port} -k {home}"
        _run("pg_ctl", "-D", str(home / "data"), "-w", "-l", str(home / "log"), "-o", options, "start")


def test_stopped_postgresql_is_an_outage_until_it_is_started_again() -> None:
    with TemporaryDirectory() as folder, postgres_server(Path(folder)) as server:
        environ = user_table(new_database(server, "own"), [ZOE])
        client = client_of(environ)
        assert client.post("/api/auth", json=BODY).status_code == 200
        with stopped(Path(folder), make_url(server).port or 0):
            assert_unavailable(client)
            assert_unavailable(client_of(environ))
            with pytest.raises(ProviderUnavailable):
                open_database(environ).find(ZOE.username)
        assert client.post("/api/auth", json=BODY).status_code == 200
        assert client.post("/api/auth", json={**BODY, "password": "wrong"}).status_code == 400
        with stopped(Path(folder), make_url(server).port or 0):
            pass  # without a request in between, the pool still has the broken connections
        assert client.post("/api/auth", json=BODY).status_code == 200


def test_reason_of_an_outage_is_logged_and_not_sent_to_the_client(
    environ: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    client = client_of(environ)
    with without_users(environ):
        assert_unavailable(client)
    assert "make migrate" in caplog.text
    assert ZOE.password not in caplog.text
    assert [record for record in caplog.records if ZOE.email in record.getMessage() and record.name != "audit"] == []


@pytest.mark.parametrize(
    ("login", "password", "status"),
    [
        (ZOE.email, ZOE.password, 200),
        (ZOE.email, "wrong", 400),
        ("nobody", ZOE.password, 400),
        ("disabled", "the password of the first", 400),
        ("shared@example.org", SAME_EMAIL_USERS[0].password, 200),
        ("damaged", "x", 400),
    ],
    ids=["right", "wrong", "unknown", "disabled", "email of another user", "damaged"],
)
def test_each_login_verifies_one_hash(
    environ: dict[str, str], monkeypatch: pytest.MonkeyPatch, login: str, password: str, status: int
) -> None:
    engine = engine_of(environ)
    table = UserEditor(engine, "tests")
    for sample in SAME_EMAIL_USERS:
        add_by_hand(engine, sample, hashed(sample.password))
    table.add("disabled", None, hashed(SAME_EMAIL_USERS[0].password))
    table.set_active("disabled", active=False)
    table.add("damaged", None, "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$x$")
    client, costs = client_of(environ), []
    verify = low_level.verify_secret

    # Each verification calls this function of argon2. For a malformed hash it raises another exception immediately.
    def counted(stored: bytes, secret: bytes, kind: low_level.Type) -> bool:
        try:
            right = verify(stored, secret, kind)
        except VerifyMismatchError:
            costs.append(stored.split(b"$")[3])
            raise
        costs.append(stored.split(b"$")[3])
        return right

    monkeypatch.setattr(low_level, "verify_secret", counted)
    assert client.post("/api/auth", json={"email": login, "password": password}).status_code == status
    assert costs == [b"m=19456,t=2,p=1"]


@pytest.mark.parametrize(
    "changed",
    [
        {"username": "u1"},
        {"username_folded": "other"},
        {"email": "first@example.org"},
        {"email_folded": "other@example.org"},
        {"username": "v4 "},
    ],
)
def test_user_renamed_with_sql_does_not_become_another_user(
    tmp_path: Path, changed: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    first = SampleUser("u1", "first@example.org", "the password of the first", ("admin",))
    second = SampleUser("v4", "v4@example.org", "the password of the second")
    environ = user_table(f"sqlite:///{tmp_path}/users.db", [first, second])
    with engine_of(environ).begin() as connection:
        connection.execute(update(users).where(users.c.username == "v4").values(**changed))
    provider = open_database(environ)
    for login in ("v4", "v4@example.org", "other", "other@example.org", "u1", "first@example.org"):
        answer = provider.authenticate(login, second.password)
        assert isinstance(answer, Denied)
        assert answer.reason in {INVALID_RECORD, UNKNOWN_USER, WRONG_PASSWORD}
    assert "is denied: a name in their record is inconsistent" in caplog.text
    assert [provider.find(name) for name in ("v4", "other")] == [None, None]
    assert provider.has_username(str(changed.get("username_folded", "v4")))
    assert provider.explain(str(changed.get("username_folded", "v4"))).reason == INVALID_RECORD
    assert [user["username"] for user in provider.list_users()] == ["u1"]
    assert {check.outcome for check in provider.check() if check.step == "names"} == {"warning"}
    assert provider.authenticate("u1", first.password)


def test_role_renamed_with_sql_does_not_become_another_role(environ: dict[str, str]) -> None:
    with engine_of(environ).begin() as connection:
        connection.execute(update(roles).where(roles.c.name == "user").values(name=" super_admin"))
    answer = open_database(environ).authenticate(ZOE.username, ZOE.password)
    assert isinstance(answer, Denied)
    assert answer.reason == INVALID_RECORD
