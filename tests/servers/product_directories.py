"""Scripted directories that answer as FreeIPA, eDirectory, ApacheDS, Google Secure LDAP and Duo do."""

from dataclasses import dataclass, replace
from typing import ClassVar

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
)
from tests.servers.slapd import SERVICE_PASSWORD

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
