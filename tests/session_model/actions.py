"""What can happen to sessions: each act is done to the world and to the model alike."""

from collections.abc import Callable
from typing import NamedTuple

from tests.session_model.model import ACCESS, IDLE, LIFETIME, Session
from tests.session_model.runner import HASHES, OTHER_PASSWORD, PASSWORD, Stage
from tests.session_model.system import BOTH, ROLES
from tests.support import login_clients
from tests.support.users import SampleUser

SPANS = (1, 1, ACCESS - 1, ACCESS, LIFETIME // 2, LIFETIME // 2, IDLE - 1, IDLE)


class Choice(NamedTuple):
    """To whom an act is done, and how."""

    person: SampleUser
    client: str
    replica: int
    number: int
    yes: bool


class Acts(Stage):
    """Everything that can happen."""

    def log_in(self, choice: Choice) -> None:
        person, client, replica, _, by_address = choice
        account = self.model.accounts[person]
        login = person.email.upper() if by_address else person.username
        given = login_clients.log_in(self.world.client(replica), client, login, account.password)
        if account.active:
            assert not given.code, given
            self.take(given.access, person, self.model.begin(person, client, given.refresh))
        else:
            assert given.code == login_clients.REFUSED_LOGIN[client]

    def log_in_with_another_password(self, choice: Choice) -> None:
        wrong = PASSWORD if self.model.accounts[choice.person].password == OTHER_PASSWORD else OTHER_PASSWORD
        given = login_clients.log_in(self.world.client(choice.replica), choice.client, choice.person.username, wrong)
        assert given.code == login_clients.REFUSED_LOGIN[choice.client]

    def make_a_token_without_a_session(self, choice: Choice) -> None:
        held = self.model.accounts[choice.person].roles
        payload = {"username": choice.person.username, "idp": "database", "roles": held}
        self.take(self.world.issue(choice.replica, payload), choice.person, None)

    def refresh(self, choice: Choice) -> None:
        session = self._one_of(self.model.alive(), choice)
        if session and session.answer_lost:
            if not self.patience:
                return
            self.patience -= 1
        if session:
            self.present(session, session.refresh, choice.replica, session.client)

    def refresh_what_may_have_ended(self, choice: Choice) -> None:
        session = self._one_of(self.model.sessions, choice)
        if session and not self.model.is_retry(session):
            self.present(session, session.refresh, choice.replica, session.client)

    def lose_an_answer(self, choice: Choice) -> None:
        session = self._one_of(self.model.alive(), choice)
        if session and not session.answer_lost and self.model.accounts[session.person].active:
            with login_clients.send_refresh(
                self.world.client(choice.replica), session.client, session.refresh
            ) as answer:
                assert answer.status_code == 200
            self.model.renew(session)

    def reuse_a_spent_token(self, choice: Choice) -> None:
        session = self._one_of([session for session in self.model.sessions if session.spent], choice)
        if session and not session.answer_lost:
            spent = session.spent[-1] if choice.yes else session.spent[0]
            self.present(session, spent, choice.replica, session.client)

    def make_a_secret_up(self, choice: Choice) -> None:
        if session := self._one_of(self.model.alive(), choice):
            name, _, secret = session.refresh.partition(".")
            self.present(session, f"{name}.{secret[::-1]}", choice.replica, session.client)

    def refresh_at_the_other_door(self, choice: Choice) -> None:
        if session := self._one_of(self.model.alive(), choice):
            (other,) = set(login_clients.CLIENTS) - {session.client}
            self.present(session, session.refresh, choice.replica, other)

    def log_out(self, choice: Choice) -> None:
        if tokens := self.good + self.bad * choice.yes:
            token = tokens[choice.number % len(tokens)]
            code = self.model.code(token)
            assert self.world.log_out(choice.replica, token.text) == code
            if not code:
                self.model.end(token)
                self.ended_at(choice.replica)

    def revoke_a_refresh_token(self, choice: Choice) -> None:
        theirs = [session for session in self.model.alive() if session.client == login_clients.OAUTH_CLIENT]
        if session := self._one_of(theirs, choice):
            assert login_clients.revoke(self.world.client(choice.replica), session.refresh) == 200
            session.ended = True
            self.ended_at(choice.replica)

    def disable(self, choice: Choice) -> None:
        self.model.accounts[choice.person].active = False
        self.world.command("users", "disable", choice.person.username.upper())
        self.ended_elsewhere(choice.person)

    def disable_by_hand(self, choice: Choice) -> None:
        self.model.accounts[choice.person].active = False
        self.world.switch_off(choice.person)
        theirs = [session for session in self.model.alive() if session.person is choice.person]
        if session := self._one_of([session for session in theirs if not session.answer_lost] * choice.yes, choice):
            self.present(session, session.refresh, choice.replica, session.client)

    def enable(self, _: Choice) -> None:
        for person, account in self.model.accounts.items():
            if not account.active:
                account.active = True
                self.world.command("users", "enable", person.email)

    def give_another_password(self, choice: Choice) -> None:
        account = self.model.accounts[choice.person]
        account.password = PASSWORD if account.password == OTHER_PASSWORD else OTHER_PASSWORD
        self.world.table.set_password(choice.person.email, HASHES[account.password])
        self.ended_elsewhere(choice.person)

    def give_other_roles(self, choice: Choice) -> None:
        held = (ROLES, ROLES[1:], ())[choice.number % 3]
        self.world.give(choice.person, held)
        self.model.accounts[choice.person].roles = held

    def revoke_all_of_a_user(self, choice: Choice) -> None:
        provider = "ldap" if choice.yes else ("", "database")[choice.number % 2]
        option = ["--provider", provider] if provider else []
        self.world.command("tokens", "revoke", "--user", choice.person.username.upper(), *option)
        if provider != "ldap":
            self.model.end_of(choice.person)
        self.world.see_revocations(*BOTH)

    def revoke_everything(self, choice: Choice) -> None:
        self.world.session_table.end_all()
        self.model.end_of_everybody()
        self.move_on(1)  # as the command does, too
        self.world.see_revocations(*BOTH)
        self.refresh_what_may_have_ended(choice)

    def rotate_the_key(self, choice: Choice) -> None:
        self.world.see_keys(*BOTH)
        before = self.world.current_key(choice.replica)
        self.world.command("keys", "generate", "--algorithm", "ES256")
        self.world.command("keys", "rotate")
        self.world.see_keys(choice.replica)  # and the other one only when it meets a token of the new key
        assert self.world.current_key(choice.replica) not in {before, *self.model.removed}
        if choice.yes:
            self.move_on(10)  # the command waits until a key is long enough retired
            self.world.command("keys", "retire", before, "--force")
            self._removed(before)
        elif choice.number % 2:
            self._retire_in_time(before)

    def restart(self, choice: Choice) -> None:
        self.world.restart(choice.replica)
        self.compare_again()

    def grow_old(self, choice: Choice) -> None:
        active = [session for session in self.model.alive() if self.model.accounts[session.person].active]
        session = self._one_of([session for session in active if not session.answer_lost], choice)
        if session:
            self.move_on(min(LIFETIME // 2, session.expires - self.model.now - 1))
            self.log_in(choice)  # which clears away what is long over, and no more
            self.present(session, session.refresh, choice.replica, session.client)
            if choice.yes:
                self.disable(choice._replace(person=session.person))
            else:
                self.move_on(session.ends - self.model.now - choice.number % 2)
            self.present(session, session.refresh, choice.replica, session.client)

    def let_time_pass(self, choice: Choice) -> None:
        self.move_on(SPANS[choice.number % len(SPANS)])
        if choice.yes:
            self.refresh_what_may_have_ended(choice)

    def _pass(self, seconds: int) -> None:
        self.model.now += seconds
        self.world.clock.move_to(self.model.now)
        self.world.see_keys(*BOTH)

    def _retire_in_time(self, key: str) -> None:
        self.move_on(ACCESS)  # and a moment, for workers that have not looked at the folder yet
        self.world.command("keys", "retire", key, refused=True)
        self.compare()
        self.move_on(10)
        self.world.command("keys", "retire", key)
        assert not any(token.key == key and self.model.is_young(token) for token in self.good)
        self._removed(key)

    def _removed(self, key: str) -> None:
        self.model.removed.add(key)
        self.world.see_keys(*BOTH)

    def _one_of(self, sessions: list[Session], choice: Choice) -> Session | None:
        return sessions[choice.number % len(sessions)] if sessions else None


ACTS: tuple[Callable[[Acts, Choice], None], ...] = (
    *[Acts.refresh] * 6,
    *[Acts.log_in] * 4,
    *[Acts.let_time_pass] * 4,
    *[Acts.make_a_token_without_a_session] * 3,
    *[Acts.log_out] * 3,
    *[Acts.lose_an_answer, Acts.reuse_a_spent_token, Acts.give_other_roles, Acts.enable] * 2,
    *[Acts.disable_by_hand, Acts.revoke_all_of_a_user] * 2,
    Acts.log_in_with_another_password,
    Acts.make_a_secret_up,
    Acts.refresh_at_the_other_door,
    Acts.revoke_a_refresh_token,
    Acts.disable,
    Acts.give_another_password,
    Acts.revoke_everything,
    Acts.rotate_the_key,
    Acts.restart,
    Acts.grow_old,
    Acts.grow_old,
)
