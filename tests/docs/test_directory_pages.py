"""The configurations of docs/directories/ work with servers that answer as these directories do."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

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
from tests.servers.product_directories import (
    APACHEDS,
    DUO,
    EDIRECTORY,
    FREEIPA,
    GOOGLE,
    KINDS,
    PASSWORD,
    UNWILLING,
    DuoProxy,
    EDirectory,
    FreeIpa,
    GoogleSecureLdap,
    Tree,
)
from tests.servers.scripted_directory import INVALID_CREDENTIALS, ScriptedDirectory, running
from tests.servers.slapd import SERVICE_PASSWORD
from tests.support.directories import ldap_provider
from tests.support.newcomer import blocks
from tests.support.users import ZOE


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
