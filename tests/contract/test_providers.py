"""Our providers keep the contract."""

from functools import cache
from typing import Any

import bcrypt
import pytest
from sqlalchemy import bindparam, update
from werkzeug.security import generate_password_hash

from database.tables import users
from providers.interface import AMBIGUOUS, UNKNOWN_USER, WRONG_PASSWORD, AuthProvider, Denied
from providers.registry import open_provider
from tests.conftest import new_database
from tests.contract.suite import FindsContract, ProviderContract
from tests.servers.samba import Samba
from tests.servers.slapd import SUFFIX, Slapd
from tests.support.stores import engine_of, user_table
from tests.support.users import SAME_EMAIL_USERS, SAMPLE_USERS, SampleUser


class OurContract(FindsContract):
    """Ours say why, besides."""

    @pytest.mark.parametrize(
        ("login", "password", "reason"),
        [("nobody", "x", UNKNOWN_USER), ("zoé", "x", WRONG_PASSWORD), ("shared@example.org", "x", AMBIGUOUS)],
    )
    def test_ours_say_why(self, provider: AuthProvider, login: str, password: str, reason: str) -> None:
        answer = provider.authenticate(login, password)
        assert isinstance(answer, Denied)
        assert answer.reason == reason


class BareProvider:
    """A provider as docs/write-a-provider.md has it: one method, nothing of ours imported, no reasons."""

    def __init__(self, people: list[SampleUser]) -> None:
        self._people = people

    def authenticate(self, login: str, password: str) -> Any:
        matches = [person for person in self._people if login.casefold() in _logins(person)]
        if len(matches) != 1 or matches[0].password != password:
            return None
        return {"username": matches[0].username, "email": matches[0].email, "roles": list(matches[0].roles)}


def _logins(person: SampleUser) -> set[str]:
    return {person.username.casefold(), person.email.casefold()}


class TestBareProvider(ProviderContract):
    @pytest.fixture(scope="class")
    @classmethod
    def provider(cls) -> AuthProvider:
        return BareProvider([*SAMPLE_USERS, *SAME_EMAIL_USERS])


class TestStatic(OurContract):
    @pytest.fixture(scope="class")
    @classmethod
    def provider(cls, static_environ: dict[str, str]) -> AuthProvider:
        return open_provider("static", static_environ)


class TestSqlite(OurContract):
    @pytest.fixture(scope="class")
    @classmethod
    def provider(cls, sqlite_environ: dict[str, str]) -> AuthProvider:
        return open_provider("database", sqlite_environ)


class TestPostgresql(OurContract):
    @pytest.fixture(scope="class")
    @classmethod
    def provider(cls, postgres_environ: dict[str, str]) -> AuthProvider:
        return open_provider("database", postgres_environ)


class ForeignHashes(OurContract):
    """A table whose hashes came from elsewhere; the provider may replace them, so they come back for each test."""

    @pytest.fixture(scope="class")
    @classmethod
    def environ(cls, url: str) -> dict[str, str]:
        return user_table(url, [*SAMPLE_USERS, *SAME_EMAIL_USERS], _foreign)

    @pytest.fixture(scope="class")
    @classmethod
    def provider(cls, environ: dict[str, str]) -> AuthProvider:
        return open_provider("database", environ)

    @pytest.fixture(autouse=True)
    def _not_upgraded_yet(self, environ: dict[str, str]) -> None:
        rows = [{"name": person.username, "hashed": _foreign(person)} for person in [*SAMPLE_USERS, *SAME_EMAIL_USERS]]
        back = update(users).where(users.c.username == bindparam("name")).values(password_hash=bindparam("hashed"))
        with engine_of(environ).begin() as connection:
            connection.execute(back, rows)


@cache
def _foreign(person: SampleUser) -> str:
    """Return a hash of another program: bcrypt, unless it would leave some of the password out."""
    secret = person.password.encode()
    if len(secret) <= 72 and person.username < "p":
        return bcrypt.hashpw(secret, bcrypt.gensalt(4)).decode()
    return generate_password_hash(person.password, "pbkdf2:sha256:1000")


class TestSqliteOfForeignHashes(ForeignHashes):
    @pytest.fixture(scope="class")
    @classmethod
    def url(cls, tmp_path_factory: pytest.TempPathFactory) -> str:
        return f"sqlite:///{tmp_path_factory.mktemp('foreign')}/users.db"


class TestPostgresqlOfForeignHashes(ForeignHashes):
    @pytest.fixture(scope="class")
    @classmethod
    def url(cls, postgres: str) -> str:
        return new_database(postgres, "contract_of_foreign_hashes")


class TestLdapByStartTls(OurContract):
    @pytest.fixture(scope="class")
    @classmethod
    def provider(cls, slapd: Slapd) -> AuthProvider:
        return open_provider("ldap", slapd.environ())


class TestLdapsWithGroupSearch(OurContract):
    @pytest.fixture(scope="class")
    @classmethod
    def provider(cls, slapd: Slapd) -> AuthProvider:
        url = f"ldaps://localhost:{slapd.tls_port}"
        return open_provider("ldap", slapd.environ(LDAP_URL=url, LDAP_GROUP_BASE_DN=f"ou=groups,{SUFFIX}"))


class TestActiveDirectory(OurContract):
    @pytest.fixture(scope="class")
    @classmethod
    def provider(cls, samba: Samba) -> AuthProvider:
        # Not by sAMAccountName, which cannot be as awkward.
        by_name = {"LDAP_USERNAME_ATTRIBUTE": "cn", "LDAP_USER_FILTER": "(|(cn={login})(mail={login}))"}
        return open_provider("ldap", samba.environ(**by_name))
