"""The configurations of docs/directories/ work with servers that answer as these directories do."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import pytest

from providers.interface import (
    ACCOUNT_EXPIRED,
    DISABLED,
    LOCKED,
    PASSWORD_EXPIRED,
    UNKNOWN_USER,
    WRONG_PASSWORD,
    Denied,
    RequestFailed,
)
from providers.ldap import SearchProvider
from providers.ldap.client import searches
from tests.docs.test_directories import environ_of
from tests.servers import directory389 as server389
from tests.servers.directory389 import Directory389
from tests.servers.scripted_directory import (
    INVALID_CREDENTIALS,
    NO_SUCH_OBJECT,
    SIZE_LIMIT_EXCEEDED,
    SUCCESS,
    Answer,
    Attributes,
    Found,
    ScriptedDirectory,
    Search,
    running,
)
from tests.servers.slapd import SERVICE_PASSWORD
from tests.support.directories import ldap_provider
from tests.support.newcomer import blocks
from tests.support.users import ZOE

PASSWORD = "the password of zoe"
UNWILLING, ADMIN_LIMIT, OTHER = 53, 11, 80


@dataclass(frozen=True)
class Tree:
    """Where a directory has its entries."""

    page: str
    suffix: str
    users: str
    groups: str
    service: str | None
    name_attribute: str = "uid"
    has_member_of: bool = True

    @property
    def zoe(self) -> str:
        """The DN of the user."""
        return f"{self.name_attribute}=zoe,{self.users}"

    @property
    def admins(self) -> str:
        """The DN of the user's group."""
        return f"cn=admins,{self.groups}"

    def entries(self, **more: list[str]) -> dict[str, Attributes]:
        """Return the entries of the directory. The user has more attributes."""
        container = {"objectClass": ["organizationalUnit"]}
        member_of = {"memberOf": [self.admins]} if self.has_member_of else {}
        names = {self.name_attribute: ["zoe"], "mail": ["zoe@example.org"]}
        return {
            "": {"objectClass": ["top"]},
            **dict.fromkeys((self.suffix, self.users, self.groups), container),
            self.zoe: {"objectClass": ["person"], **names, **member_of, **more},
            self.admins: {"objectClass": ["groupOfNames"], "cn": ["admins"], "member": [self.zoe]},
        }

    def passwords(self) -> dict[str, str]:
        """Return the passwords of the user and of the service account."""
        return {self.zoe: PASSWORD, **({self.service: SERVICE_PASSWORD} if self.service else {})}


ORG, COM = "dc=example,dc=org", "dc=example,dc=com"
FREEIPA = Tree(
    "freeipa",
    ORG,
    f"cn=users,cn=accounts,{ORG}",
    f"cn=groups,cn=accounts,{ORG}",
    f"uid=latchkey,cn=sysaccounts,cn=etc,{ORG}",
)
APACHEDS = Tree(
    "apacheds", ORG, f"ou=people,{ORG}", f"ou=groups,{ORG}", f"uid=latchkey,ou=services,{ORG}", has_member_of=False
)
EDIRECTORY = Tree(
    "edirectory",
    "o=example",
    "ou=people,o=example",
    "ou=groups,o=example",
    "cn=latchkey,ou=services,o=example",
    "cn",
    has_member_of=False,
)
GOOGLE = Tree("google-secure-ldap", COM, f"ou=Users,{COM}", f"ou=Groups,{COM}", None)
DUO = Tree("duo", ORG, f"ou=people,{ORG}", f"ou=groups,{ORG}", f"cn=latchkey,ou=services,{ORG}")


class FreeIpa(ScriptedDirectory):
    """FreeIPA: a bind of a locked or an expired account is refused with a text."""

    refusal: str | None = None

    def bind(self, name: str, password: str) -> Answer:
        if self.refusal and name.startswith("uid=zoe"):
            return UNWILLING, self.refusal
        return super().bind(name, password)


class EDirectory(ScriptedDirectory):
    """eDirectory: its own error is in the text of a response."""

    error: tuple[int, str] | None = None

    def bind(self, name: str, password: str) -> Answer:
        if self.error and name.startswith("cn=zoe"):
            code, text = self.error
            return code, f"NDS error: {text}"
        code, _ = super().bind(name, password)
        return code, "NDS error: failed authentication (-669)" if code else ""


class ApacheDs(ScriptedDirectory):
    """ApacheDS 2.0.0.AM26: a search without attributes that is cut off ends with `other`, and has no cookie."""

    def bind(self, name: str, password: str) -> Answer:
        code, _ = super().bind(name, password)
        return code, f"INVALID_CREDENTIALS: Bind failed: ERR_229 Cannot authenticate user {name}" if code else ""

    def search(self, search: Search) -> Found:
        found = super().search(search)
        if search.attributes != ("1.1",):
            return found
        return replace(found, code=OTHER if found.code == SIZE_LIMIT_EXCEEDED else found.code, cookie=None)


class GoogleSecureLdap(ScriptedDirectory):
    """Google Secure LDAP: a search that finds nothing has no such object, and the number of binds is limited."""

    binds_left = 1000

    def bind(self, name: str, password: str) -> Answer:
        if not name:
            return SUCCESS, ""
        self.binds_left -= 1
        return (ADMIN_LIMIT, "quota") if self.binds_left < 0 else super().bind(name, password)

    def search(self, search: Search) -> Found:
        found = super().search(search)
        return found if found.entries else Found(code=NO_SUCH_OBJECT)


class DuoProxy(ScriptedDirectory):
    """The proxy of Duo with the configuration of the page: it rejects all pushes, except to the exempt account."""

    pushes: ClassVar[list[str]] = []

    def bind(self, name: str, password: str) -> Answer:
        code, text = super().bind(name, password)
        if code == SUCCESS and name.startswith("uid=zoe"):
            self.pushes.append(name)
            return INVALID_CREDENTIALS, "Login request denied."
        return code, text


KINDS: list[tuple[Tree, type[ScriptedDirectory], dict[str, list[str]]]] = [
    (FREEIPA, FreeIpa, {"ipaUniqueID": ["1"], "krbLastPwdChange": ["20260101000000Z"]}),
    (APACHEDS, ApacheDs, {"entryUUID": ["1"], "userPassword": ["{SSHA}x"]}),
    (EDIRECTORY, EDirectory, {"GUID": ["1"], "loginDisabled": ["FALSE"], "pwdChangedTime": ["20260101000000Z"]}),
    (GOOGLE, GoogleSecureLdap, {"entryUUID": ["1"]}),
]


@contextmanager
def provider_of(tree: Tree, directory: ScriptedDirectory, folder: Path, **changed: str) -> Iterator[SearchProvider]:
    """Yield a provider with the configuration of a page, except for the address and TLS."""
    (folder / "password").write_text(SERVICE_PASSWORD)
    (folder / "roles.toml").write_text(f'[[rules]]\nroles = ["admin"]\nall = "{tree.admins}"\n')
    environ = environ_of(folder, blocks(f"docs/directories/{tree.page}.md", "sh")[0])
    for variable in ("LDAP_CA_FILE", "LDAP_CERT_FILE", "LDAP_KEY_FILE"):
        environ.pop(variable, None)
    with running(directory) as port:
        plaintext = {"LDAP_URL": f"ldap://127.0.0.1:{port}", "LDAP_INSECURE_PLAINTEXT": "true"}
        yield ldap_provider({**environ, **plaintext, **changed})


def reason(provider: SearchProvider, password: str = PASSWORD, login: str = "zoe") -> str | None:
    """Return why a login is denied; `None` if it succeeds."""
    answer = provider.authenticate(login, password)
    return answer.reason if isinstance(answer, Denied) else None


@pytest.mark.parametrize(("tree", "kind", "more"), KINDS, ids=lambda value: getattr(value, "page", ""))
def test_configuration_of_the_page_logs_in_a_member_of_a_group(
    tree: Tree, kind: type[ScriptedDirectory], more: dict[str, list[str]], tmp_path: Path
) -> None:
    with provider_of(tree, kind(tree.entries(**more), tree.passwords()), tmp_path) as provider:
        for login in ("zoe", "zoe@example.org"):
            user = provider.authenticate(login, PASSWORD)
            assert user
            assert (user["username"], user["roles"]) == ("zoe", ["admin"])
        assert (reason(provider, "wrong"), reason(provider, login="nobody")) == (WRONG_PASSWORD, UNKNOWN_USER)
        found = provider.find("zoe")
        assert found
        assert (found["roles"], provider.find("nobody")) == (["admin"], None)
        assert [user["username"] for user in provider.list_users()] == ["zoe"]


@pytest.mark.parametrize(("tree", "kind", "more"), KINDS, ids=lambda value: getattr(value, "page", ""))
def test_doctor_reports_no_failure_with_the_configuration_of_the_page(
    tree: Tree,
    kind: type[ScriptedDirectory],
    more: dict[str, list[str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(searches, "PAGE_SIZE", 10)
    several = {f"{tree.name_attribute}=u{number},{tree.users}": number for number in range(30)}
    users = {
        dn: {"objectClass": ["person"], tree.name_attribute: [f"u{number}"], **more} for dn, number in several.items()
    }
    directory = kind({**tree.entries(**more), **users}, tree.passwords())
    with provider_of(tree, directory, tmp_path, LDAP_TIMEOUT_SECONDS="30") as provider:
        checks = {check.step: check for check in provider.check()}
        assert len(list(provider.list_users())) == 31
    problems = {step: check.found for step, check in checks.items() if check.outcome != "ok" and "TLS" not in step}
    assert problems.keys() == ({"sessions"} if tree is GOOGLE else set()), problems


@pytest.mark.parametrize(
    ("text", "expected"),
    [("Too many failed logins.", LOCKED), ("Account (Kerberos principal) is expired", ACCOUNT_EXPIRED)],
)
def test_freeipa_gives_the_reason_of_a_refused_bind(text: str, expected: str, tmp_path: Path) -> None:
    directory = FreeIpa(FREEIPA.entries(), FREEIPA.passwords())
    directory.refusal = text
    with provider_of(FREEIPA, directory, tmp_path) as provider:
        assert reason(provider) == expected


@pytest.mark.parametrize(
    ("tree", "attribute", "value", "expected"),
    [
        (FREEIPA, "krbPasswordExpiration", "20200101000000Z", PASSWORD_EXPIRED),
        (FREEIPA, "nsAccountLock", "TRUE", DISABLED),
        (EDIRECTORY, "loginDisabled", "TRUE", DISABLED),
        (APACHEDS, "pwdAccountLockedTime", "000001010000Z", DISABLED),
    ],
    ids=str,
)
def test_attribute_of_the_account_denies_a_login_that_the_bind_accepts(
    tree: Tree, attribute: str, value: str, expected: str, tmp_path: Path
) -> None:
    directory = ScriptedDirectory(tree.entries(**{attribute: [value]}), tree.passwords())
    with provider_of(tree, directory, tmp_path) as provider:
        assert reason(provider) == expected


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ((UNWILLING, "login lockout (-197)"), LOCKED),
        ((UNWILLING, "log account expired (-220)"), DISABLED),
        ((INVALID_CREDENTIALS, "bad password (-222)"), PASSWORD_EXPIRED),
    ],
)
def test_edirectory_gives_the_reason_of_a_refused_bind(error: tuple[int, str], expected: str, tmp_path: Path) -> None:
    directory = EDirectory(EDIRECTORY.entries(), EDIRECTORY.passwords())
    directory.error = error
    with provider_of(EDIRECTORY, directory, tmp_path) as provider:
        assert reason(provider) == expected


def test_quota_of_google_is_an_error_and_not_a_wrong_password(tmp_path: Path) -> None:
    directory = GoogleSecureLdap(GOOGLE.entries(), GOOGLE.passwords())
    with provider_of(GOOGLE, directory, tmp_path) as provider:
        assert reason(provider) is None
        directory.binds_left = 0
        with pytest.raises(RequestFailed, match="adminLimitExceeded"):
            provider.authenticate("zoe", PASSWORD)
        assert provider.find("zoe")


def test_rejected_push_of_duo_is_a_wrong_password_and_is_not_repeated(tmp_path: Path) -> None:
    directory = DuoProxy(DUO.entries(), DUO.passwords())
    with provider_of(DUO, directory, tmp_path) as provider:
        assert reason(provider) == WRONG_PASSWORD
        assert reason(provider, "wrong") == WRONG_PASSWORD
        assert reason(provider, login="nobody") == UNKNOWN_USER
        assert provider.find("zoe")
    assert directory.pushes == [DUO.zoe]


def test_configuration_of_389_directory_server_logs_in_a_member_of_a_group(
    directory389: Directory389, tmp_path: Path
) -> None:
    names = {
        "cn=latchkey,ou=services,dc=example,dc=org": server389.SERVICE,
        "ldaps://directory.example.org": f"ldap://127.0.0.1:{directory389.port}",
        "dc=example,dc=org": server389.SUFFIX,
    }
    (tmp_path / "password").write_text(SERVICE_PASSWORD)
    (tmp_path / "roles.toml").write_text(
        f'[[rules]]\nroles = ["admin"]\nall = "cn=admin,ou=groups,{server389.SUFFIX}"\n'
    )
    commands = blocks("docs/directories/389-directory-server.md", "sh")[0]
    provider = ldap_provider({**environ_of(tmp_path, commands, **names), "LDAP_INSECURE_PLAINTEXT": "true"})
    user = provider.authenticate(ZOE.email, ZOE.password)
    assert user
    assert user["roles"] == ["admin"]
