"""The built-in providers keep the provider contract."""

from functools import cache
from typing import Any, ClassVar

import bcrypt
import pytest
from sqlalchemy import bindparam, update
from werkzeug.security import generate_password_hash

from database.tables import users
from database.user_editor import UserEditor
from latchkey.contract import Account, ProviderContract
from providers.interface import UNKNOWN_USER, WRONG_PASSWORD, AuthProvider, Denied
from providers.registry import open_provider
from tests.conftest import new_database
from tests.servers import directory389 as directory389_server
from tests.servers.directory389 import Directory389
from tests.servers.samba import Samba
from tests.servers.slapd import SUFFIX, Slapd, person_dn
from tests.support.active_directory import DENIED_PASSWORD
from tests.support.stores import engine_of, user_table, users_file
from tests.support.users import SAME_EMAIL_USERS, SAMPLE_USERS, SampleUser

DISABLED = SampleUser("retired", "retired@example.org", "the password of a retiree")


class BuiltInContract(ProviderContract):
    """The built-in providers have all methods, and give a reason. Other tests let most of their servers fail."""

    methods = ("find", "has_username", "check", "explain", "list_users", "list_roles")
    disabled: ClassVar[Account | None] = DISABLED
    uses_network = False

    @pytest.mark.parametrize(
        ("login", "password", "reason"),
        [("nobody", "x", UNKNOWN_USER), ("zoé", "x", WRONG_PASSWORD)],
    )
    def test_denial_has_its_reason(self, provider: AuthProvider, login: str, password: str, reason: str) -> None:
        answer = provider.authenticate(login, password)
        assert isinstance(answer, Denied)
        assert answer.reason == reason

    @pytest.mark.parametrize("login", ["zoé", "ZOÉ", "zoe@example.org"])
    def test_denials_of_all_logins_of_a_user_name_the_same_user(self, provider: AuthProvider, login: str) -> None:
        answer = provider.authenticate(login, "x")
        assert isinstance(answer, Denied)
        assert answer.username == "zoé"

    def test_denial_of_an_unknown_login_names_no_user(self, provider: AuthProvider) -> None:
        answer = provider.authenticate("nobody", "x")
        assert isinstance(answer, Denied)
        assert answer.username is None


class BareProvider:
    """A provider as in docs/write-a-provider.md: one method, no import from this project, no reasons."""

    def __init__(self, users: list[SampleUser]) -> None:
        self._users = users

    def authenticate(self, login: str, password: str) -> Any:
        matches = [user for user in self._users if login.casefold() in _logins(user)]
        if len(matches) != 1 or matches[0].password != password:
            return None
        return {"username": matches[0].username, "email": matches[0].email, "roles": list(matches[0].roles)}


def _logins(user: SampleUser) -> set[str]:
    return {user.username.casefold(), user.email.casefold()}


class TestBareProvider(ProviderContract):
    disabled = None
    uses_network = False

    @pytest.fixture(scope="class")
    @classmethod
    def provider(cls) -> AuthProvider:
        return BareProvider([*SAMPLE_USERS, *SAME_EMAIL_USERS])


class TestStatic(BuiltInContract):
    @pytest.fixture(scope="class")
    @classmethod
    def provider(cls, tmp_path_factory: pytest.TempPathFactory) -> AuthProvider:
        path = tmp_path_factory.mktemp("static") / "users.toml"
        environ = users_file(path, [*SAMPLE_USERS, *SAME_EMAIL_USERS, DISABLED])
        path.write_text(path.read_text("utf-8") + "active = false\n", "utf-8")
        return open_provider("static", environ)


class TestSqlite(BuiltInContract):
    disabled = None

    @pytest.fixture(scope="class")
    @classmethod
    def provider(cls, sqlite_environ: dict[str, str]) -> AuthProvider:
        return open_provider("database", sqlite_environ)


class TestPostgresql(BuiltInContract):
    disabled = None

    @pytest.fixture(scope="class")
    @classmethod
    def provider(cls, postgres_environ: dict[str, str]) -> AuthProvider:
        return open_provider("database", postgres_environ)


class ImportedHashes(BuiltInContract):
    """A user table with imported hashes. The provider upgrades them, so they are restored before each test."""

    @pytest.fixture(scope="class")
    @classmethod
    def environ(cls, url: str) -> dict[str, str]:
        environ = user_table(url, [*SAMPLE_USERS, *SAME_EMAIL_USERS, DISABLED], _imported_hash)
        UserEditor(engine_of(environ), "tests").set_active(DISABLED.username, active=False)
        return environ

    @pytest.fixture(scope="class")
    @classmethod
    def provider(cls, environ: dict[str, str]) -> AuthProvider:
        return open_provider("database", environ)

    @pytest.fixture(autouse=True)
    def _restore_hashes(self, environ: dict[str, str]) -> None:
        samples = [*SAMPLE_USERS, *SAME_EMAIL_USERS]
        rows = [{"name": sample.username, "hashed": _imported_hash(sample)} for sample in samples]
        restore = update(users).where(users.c.username == bindparam("name")).values(password_hash=bindparam("hashed"))
        with engine_of(environ).begin() as connection:
            connection.execute(restore, rows)


@cache
def _imported_hash(sample: SampleUser) -> str:
    """Return a hash of another program: bcrypt, or PBKDF2 for passwords that bcrypt would truncate, and some others."""
    secret = sample.password.encode()
    if len(secret) <= 72 and sample.username < "p":
        return bcrypt.hashpw(secret, bcrypt.gensalt(4)).decode()
    return generate_password_hash(sample.password, "pbkdf2:sha256:1000")


class TestSqliteWithImportedHashes(ImportedHashes):
    @pytest.fixture(scope="class")
    @classmethod
    def url(cls, tmp_path_factory: pytest.TempPathFactory) -> str:
        return f"sqlite:///{tmp_path_factory.mktemp('imported')}/users.db"


class TestPostgresqlWithImportedHashes(ImportedHashes):
    @pytest.fixture(scope="class")
    @classmethod
    def url(cls, postgres: str) -> str:
        return new_database(postgres, "contract_imported_hashes")


@pytest.fixture(scope="module")
def directory(slapd: Slapd) -> Slapd:
    """The shared directory, with the disabled user."""
    slapd.add_person(DISABLED)
    slapd.modify(person_dn(DISABLED.username), {"pwdAccountLockedTime": "000001010000Z"}, relax=True)
    return slapd


class TestLdapWithStartTls(BuiltInContract):
    uses_network = True

    def provider_at(self, port: int) -> AuthProvider:
        url = f"ldap://127.0.0.1:{port}"
        plain = {"LDAP_URL": url, "LDAP_INSECURE_PLAINTEXT": "true", "LDAP_BASE_DN": SUFFIX}
        return open_provider("ldap", {**plain, "LDAP_TIMEOUT_SECONDS": "1"})

    @pytest.fixture(scope="class")
    @classmethod
    def provider(cls, directory: Slapd) -> AuthProvider:
        return open_provider("ldap", directory.environ())


class TestLdapsWithGroupSearch(BuiltInContract):
    @pytest.fixture(scope="class")
    @classmethod
    def provider(cls, directory: Slapd) -> AuthProvider:
        url = f"ldaps://localhost:{directory.tls_port}"
        return open_provider("ldap", directory.environ(LDAP_URL=url, LDAP_GROUP_BASE_DN=f"ou=groups,{SUFFIX}"))


class TestActiveDirectory(BuiltInContract):
    disabled = Account("disabled", None, DENIED_PASSWORD)

    @pytest.fixture(scope="class")
    @classmethod
    def provider(cls, samba: Samba) -> AuthProvider:
        # Users log in with `cn`: sAMAccountName does not allow all characters of the sample users.
        by_cn = {"LDAP_USERNAME_ATTRIBUTE": "cn", "LDAP_USER_FILTER": "(|(cn={login})(mail={login}))"}
        return open_provider("ldap", samba.environ(**by_cn))


@pytest.fixture(scope="module")
def filled_389(directory389: Directory389) -> Directory389:
    """The shared 389 Directory Server, with the disabled user."""
    directory389.add_person(DISABLED)
    directory389.modify(directory389_server.person_dn(DISABLED.username), {"nsAccountLock": "true"})
    return directory389


class TestDirectory389(BuiltInContract):
    @pytest.fixture(scope="class")
    @classmethod
    def provider(cls, filled_389: Directory389) -> AuthProvider:
        return open_provider("ldap", filled_389.environ())


class TestDirectory389WithGroupSearch(BuiltInContract):
    @pytest.fixture(scope="class")
    @classmethod
    def provider(cls, filled_389: Directory389) -> AuthProvider:
        groups = f"ou=groups,{directory389_server.SUFFIX}"
        return open_provider("ldap", filled_389.environ(LDAP_GROUP_BASE_DN=groups))
