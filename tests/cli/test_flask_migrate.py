"""Latchkey and Flask-Migrate in one application and one database: neither changes the tables of the other."""

import json
from pathlib import Path

import pytest
from sqlalchemy import Engine, inspect

from tests.support.flask_program import error_line
from tests.support.fork_server import ForkServer
from tests.support.forked_flask import ForkedFlask
from tests.support.stores import SECRET_KEY, engine_of

SHOP = """
import os

from flask import Flask
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy
from api.installation import install, open_services
from database.names import include_name

app = Flask(__name__)
app.config["SQLALCHEMY_DATABASE_URI"] = os.environ["DATABASE_URL"]
db = SQLAlchemy(app)
Migrate(app, db, include_name=include_name)
install(app, open_services())


class User(db.Model):
    __tablename__ = "users"
    id = db.Column(db.Integer, primary_key=True)
    nickname = db.Column(db.Text, nullable=False, index=True)


class Session(db.Model):
    __tablename__ = "sessions"
    id = db.Column(db.Integer, primary_key=True)
"""
OTHER_TABLES = {"alembic_version", "sessions", "users"}


@pytest.fixture
def url(empty_database: str) -> str:
    """Return the URL of a database without tables, which names the driver, as Flask-SQLAlchemy needs it."""
    return empty_database.replace("postgresql://", "postgresql+psycopg://")


@pytest.fixture
def flask(fork_server: ForkServer, tmp_path: Path, url: str) -> ForkedFlask:
    """Return the program with an application that has tables of its own."""
    (tmp_path / "shop.py").write_text(SHOP)
    settings = {"SECRET_KEY": SECRET_KEY, "AUTH_PROVIDER": "database", "DATABASE_URL": url}
    return ForkedFlask(fork_server, tmp_path, FLASK_APP="shop", PYTHONWARNINGS="ignore", **settings)


@pytest.fixture
def engine(url: str) -> Engine:
    """An engine of the same database."""
    return engine_of({"DATABASE_URL": url}, may_create=True)


def names_of(engine: Engine) -> set[str]:
    return {*inspect(engine).get_table_names()}


def run(flask: ForkedFlask, *arguments: str) -> str:
    ended = flask(*arguments)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def create_tables_of_the_shop(flask: ForkedFlask) -> None:
    run(flask, "db", "init")
    run(flask, "db", "migrate")
    run(flask, "db", "upgrade")


def test_both_upgrade_and_downgrade_one_database(flask: ForkedFlask, engine: Engine, tmp_path: Path) -> None:
    run(flask, "database", "upgrade")
    own_tables = names_of(engine)
    create_tables_of_the_shop(flask)
    assert names_of(engine) == own_tables | OTHER_TABLES
    (migration,) = (tmp_path / "migrations/versions").glob("*.py")
    assert "latchkey" not in migration.read_text()
    run(flask, "db", "check")
    run(flask, "database", "check")
    assert json.loads(run(flask, "users", "list", "--json")) == []
    run(flask, "database", "downgrade", "base", "--yes")
    assert names_of(engine) == {"latchkey_alembic_version"} | OTHER_TABLES
    run(flask, "database", "upgrade")
    run(flask, "db", "downgrade")
    assert names_of(engine) == own_tables | {"alembic_version"}


def test_database_of_another_application_is_named_and_then_shared(flask: ForkedFlask, engine: Engine) -> None:
    with engine.begin() as connection:
        # Their revision is one that Latchkey had, and `users` is not Latchkey's.
        connection.exec_driver_sql("CREATE TABLE alembic_version (version_num VARCHAR(32))")
        connection.exec_driver_sql("INSERT INTO alembic_version VALUES ('0007')")
        for name in ("users", "roles", "user_roles"):
            connection.exec_driver_sql(f"CREATE TABLE {name} (id INTEGER)")
    ended = flask("database", "check")
    found = "has no tables of Latchkey, but those of another application, such as alembic_version"
    assert (ended.returncode, ended.stdout) == (1, f"Incompatible: the database {found}. Run: make migrate.\n")
    assert found in error_line(flask("guards"))
    before = names_of(engine)
    run(flask, "database", "upgrade")
    assert before < names_of(engine)
    assert [column["name"] for column in inspect(engine).get_columns("users")] == ["id"]
