"""The world and the model side by side, and how the two are compared."""

from collections.abc import Mapping
from pathlib import Path

from argon2 import PasswordHasher

from tests.session_model.model import Account, Model, Session, Token
from tests.session_model.system import BOTH, START, World
from tests.support import login_clients
from tests.support.users import SAMPLE_USERS, SampleUser

CROWD = SAMPLE_USERS[:2]
PASSWORD, OTHER_PASSWORD = "the first password of everybody", "the other password of everybody"
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)  # ours would cost most of the run
HASHES = {password: CHEAP.hash(password) for password in (PASSWORD, OTHER_PASSWORD)}


class Stage:
    """Where acts take place."""

    def __init__(self, environ: Mapping[str, str], keys: Path) -> None:
        self.world = World(environ, keys)
        self.model = Model(START, {person: Account(PASSWORD, person.roles) for person in CROWD})
        self.good: list[Token] = []
        self.bad: list[Token] = []
        self.patience = 0
        """How often the two seconds may be waited that a lost answer takes."""
        for person in CROWD:
            self.world.add(person, HASHES[PASSWORD])

    def compare(self) -> None:
        """See that every token that was good answers as it must; what is refused once is refused for ever."""
        for replica in BOTH:
            self.compare_at(replica)
        self.bad += [token for token in self.good if self.model.code(token)]
        self.good = [token for token in self.good if not self.model.code(token)]

    def compare_at(self, replica: int) -> None:
        """See that one of the two is right."""
        for token in self.good:
            code = self.model.code(token)
            assert self.world.ask(replica, token.text) == (code, () if code else token.roles)

    def compare_again(self) -> None:
        """See that what was refused still is."""
        self.good, self.bad = self.good + self.bad, []
        self.compare()

    def compare_at_the_end(self) -> None:
        """See which refresh tokens work, too."""
        for session in self.model.sessions:
            if not session.answer_lost:
                self.present(session, session.refresh, 0, session.client)
        self.compare_again()

    def present(self, session: Session, refresh: str, replica: int, client: str) -> None:
        """Ask for a refresh, and see that it gives what it must."""
        reason = self.model.refusal(session, refresh, client)
        given = login_clients.refresh(self.world.client(replica), client, refresh)
        if reason:
            assert (given.code, reason in given.message) == (login_clients.REFUSED_TOKEN[client], True), given
            self.ended_at(replica)
        else:
            assert not given.code, given
            self.model.renew(session, given.refresh)
            self.take(given.access, session.person, session)

    def take(self, access: str, person: SampleUser, session: Session | None) -> None:
        """Remember an access token."""
        held = tuple(sorted(self.model.accounts[person].roles))
        self.good.append(Token(access, self.world.key_of(access), person, held, self.model.now, session))

    def move_on(self, seconds: int) -> None:
        """Move the clock, so far that replicas have looked at their keys."""
        self.model.now += seconds
        self.world.clock.move_to(self.model.now)
        self.world.see_keys(*BOTH)

    def ended_elsewhere(self, person: SampleUser) -> None:
        """Note that all that somebody had has ended, and let both replicas come to know."""
        self.model.end_of(person)
        self.world.see_revocations(*BOTH)

    def ended_at(self, replica: int) -> None:
        """See that a replica which has ended something knows at once, and let the other one come to know."""
        self.compare_at(replica)
        self.world.see_revocations(1 - replica)
