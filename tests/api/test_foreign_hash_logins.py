"""Logins with password hashes of other programs, and with unusable hashes."""

from pathlib import Path

import argon2
import pytest
from flask.testing import FlaskClient
from sqlalchemy import update

from app import create_app
from database.tables import users
from tests.conftest import new_database
from tests.support.hash_samples import LONG_BCRYPT, LONG_PASSWORD, SAMPLES, SPLIT_BCRYPT, SPLIT_PASSWORD, Sample
from tests.support.stored_hashes import has_policy_cost, store_hash, stored_zoe
from tests.support.stores import SECRET_KEY, engine_of, hashed, user_table
from tests.support.users import ZOE

WEAK = {(sample.scheme, sample.stored.partition("$")[0]): sample for sample in SAMPLES if sample.weak}
ONE_OF_EACH_SCHEME = pytest.mark.parametrize("sample", WEAK.values(), ids=lambda sample: sample.maker)
STRONG = {
    **{sample.maker: sample.stored for sample in SAMPLES if not sample.weak},
    "higher costs than the policy": argon2.PasswordHasher(3, 65536, 4).hash(ZOE.password),
    "long digest": argon2.PasswordHasher(2, 19456, 1, hash_len=64).hash(ZOE.password),
}


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def environ(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a database with Zoé. Each test stores another hash for her."""
    if request.param == "sqlite":
        return user_table(f"sqlite:///{tmp_path_factory.mktemp('foreign')}/users.db", [ZOE])
    return user_table(new_database(request.getfixturevalue("postgres"), "foreign_logins"), [ZOE])


@pytest.fixture(scope="module")
def client(environ: dict[str, str]) -> FlaskClient:
    return create_app({"SECRET_KEY": SECRET_KEY, **environ}).test_client()


def status(client: FlaskClient, password: str = ZOE.password, login: str = ZOE.email) -> int:
    """Return the status of a login."""
    response = client.post("/api/auth", json={"email": login, "password": password})
    assert ("data" in response.get_json()) == (response.status_code == 200)
    return response.status_code


@ONE_OF_EACH_SCHEME
def test_weak_hash_is_upgraded_at_the_first_login(client: FlaskClient, environ: dict[str, str], sample: Sample) -> None:
    store_hash(environ, sample.stored)
    assert status(client) == 200
    first = stored_zoe(environ)
    assert has_policy_cost(first.password_hash)
    assert status(client) == 200
    assert stored_zoe(environ) == first
    assert status(client, f"{ZOE.password}x") == 400


@ONE_OF_EACH_SCHEME
def test_wrong_password_leaves_the_hash_unchanged(client: FlaskClient, environ: dict[str, str], sample: Sample) -> None:
    store_hash(environ, sample.stored)
    before = stored_zoe(environ)
    for wrong in ("wrong", ZOE.password[:-1], f"{ZOE.password}x", sample.stored):
        assert status(client, wrong) == 400
    assert stored_zoe(environ) == before


@pytest.mark.parametrize("stored", STRONG.values(), ids=STRONG)
def test_strong_foreign_hash_is_kept(client: FlaskClient, environ: dict[str, str], stored: str) -> None:
    store_hash(environ, stored)
    assert [status(client), status(client), status(client, "wrong")] == [200, 200, 400]
    assert stored_zoe(environ).password_hash == stored


@pytest.mark.parametrize(
    ("password", "stored"), [(LONG_PASSWORD, LONG_BCRYPT), (SPLIT_PASSWORD, SPLIT_BCRYPT)], ids=["100 bytes", "81"]
)
def test_password_beyond_the_bcrypt_limit_logs_in_and_keeps_the_hash(
    client: FlaskClient, environ: dict[str, str], password: str, stored: str
) -> None:
    store_hash(environ, stored)
    assert [status(client, password), status(client, password)] == [200, 200]
    assert stored_zoe(environ).password_hash == stored
    assert status(client, f"x{password}") == 400


def test_first_72_bytes_log_in_and_become_the_password(client: FlaskClient, environ: dict[str, str]) -> None:
    store_hash(environ, LONG_BCRYPT)
    assert status(client, LONG_PASSWORD[:72]) == 200
    assert has_policy_cost(stored_zoe(environ).password_hash)
    assert status(client, LONG_PASSWORD) == 400


UNUSABLE = [
    "",
    " ",
    "!",
    "*",
    "!$6$salt$" + "x" * 86,
    ZOE.password,
    "$2b$04$",
    "$2b$04$é",
    "$2b$31$NzEMgm/Xs01kEzJwJIQ.COOd2TVul1NwuLhbk3Vn.MXyKbSRGtWy6",
    "$argon2id$v=19$m=4194304,t=99,p=1$c29tZXNhbHQxMjM0NTY3OA$0Jnd68LiO0f6VCda64qYQvSaw8hekKQtILqw2lrmiEc",
    "pbkdf2_sha256$99999999999$salt$Y4F2yYho8TOmG4o9SztLNU/xAlM0yAiV6sw47r8T7XM=",
    "scrypt:1099511627776:8:1$salt$" + "0" * 128,
    "{SSHA}" + "A" * 100_000,
    "{SHA}" + "A" * 27 + "=",
    "5f4dcc3b5aa765d61d8327deb882cf99",
    "$2b$04$日本" + "a" * 51,
]


@pytest.mark.parametrize("stored", UNUSABLE, ids=lambda stored: f"{len(stored)} characters {stored[:7]!a}")
@pytest.mark.parametrize("password", [ZOE.password, "x"], ids=["password", "x"])
def test_unusable_hash_denies_the_login(
    client: FlaskClient, environ: dict[str, str], caplog: pytest.LogCaptureFixture, stored: str, password: str
) -> None:
    store_hash(environ, stored)
    assert status(client, password) == 400
    assert stored_zoe(environ).password_hash == stored
    assert not stored or "a login is denied because the stored password hash " in caplog.text
    assert len(stored) < 5 or stored not in caplog.text
    assert ZOE.password not in caplog.text


@pytest.mark.parametrize(
    "stored",
    [f"{hashed(ZOE.password)}\0", "\0", LONG_BCRYPT.replace("$04$", "$04$\0"), hashed(ZOE.password).encode()],
    ids=["NUL behind", "NUL", "NUL within", "bytes"],
)
def test_unusable_value_that_only_sqlite_stores_denies_the_login(tmp_path: Path, stored: str | bytes) -> None:
    environ = user_table(f"sqlite:///{tmp_path}/users.db", [ZOE])
    client = create_app({"SECRET_KEY": SECRET_KEY, **environ}).test_client()
    with engine_of(environ).begin() as connection:
        connection.exec_driver_sql("UPDATE latchkey_users SET password_hash = ?", (stored,))
    assert [status(client), status(client, "x"), status(client, login="nobody")] == [400, 400, 400]


def test_login_of_a_disabled_user_does_not_upgrade_the_hash(client: FlaskClient, environ: dict[str, str]) -> None:
    store_hash(environ, LONG_BCRYPT)
    engine = engine_of(environ)
    with engine.begin() as connection:
        connection.execute(update(users).values(active=False, last_login_at=None))
    try:
        assert status(client, LONG_PASSWORD[:72]) == 400
        assert stored_zoe(environ).password_hash == LONG_BCRYPT
        assert stored_zoe(environ).last_login_at is None
    finally:
        with engine.begin() as connection:
            connection.execute(update(users).values(active=True))
