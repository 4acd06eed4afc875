"""Applications with the same users in different stores, whose responses a fuzzer compares."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from flask.testing import FlaskClient
from sqlalchemy import bindparam, update

from database.tables import users
from services.context import services_of
from tests.fuzz.strict_log import strict_log
from tests.servers.postgres import postgres
from tests.servers.slapd import Slapd, slapd
from tests.support.oauth import oauth_app
from tests.support.stores import cheapest_hash, engine_of, user_table, users_file
from tests.support.users import SAMPLE_USERS

Environs = Mapping[str, Mapping[str, str]]
"""The environment of each store, by the name of the store."""


@dataclass(frozen=True)
class FuzzedService:
    """An application, and what a fuzzer needs of it."""

    store: str
    client: FlaskClient
    environ: Mapping[str, str]

    def token(self) -> str:
        """Return an access token of an administrator that is valid for a day."""
        first = SAMPLE_USERS[0]
        claims = {"username": first.username, "email": first.email, "roles": [*first.roles]}
        return services_of(self.client.application).issuer.generate(
            {**claims, "idp": self.environ["AUTH_PROVIDER"]}, 1440
        )

    def restore_hashes(self) -> None:
        """Undo what logins have changed in a user table: a hash of low cost is replaced."""
        if "DATABASE_URL" not in self.environ:
            return
        restored = update(users).where(users.c.username == bindparam("name")).values(password_hash=bindparam("hash"))
        with engine_of(self.environ).begin() as connection:
            connection.execute(
                restored, [{"name": user.username, "hash": cheapest_hash(user)} for user in SAMPLE_USERS]
            )


@contextmanager
def fuzzed_services(environs: Environs) -> Iterator[list[FuzzedService]]:
    """Yield an application for each store. Every line that they log is checked."""
    services = [FuzzedService(store, oauth_app(environ).test_client(), environ) for store, environ in environs.items()]
    with strict_log():
        yield services


def local_environs(folder: Path) -> dict[str, dict[str, str]]:
    """Create the stores that need no server: a users file and an SQLite database."""
    return {
        "static": users_file(folder / "users.toml", SAMPLE_USERS, cheapest_hash),
        "sqlite": user_table(f"sqlite:///{folder}/users.db", SAMPLE_USERS, cheapest_hash),
    }


def directory_environ(server: Slapd) -> dict[str, str]:
    """Add the users to a directory."""
    for person in SAMPLE_USERS:
        server.add_person(person)
    return server.environ()


@contextmanager
def all_environs() -> Iterator[dict[str, dict[str, str]]]:
    """Run the servers of all stores, and yield the environments."""
    with TemporaryDirectory() as home, TemporaryDirectory() as cluster:
        (Path(home) / "slapd").mkdir()
        with slapd(Path(home) / "slapd") as directory, postgres(Path(cluster)) as server:
            environs = local_environs(Path(home))
            environs["postgres"] = user_table(f"{server}postgres", SAMPLE_USERS, cheapest_hash)
            environs["ldap"] = directory_environ(directory)
            yield environs
