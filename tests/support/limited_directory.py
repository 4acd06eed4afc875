"""A scripted directory with one user in many groups, whose answers a test changes, and a login to it."""

import json
from collections.abc import Callable

from providers.interface import User
from providers.ldap import open_ldap
from tests.servers.scripted_directory import Attributes, Found, ScriptedDirectory, Search, running

PASSWORD = "the password of zoe"
ZOE_DN = "uid=zoe,ou=people,dc=x"
GROUPS = "ou=groups,dc=x"
LIMIT, ADMIN_LIMIT, UNWILLING, NO_EXTENSION, REFERRAL = 4, 11, 53, 12, 10


def group(number: int | str) -> str:
    """Return the DN of a group."""
    return f"cn={number},{GROUPS}"


def entries(group_count: int = 0, **more: list[str]) -> dict[str, Attributes]:
    """Return a directory with the user Zoé, who is in all groups, and has more attributes."""
    return {
        "": {"objectClass": ["top"]},
        "ou=people,dc=x": {"objectClass": ["organizationalUnit"]},
        GROUPS: {"objectClass": ["organizationalUnit"]},
        ZOE_DN: {"objectClass": ["person"], "uid": ["zoe"], "entryUUID": ["1"], **more},
        **{group(number): {"objectClass": ["group"], "member": [ZOE_DN]} for number in range(group_count)},
    }


class Directory(ScriptedDirectory):
    """A directory whose searches for groups, or for all, an `answer` may replace."""

    def __init__(self, content: dict[str, Attributes], answer: Callable[[Search, Found], Found]) -> None:
        super().__init__(content, {ZOE_DN: PASSWORD})
        self.searches: list[Search] = []
        self.answer = answer

    def search(self, search: Search) -> Found:
        self.searches.append(search)
        return self.answer(search, super().search(search))


def environ(port: int, **changed: str) -> dict[str, str]:
    """Return an environment with the server at this port, in which each group gives a role of the same name."""
    return {
        "LDAP_URL": f"ldap://127.0.0.1:{port}",
        "LDAP_INSECURE_PLAINTEXT": "true",
        "LDAP_BASE_DN": "ou=people,dc=x",
        "LDAP_ROLE_MAP": json.dumps({group(number): [f"r{number}"] for number in range(1300)}),
        **changed,
    }


def log_in(directory: ScriptedDirectory, **changed: str) -> User | None:
    """Return the user of a login of Zoé."""
    with running(directory) as port:
        return open_ldap(environ(port, **changed)).authenticate("zoe", PASSWORD) or None
