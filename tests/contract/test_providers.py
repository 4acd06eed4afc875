"""Our providers keep the contract."""

import pytest

from providers.interface import AuthProvider
from providers.registry import open_provider
from tests.contract.suite import ProviderContract
from tests.servers.slapd import SUFFIX, Slapd


class TestStatic(ProviderContract):
    @pytest.fixture(scope="class")
    @classmethod
    def provider(cls, static_environ: dict[str, str]) -> AuthProvider:
        return open_provider("static", static_environ)


class TestSqlite(ProviderContract):
    @pytest.fixture(scope="class")
    @classmethod
    def provider(cls, sqlite_environ: dict[str, str]) -> AuthProvider:
        return open_provider("database", sqlite_environ)


class TestPostgresql(ProviderContract):
    @pytest.fixture(scope="class")
    @classmethod
    def provider(cls, postgres_environ: dict[str, str]) -> AuthProvider:
        return open_provider("database", postgres_environ)


class TestLdapByStartTls(ProviderContract):
    @pytest.fixture(scope="class")
    @classmethod
    def provider(cls, slapd: Slapd) -> AuthProvider:
        return open_provider("ldap", slapd.environ())


class TestLdapsWithGroupSearch(ProviderContract):
    @pytest.fixture(scope="class")
    @classmethod
    def provider(cls, slapd: Slapd) -> AuthProvider:
        url = f"ldaps://localhost:{slapd.tls_port}"
        return open_provider("ldap", slapd.environ(LDAP_URL=url, LDAP_GROUP_BASE_DN=f"ou=groups,{SUFFIX}"))
