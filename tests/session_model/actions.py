"""The actions on sessions: each is done to the system and to the model alike."""

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

from tests.session_model.model import (
    ACCESS_LIFETIME,
    IDLE_TIMEOUT,
    LOST_RESPONSE_TIMEOUT,
    SESSION_LIFETIME,
    Session,
)
from tests.session_model.runner import HASHES, OTHER_PASSWORD, PASSWORD, Runner
from tests.session_model.system import REPLICAS, ROLES
from tests.support import login_clients
from tests.support.users import SampleUser

SPANS = (
    *(1, 1, ACCESS_LIFETIME - 1, ACCESS_LIFETIME, SESSION_LIFETIME // 2, SESSION_LIFETIME // 2),
    *(IDLE_TIMEOUT - 1, IDLE_TIMEOUT),
)
"""Seconds by which the clock is moved."""


class Choice(NamedTuple):
    """The random parameters of an action."""

    user: SampleUser
    client_id: str
    replica: int
    number: int
    flag: bool


class Actions(Runner):
    """All actions."""

    def log_in(self, choice: Choice) -> None:
        user, client_id, replica, _, with_email = choice
        account = self.model.accounts[user]
        login = user.email.upper() if with_email else user.username
        response = login_clients.log_in(self.system.client(replica), client_id, login, account.password)
        if account.is_active:
            assert not response.code, response
            self.add_token(response.access, user, self.model.start_session(user, client_id, response.refresh))
        else:
            assert response.code == login_clients.DENIED_LOGIN_CODE[client_id]

    def log_in_with_wrong_password(self, choice: Choice) -> None:
        wrong = PASSWORD if self.model.accounts[choice.user].password == OTHER_PASSWORD else OTHER_PASSWORD
        client = self.system.client(choice.replica)
        response = login_clients.log_in(client, choice.client_id, choice.user.username, wrong)
        assert response.code == login_clients.DENIED_LOGIN_CODE[choice.client_id]

    def issue_token_without_session(self, choice: Choice) -> None:
        roles = self.model.accounts[choice.user].roles
        payload = {"username": choice.user.username, "idp": "database", "roles": roles}
        self.add_token(self.system.issue(choice.replica, payload), choice.user, None)

    def refresh(self, choice: Choice) -> None:
        session = self._select(self.model.open_sessions(), choice)
        if session:
            self.present(session, session.refresh, choice.replica, session.client_id)

    def refresh_any_session(self, choice: Choice) -> None:
        session = self._select(self.model.sessions, choice)
        if session:
            self.present(session, session.refresh, choice.replica, session.client_id)

    def lose_response(self, choice: Choice) -> None:
        session = self._select(self.model.open_sessions(), choice)
        is_accepted = session and not self.model.is_in_progress(session, session.refresh)
        if session and is_accepted and not self.model.user_error(session):
            client = self.system.client(choice.replica)
            with login_clients.send_refresh(client, session.client_id, session.refresh) as response:
                assert response.status_code == 200
            self.model.extend_session(session)

    def reuse_refresh_token(self, choice: Choice) -> None:
        session = self._select([session for session in self.model.sessions if session.used], choice)
        if session:
            used = session.used[-1] if choice.flag else session.used[0]
            self.present(session, used, choice.replica, session.client_id)

    def reuse_after_the_limit(self, choice: Choice) -> None:
        used = [session for session in self.model.open_sessions() if session.used and not session.is_response_lost]
        if session := self._select(used, choice):
            self.advance(LOST_RESPONSE_TIMEOUT)
            self.present(session, session.used[-1], choice.replica, session.client_id)

    def refresh_in_two_tabs(self, choice: Choice) -> None:
        if session := self._select(self.model.open_sessions(), choice):
            token = session.refresh
            for replica in (choice.replica, 1 - choice.replica):
                self.present(session, token, replica, session.client_id)

    def guess_secret(self, choice: Choice) -> None:
        if session := self._select(self.model.open_sessions(), choice):
            name, _, secret = session.refresh.partition(".")
            self.present(session, f"{name}.{secret[::-1]}", choice.replica, session.client_id)

    def refresh_as_other_client(self, choice: Choice) -> None:
        if session := self._select(self.model.open_sessions(), choice):
            (other,) = set(login_clients.CLIENTS) - {session.client_id}
            self.present(session, session.refresh, choice.replica, other)

    def log_out(self, choice: Choice) -> None:
        if tokens := self.valid + self.rejected * choice.flag:
            token = tokens[choice.number % len(tokens)]
            code = self.model.guard_error(token)
            assert self.system.log_out(choice.replica, token.text) == code
            if not code:
                self.model.log_out(token)
                self.compare_after_revocation(choice.replica)

    def revoke_refresh_token(self, choice: Choice) -> None:
        sessions = self.model.open_sessions()
        of_client = [session for session in sessions if session.client_id == login_clients.OAUTH_CLIENT]
        if session := self._select(of_client, choice):
            assert login_clients.revoke(self.system.client(choice.replica), session.refresh) == 200
            session.is_ended = True
            self.compare_after_revocation(choice.replica)

    def disable_user(self, choice: Choice) -> None:
        self.model.accounts[choice.user].is_active = False
        self.system.run("users", "disable", choice.user.username.upper())
        self.record_revocation(choice.user)

    def disable_user_with_sql(self, choice: Choice) -> None:
        self.model.accounts[choice.user].is_active = False
        self.system.disable_with_sql(choice.user)
        of_user = [session for session in self.model.open_sessions() if session.user is choice.user]
        if session := self._select(of_user * choice.flag, choice):
            self.present(session, session.refresh, choice.replica, session.client_id)

    def enable_users(self, _: Choice) -> None:
        for user, account in self.model.accounts.items():
            if not account.is_active:
                account.is_active = True
                self.system.run("users", "enable", user.email)

    def change_password(self, choice: Choice) -> None:
        self.system.user_table.set_password(choice.user.email, self._next_hash(choice.user))
        self.record_revocation(choice.user)

    def change_password_with_sql(self, choice: Choice) -> None:
        self.system.set_hash_with_sql(choice.user, self._next_hash(choice.user))
        of_user = [session for session in self.model.open_sessions() if session.user is choice.user]
        if session := self._select(of_user * choice.flag, choice):
            self.present(session, session.refresh, choice.replica, session.client_id)

    def change_own_password(self, choice: Choice) -> None:
        account = self.model.accounts[choice.user]
        tokens = [token for token in self.valid if token.user is choice.user and not self.model.guard_error(token)]
        if tokens and account.is_active:
            token, old = tokens[choice.number % len(tokens)], account.password
            self._next_hash(choice.user)
            client = self.system.client(choice.replica)
            response = login_clients.change_password(client, token.text, old, account.password)
            assert not response.code, response
            self.model.revoke_user(choice.user)
            client_id = token.session.client_id if token.session else login_clients.FIRST_PARTY_CLIENT
            self.add_token(
                response.access, choice.user, self.model.start_session(choice.user, client_id, response.refresh)
            )
            self.compare_after_revocation(choice.replica)

    def change_roles(self, choice: Choice) -> None:
        account, roles = self.model.accounts[choice.user], (ROLES, ROLES[1:], ())[choice.number % 3]
        before, account.roles = account.roles, roles
        if choice.flag:
            self.system.set_roles(choice.user, roles)
            return
        self.system.user_table.change(choice.user.email, lambda row: replace(row, roles=roles))
        if {*before} - {*roles} or not account.is_active:
            self.record_revocation(choice.user)

    def revoke_user(self, choice: Choice) -> None:
        provider = "ldap" if choice.flag else ("", "database")[choice.number % 2]
        option = ["--provider", provider] if provider else []
        exit_code = 2 if choice.flag else 0  # AUTH_PROVIDER does not contain ldap
        self.system.run("tokens", "revoke", "--user", choice.user.username.upper(), *option, exit_code=exit_code)
        if provider != "ldap":
            self.model.revoke_user(choice.user)
        self.system.refresh_revocations(*REPLICAS)

    def revoke_all(self, choice: Choice) -> None:
        self.system.session_table.end_all()
        self.model.revoke_all()
        self.advance(1)  # as the command does
        self.system.refresh_revocations(*REPLICAS)
        self.refresh_any_session(choice)

    def rotate_key(self, choice: Choice) -> None:
        self.system.reload_keys(*REPLICAS)
        before = self.system.current_key(choice.replica)
        self.system.run("keys", "generate", "--algorithm", "ES256")
        self.system.run("keys", "rotate")
        self.system.reload_keys(choice.replica)  # the other replica reloads when it receives a token of the new key
        assert self.system.current_key(choice.replica) not in {before, *self.model.removed_keys}
        if choice.flag:
            self.advance(10)  # the command would wait for the propagation delay
            self.system.run("keys", "retire", before, "--force")
            self._record_removal(before)
        elif choice.number % 2:
            self._retire_after_last_token(before)

    def restart_replica(self, choice: Choice) -> None:
        self.system.restart(choice.replica)
        self.compare_all_tokens()

    def extend_session_to_its_end(self, choice: Choice) -> None:
        of_active = [session for session in self.model.open_sessions() if not self.model.user_error(session)]
        if session := self._select(of_active, choice):
            self.advance(min(SESSION_LIFETIME // 2, session.expires - self.model.now - 1))
            self.log_in(choice)  # which deletes only sessions that expired long ago
            self.present(session, session.refresh, choice.replica, session.client_id)
            if choice.flag:
                self.disable_user(choice._replace(user=session.user))
            else:
                self.advance(session.ends - self.model.now - choice.number % 2)
            self.present(session, session.refresh, choice.replica, session.client_id)

    def let_time_pass(self, choice: Choice) -> None:
        self.advance(SPANS[choice.number % len(SPANS)])
        if choice.flag:
            self.refresh_any_session(choice)

    def _next_hash(self, user: SampleUser) -> str:
        """Record a new password of the user, and return its hash."""
        account = self.model.accounts[user]
        account.password = PASSWORD if account.password == OTHER_PASSWORD else OTHER_PASSWORD
        account.password_changes += 1
        return HASHES[account.password]

    def _retire_after_last_token(self, key_id: str) -> None:
        self.advance(ACCESS_LIFETIME)  # without the propagation delay
        self.system.run("keys", "retire", key_id, exit_code=2)
        self.compare()
        self.advance(10)
        self.system.run("keys", "retire", key_id)
        assert all(self.model.is_expired(token) for token in self.valid if token.key_id == key_id)
        self._record_removal(key_id)

    def _record_removal(self, key_id: str) -> None:
        self.model.removed_keys.add(key_id)
        self.system.reload_keys(*REPLICAS)

    def _select(self, sessions: list[Session], choice: Choice) -> Session | None:
        return sessions[choice.number % len(sessions)] if sessions else None


ACTIONS: tuple[Callable[[Actions, Choice], None], ...] = (
    *[Actions.refresh] * 6,
    *[Actions.log_in] * 4,
    *[Actions.let_time_pass] * 4,
    *[Actions.issue_token_without_session] * 3,
    *[Actions.log_out] * 3,
    *[Actions.lose_response, Actions.reuse_refresh_token, Actions.change_roles, Actions.enable_users] * 2,
    *[Actions.disable_user_with_sql, Actions.change_password_with_sql, Actions.revoke_user] * 2,
    Actions.log_in_with_wrong_password,
    Actions.refresh_in_two_tabs,
    Actions.reuse_after_the_limit,
    Actions.guess_secret,
    Actions.refresh_as_other_client,
    Actions.revoke_refresh_token,
    Actions.disable_user,
    Actions.change_password,
    Actions.change_own_password,
    Actions.revoke_all,
    Actions.rotate_key,
    Actions.restart_replica,
    Actions.extend_session_to_its_end,
    Actions.extend_session_to_its_end,
)
"""The actions to choose from, as often as their frequency."""
