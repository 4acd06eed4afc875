"""Servers and stores that many tests share, each made once and only if it is asked for."""

import fcntl
import gc
import logging
import os
import signal
from collections.abc import Generator, Iterator
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
import pytest
from flask import Flask
from hypothesis import settings

from database.schema import upgrade
from tests.servers import directory389 as directory389_server
from tests.servers import postgres as postgres_server
from tests.servers import slapd as slapd_server
from tests.servers.directory389 import Directory389
from tests.servers.samba import Samba
from tests.servers.samba_domain import domain_controller, provision_domain
from tests.servers.slapd import Slapd
from tests.support.active_directory import add_crowd, populate
from tests.support.described_responses import DescribedClient
from tests.support.fast_run import is_fast
from tests.support.fork_server import ForkServer
from tests.support.log_scan import LOG, end_of_log, leaks, log_handler, remember_secret
from tests.support.memory_files import keep_temporary_files_in_memory
from tests.support.run_order import longest_first
from tests.support.stores import SECRET_KEY, engine_of, new_sqlite_database, user_table, users_file
from tests.support.url_builders import share_url_builders
from tests.support.users import SAME_EMAIL_USERS, SAMPLE_USERS

ALL_USERS = [*SAMPLE_USERS, *SAME_EMAIL_USERS]

# A shell's job in the background is started deaf to Ctrl-C, and so would be all that is started here.
signal.signal(signal.SIGINT, signal.default_int_handler)
# Ended with SIGTERM, for example by a time limit, the run ends its servers too.
signal.signal(signal.SIGTERM, signal.default_int_handler)

# No time limit for an example of Hypothesis: the machine may be busy. `make test` tries the same examples in each run;
# `make fuzz` has its own profile, which looks for new ones.
settings.register_profile("latchkey", deadline=None, derandomize=True)
settings.register_profile("fuzz", deadline=None, max_examples=1000)
settings.load_profile("latchkey")


def pytest_configure() -> None:
    share_url_builders()
    keep_temporary_files_in_memory()  # not where a benchmark imports this module, because it may measure the disk


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--fast", action="store_true", help="Run only the tests that need no server and are not slow.")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Keep the garbage collector from the tests: it would examine them for a second, and again during the run."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("fast"):
        kept = [item for item in items if is_fast(item)]
        config.hook.pytest_deselected(items=[item for item in items if item not in {*kept}])
        items[:] = kept
    items.sort(key=longest_first)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show why a server or a command failed, whose output is in the log of the run only."""
    report = yield
    if report.failed:
        report.sections.append(("end of the log of the run", end_of_log()))
    return report


@pytest.fixture(scope="session", autouse=True)
def log_without_secrets() -> Iterator[None]:
    """Fail at the end if the log of the whole run has a secret that a test used."""
    handler = log_handler()
    logging.getLogger().addHandler(handler)
    Flask.test_client_class = DescribedClient
    remember_secret(SECRET_KEY)
    yield
    logging.getLogger().removeHandler(handler)  # threads of services keep running, and log
    handler.close()
    found = [*leaks(LOG.read_text("utf-8", "replace"))]
    assert not found, "\n".join(["the log of this run has secrets:", *found[:20]])


@pytest.fixture(scope="session")
def slapd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slapd]:
    """An OpenLDAP server that knows everybody."""
    with slapd_server.slapd(tmp_path_factory.mktemp("slapd")) as server:
        for person in ALL_USERS:
            server.add_person(person)
        yield server


@pytest.fixture(scope="session")
def directory389(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Directory389]:
    """A 389 Directory Server that knows everybody."""
    with directory389_server.directory389(tmp_path_factory.mktemp("389")) as server:
        for person in ALL_USERS:
            server.add_person(person)
        yield server


@pytest.fixture(scope="session")
def domain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an Active Directory domain that is new and does not run."""
    base = tmp_path_factory.getbasetemp()
    # Of pytest-xdist's workers, each of which has a folder in the run's, the first one makes it.
    run = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder = run / "domain"
    with (run / "domain.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            folder.mkdir()
            provision_domain(folder)
    return folder


@pytest.fixture(scope="session")
def samba(tmp_path_factory: pytest.TempPathFactory, domain: Path) -> Iterator[Samba]:
    """An Active Directory that knows everybody in tests/support/active_directory.py but the crowd."""
    with domain_controller(tmp_path_factory.mktemp("samba"), domain) as server:
        populate(server)
        yield server


@pytest.fixture(scope="session")
def crowded_samba(samba: Samba) -> Samba:
    """The same, and now it knows the crowd as well."""
    add_crowd(samba)
    return samba


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URL of a PostgreSQL server, up to the name of a database."""
    # Not in pytest's folder, which only its owner may enter, and PostgreSQL runs as somebody else.
    with TemporaryDirectory() as home, postgres_server.postgres(Path(home)) as url:
        yield url


@pytest.fixture(scope="session")
def fork_server() -> Iterator[ForkServer]:
    """The process from which the program is forked."""
    server = ForkServer()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def static_environ(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a users file that knows everybody."""
    return users_file(tmp_path_factory.mktemp("static") / "users.toml", ALL_USERS)


@pytest.fixture(scope="session")
def sqlite_environ(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of an SQLite database that knows everybody."""
    return user_table(f"sqlite:///{tmp_path_factory.mktemp('sqlite')}/users.db", ALL_USERS)


@pytest.fixture(scope="session")
def postgres_environ(postgres: str) -> dict[str, str]:
    """The environment of a PostgreSQL database that knows everybody."""
    return user_table(new_migrated_database(postgres, "everybody"), ALL_USERS)


def new_database(server: str, name: str, template: str = "template1") -> str:
    """Make a database on the server, a copy of the template; returns its URL."""
    # Copying the files of a template takes half the time of writing them to the log first, which is the default.
    command = f'CREATE DATABASE "{name}" TEMPLATE {template} STRATEGY FILE_COPY'
    with psycopg.connect(f"{server}postgres", autocommit=True) as connection:
        connection.execute(command.encode())
    return f"{server}{name}"


def new_migrated_database(server: str, name: str) -> str:
    """Make a database with tables and without rows on the server; returns its URL."""
    return new_database(server, name, _migrated_template(server))


@cache
def _migrated_template(server: str) -> str:
    """Make a database with tables, which is copied because the migrations take longer; returns its name."""
    engine = engine_of({"DATABASE_URL": new_database(server, "migrated")})
    upgrade(engine)
    engine.dispose()
    return "migrated"


@pytest.fixture(params=["sqlite", "postgres"])
def empty_database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a new database without tables, once for each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/empty.db"
    return new_database(request.getfixturevalue("postgres"), tmp_path.name)


@pytest.fixture(params=["sqlite", "postgres"])
def migrated_database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a new database with tables and without rows, once for each kind."""
    if request.param == "sqlite":
        return new_sqlite_database(tmp_path / "migrated.db")
    return new_migrated_database(request.getfixturevalue("postgres"), tmp_path.name)
