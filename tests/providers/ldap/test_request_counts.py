"""How many requests a login and a refresh send: a search more would take another round trip for each of them."""

import re

import pytest

from tests.servers.slapd import Slapd
from tests.support.directories import ldap_provider
from tests.support.users import ZOE

EXCLUDING = "(&(|(uid={login})(mail={login}))(objectClass=inetOrgPerson))"


def requests(log: str) -> list[str]:
    """Return the requests in a log of the server, in their order. The server logs a request before it answers it."""
    return re.findall(r"conn=\d+ op=\d+ (SRCH|BIND)(?= base=| dn=\"[^\"]*\" method=)", log)


@pytest.mark.parametrize("login", [ZOE.username, ZOE.email])
def test_login_takes_two_searches_and_a_bind(slapd: Slapd, login: str) -> None:
    provider = ldap_provider(slapd.environ())
    assert provider.authenticate(login, ZOE.password)  # opens the connections
    mark = len(slapd.log)
    assert provider.authenticate(login, ZOE.password)
    assert requests(slapd.log[mark:]) == ["SRCH", "BIND", "SRCH"]


@pytest.mark.parametrize(
    ("user_filter", "expected"), [("", ["SRCH"]), ("(uid={login})", ["SRCH"]), (EXCLUDING, ["SRCH", "SRCH"])]
)
def test_refresh_takes_another_search_only_if_the_filter_excludes_entries(
    slapd: Slapd, user_filter: str, expected: list[str]
) -> None:
    provider = ldap_provider(slapd.environ(LDAP_USER_FILTER=user_filter))
    assert provider.find(ZOE.username)
    mark = len(slapd.log)
    assert provider.find(ZOE.username)
    assert requests(slapd.log[mark:]) == expected
