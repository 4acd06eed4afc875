"""A session of a user of a directory ends with the entry, or with a new password, and not with a login."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from tests.servers import samba as windows
from tests.servers.samba import Samba
from tests.servers.slapd import AGING, RESET, STRICT, Slapd, person_dn
from tests.support.error_responses import error_message
from tests.support.sessions import Tokens, client_of, guard_error, log_in, refresh, send_login, send_refresh
from tests.support.stores import user_table
from tests.support.users import SampleUser

ANOTHER_USER = "Invalid refresh token: the username belongs to another user now"
ANOTHER_PASSWORD = "Invalid refresh token: the user's password was changed"
GONE = "Invalid refresh token: the user no longer exists or is disabled"
PASSWORD, NEW_PASSWORD = "the first password of the user", "the second password of the user"


class Directory:
    """A directory, and a client with sessions for it."""

    def __init__(self, server: Slapd | Samba, folder: Path) -> None:
        self.server = server
        sessions = user_table(f"sqlite:///{folder}/sessions.db", [])
        self.client = client_of({**sessions, **server.environ()})
        self.dn = person_dn if isinstance(server, Slapd) else windows.person_dn

    def add(self, username: str) -> SampleUser:
        """Add a user."""
        person = SampleUser(username, f"{username}@example.test", PASSWORD, ())
        self.server.add_person(person)
        if isinstance(self.server, Slapd):  # pwdChangedTime is in whole seconds, and a test takes less than one
            yesterday = datetime.now(UTC) - timedelta(days=1)
            self.server.modify(self.dn(username), {"pwdChangedTime": f"{yesterday:%Y%m%d%H%M%SZ}"}, relax=True)
        return person

    def remove(self, username: str) -> None:
        """Delete a user."""
        connection = self.server.admin()
        assert connection.delete(self.dn(username))[0]  # type: ignore[no-untyped-call]
        connection.unbind()

    def rename(self, username: str, new: str) -> None:
        """Rename a user."""
        connection = self.server.admin()
        rdn = self.dn(new).partition(",")[0]
        assert connection.modify_dn(self.dn(username), rdn)[0]
        connection.unbind()
        if isinstance(self.server, Samba):
            self.server.modify(self.dn(new), {"sAMAccountName": new})

    def set_password(self, username: str) -> None:
        """Change a user's password to NEW_PASSWORD, as an administrator does."""
        if isinstance(self.server, Samba):
            self.server.modify(self.dn(username), {"unicodePwd": f'"{NEW_PASSWORD}"'.encode("utf-16-le")})
        else:
            self.server.modify(self.dn(username), {"userPassword": NEW_PASSWORD})


@pytest.fixture(params=["openldap", "active directory"])
def directory(request: pytest.FixtureRequest, tmp_path: Path) -> Directory:
    """Each directory in turn."""
    return Directory(request.getfixturevalue("slapd" if request.param == "openldap" else "samba"), tmp_path)


@pytest.fixture
def openldap(slapd: Slapd, tmp_path: Path) -> Directory:
    """The OpenLDAP directory."""
    return Directory(slapd, tmp_path)


def refusal(client: FlaskClient, tokens: Tokens) -> str:
    """Return the message of a refused refresh, after a check that it has ended the session."""
    message = error_message(send_refresh(client, tokens.refresh), 400, "invalid_refresh_token")
    assert guard_error(client, tokens.access) == "revoked_token"
    return message


def test_a_new_entry_does_not_get_the_session_of_a_deleted_one(directory: Directory) -> None:
    former = directory.add("reused")
    tokens = refresh(directory.client, log_in(directory.client, former))
    directory.remove("reused")
    directory.add("reused")
    assert refusal(directory.client, tokens) == ANOTHER_USER
    log_in(directory.client, former)


def test_an_entry_that_gets_the_username_of_another_does_not_get_its_session(directory: Directory) -> None:
    former = directory.add("renamed")
    tokens, others = log_in(directory.client, former), log_in(directory.client, former)
    directory.rename("renamed", "renamed-away")
    assert refusal(directory.client, others) == GONE
    directory.add("renamed-successor")
    directory.rename("renamed-successor", "renamed")
    assert refusal(directory.client, tokens) == ANOTHER_USER


def test_a_new_password_in_the_directory_ends_the_sessions_of_this_user(directory: Directory) -> None:
    changed, other = directory.add("changed-pw"), directory.add("unchanged-pw")
    of_changed, of_other = log_in(directory.client, changed), log_in(directory.client, other)
    directory.set_password("changed-pw")
    assert refusal(directory.client, of_changed) == ANOTHER_PASSWORD
    refresh(directory.client, of_other)
    refresh(directory.client, log_in(directory.client, replace(changed, password=NEW_PASSWORD)))


def test_the_first_change_of_a_password_ends_sessions(openldap: Directory) -> None:
    person = openldap.add("first-change")
    dn = person_dn(person.username)
    openldap.server.modify(dn, {"pwdChangedTime": []}, relax=True)  # type: ignore[call-arg]
    tokens = refresh(openldap.client, log_in(openldap.client, person))
    openldap.set_password(person.username)
    assert refusal(openldap.client, tokens) == ANOTHER_PASSWORD


def test_logins_of_the_same_user_end_no_session(directory: Directory) -> None:
    person = directory.add("persistent")
    tokens = log_in(directory.client, person)
    assert send_login(directory.client, replace(person, password="wrong")).status_code == 400
    log_in(directory.client, person)
    refresh(directory.client, tokens)


@pytest.mark.parametrize("policy", [AGING, STRICT, RESET])
def test_logins_under_a_password_policy_end_no_session(openldap: Directory, policy: str) -> None:
    person = openldap.add(f"under-{policy[3:8]}")
    openldap.server.modify(person_dn(person.username), {"pwdPolicySubentry": policy}, relax=True)  # type: ignore[call-arg]
    tokens = log_in(openldap.client, person)
    for _ in range(3):
        assert send_login(openldap.client, replace(person, password="wrong")).status_code == 400
    refresh(openldap.client, tokens)


def test_tokens_and_responses_contain_no_member_of_the_session(openldap: Directory) -> None:
    tokens = log_in(openldap.client, openldap.add("shown-to-clients"))
    me = openldap.client.get("/api/auth/me", headers={"Authorization": f"Bearer {tokens.access}"})
    assert not {"record_id", "credential_stamp"} & me.json.keys()  # type: ignore[union-attr]
