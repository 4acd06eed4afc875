"""What must hold of sessions and access tokens, in the simplest words that say it."""

from dataclasses import dataclass, field

from tests.support.users import SampleUser

ACCESS, IDLE, LIFETIME = 300, 1800, 2700
"""The seconds for which an access token, an unused refresh token and a session are good."""

NEVER, SPENT, GONE = "revoked or unknown", "already used", "no longer exists"


@dataclass(eq=False)
class Session:
    """A session as its client remembers it."""

    person: SampleUser
    client: str
    ends: int
    expires: int
    refresh: str
    """The token that is good; after a lost answer, the one that was good before."""
    spent: list[str] = field(default_factory=list)
    answer_lost: bool = False
    ended: bool = False


@dataclass(eq=False)
class Token:
    """An access token. One without a session was made by `generate_jwt`."""

    text: str
    key: str
    person: SampleUser
    roles: tuple[str, ...]
    issued: int
    session: Session | None
    ended: bool = False


@dataclass(eq=False)
class Account:
    """A person as the user table has them."""

    password: str
    roles: tuple[str, ...]
    active: bool = True


@dataclass
class Model:
    """All that there is."""

    now: int
    accounts: dict[SampleUser, Account]
    removed: set[str] = field(default_factory=set)
    """Keys that are retired and gone."""
    sessions: list[Session] = field(default_factory=list)
    everybody_before: int = 0
    before: dict[SampleUser, int] = field(default_factory=dict)

    def begin(self, person: SampleUser, client: str, refresh: str) -> Session:
        ends = self.now + LIFETIME
        session = Session(person, client, ends, min(ends, self.now + IDLE), refresh)
        self.sessions.append(session)
        return session

    def renew(self, session: Session, refresh: str = "") -> None:
        """Note that a session was refreshed; without a token, that the answer with it was lost."""
        session.expires = min(session.ends, self.now + IDLE)
        session.answer_lost = not refresh
        if refresh:
            session.spent.append(session.refresh)
            session.refresh = refresh

    def alive(self) -> list[Session]:
        """Return the sessions that can be refreshed, if their users are still there."""
        return [session for session in self.sessions if not session.ended and self.now < session.expires]

    def is_retry(self, session: Session) -> bool:
        """Say whether a refresh now tries again for an answer that was lost, which is waited for."""
        return session.answer_lost and not session.ended and self.now < session.expires

    def refusal(self, session: Session, refresh: str, client: str) -> str | None:
        """Say why a refresh token must be refused now, `None` if it must not; a session may end by it."""
        if session.ended or client != session.client or self.now >= session.expires:
            return NEVER
        if refresh != session.refresh:
            session.ended = True
            return SPENT
        if not self.accounts[session.person].active:
            session.ended = True
            return GONE
        return None

    def code(self, token: Token) -> str:
        """Return the code with which the guard must refuse a token now, `""` if it must let it through."""
        if token.key in self.removed:
            return "invalid_token"
        if not self.is_young(token):
            return "expired_token"
        return "revoked_token" if self._is_revoked(token) else ""

    def is_young(self, token: Token) -> bool:
        """Say whether a token's own time has not run out."""
        return self.now < token.issued + ACCESS

    def _is_revoked(self, token: Token) -> bool:
        if token.issued < self.everybody_before:
            return True
        if token.session:
            return token.session.ended
        return token.ended or token.issued < self.before.get(token.person, 0)

    def end(self, token: Token) -> None:
        if token.session:
            token.session.ended = True
        else:
            token.ended = True

    def end_of(self, person: SampleUser) -> None:
        """End all that somebody has; tokens without a session tell their time in whole seconds."""
        self.before[person] = self.now + 1
        for session in self.sessions:
            session.ended |= session.person is person

    def end_of_everybody(self) -> None:
        self.everybody_before = self.now + 1
        for session in self.sessions:
            session.ended = True
