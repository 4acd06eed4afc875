"""Odd logins, such as a domain without a name: denied by both LDAP providers, and never an outage."""

import pytest
from flask.testing import FlaskClient
from hypothesis import given, settings
from hypothesis import strategies as st

from providers.interface import UNKNOWN_USER, WRONG_PASSWORD, AuthProvider, Denied
from providers.ldap import open_ldap
from tests.servers.samba import REALM, Samba
from tests.servers.slapd import SUFFIX, Slapd
from tests.support.sessions import client_of

DOMAINS = "EXAMPLE,example.org"
ONLY_A_DOMAIN = ["EXAMPLE\\", "@example.org", "example\\@EXAMPLE.org", "EXAMPLE\\ @example.org", "EXAMPLE\\\u3000"]
TEMPLATES = [f"uid={{login}},ou=people,{SUFFIX}", f"mail={{login}},ou=people,{SUFFIX}"]

parts = st.one_of(
    st.sampled_from(
        ["", "EXAMPLE\\", "OTHER\\", "@example.org", "@", "\\", " ", "zoé", "*", "{login}", "\\2a", "\\ff"]
    ),
    st.text(st.characters(exclude_categories=("Cc", "Cs")), max_size=12),
)
odd_logins = st.lists(parts, min_size=1, max_size=4).map("".join).filter(lambda login: login.strip())


def direct_environ(environ: dict[str, str], template: str) -> dict[str, str]:
    """Return the environment of a provider without a service account."""
    return {**environ, "LDAP_BIND_DN": "", "LDAP_BIND_PASSWORD": "", "LDAP_USER_DN_TEMPLATE": template}


@pytest.fixture(scope="module")
def environs(slapd: Slapd) -> list[dict[str, str]]:
    """The environments of a provider with a service account, and of two without."""
    environ = slapd.environ(LDAP_DOMAIN=DOMAINS)
    return [environ, *(direct_environ(environ, template) for template in TEMPLATES)]


@pytest.fixture(scope="module")
def clients(environs: list[dict[str, str]]) -> list[FlaskClient]:
    """A client of an application with each provider."""
    return [client_of(environ) for environ in environs]


@pytest.mark.parametrize("login", ONLY_A_DOMAIN)
def test_login_that_is_only_a_domain_is_denied(clients: list[FlaskClient], login: str) -> None:
    for client in clients:
        response = client.post("/api/auth", json={"email": login, "password": "x"})
        assert (response.status_code, (response.json or {}).get("code")) == (400, "invalid_credentials")


@pytest.mark.parametrize("template", [f"{{login}}@{REALM}", "ADEX\\{login}"])
def test_login_that_is_only_a_domain_is_an_unknown_user_of_active_directory(samba: Samba, template: str) -> None:
    provider = open_ldap(direct_environ(samba.environ(LDAP_DOMAIN=DOMAINS), template))
    for login in ONLY_A_DOMAIN:
        answer = provider.authenticate(login, "x")
        assert isinstance(answer, Denied)
        assert answer.reason == UNKNOWN_USER


@pytest.fixture(scope="module")
def providers(environs: list[dict[str, str]]) -> list[AuthProvider]:
    """The providers of these environments."""
    return [open_ldap(environ) for environ in environs]


@settings(max_examples=100, deadline=None)
@given(login=odd_logins)
def test_odd_login_is_denied_and_never_an_outage(providers: list[AuthProvider], login: str) -> None:
    for provider in providers:
        answer = provider.authenticate(login, "not a password")
        assert isinstance(answer, Denied)
        assert answer.reason in {UNKNOWN_USER, WRONG_PASSWORD}
