"""The model: the rules of sessions and access tokens, in the simplest form."""

from dataclasses import dataclass, field

from tests.support.users import SampleUser

ACCESS_LIFETIME, IDLE_TIMEOUT, SESSION_LIFETIME = 300, 1800, 2700
"""Seconds until an access token, an unused refresh token and a session expire."""
LOST_RESPONSE_TIMEOUT = 200
"""Seconds until a response that was not read is lost. The database's own clock adds the duration of the test."""

IN_PROGRESS = "just exchanged"
INVALID, REUSED, USER_GONE = "expired, revoked or unknown", "already used", "no longer exists or is disabled"
PASSWORD_CHANGED = "password was changed"
"""Parts of the messages with which a refresh token is rejected."""


@dataclass(eq=False)
class Session:
    """A session as its client remembers it."""

    user: SampleUser
    client_id: str
    ends: int
    expires: int
    password_changes: int
    """How often the user's password had changed at the login."""
    refresh: str
    """The newest refresh token that the client has; after a lost response, the one that the client has sent."""
    used: list[str] = field(default_factory=list)
    rotated: int | None = None
    """When the service issued its newest refresh token; `None` at the login."""
    is_response_lost: bool = False
    is_ended: bool = False

    @property
    def spent(self) -> str | None:
        """The token that was exchanged for the newest one, which the client does not have after a lost response."""
        if self.is_response_lost:
            return self.refresh
        return self.used[-1] if self.used else None


@dataclass(eq=False)
class Token:
    """An access token. `generate_jwt` has made those without a session."""

    text: str
    key_id: str
    user: SampleUser
    roles: tuple[str, ...]
    issued: int
    session: Session | None
    is_revoked: bool = False


@dataclass(eq=False)
class Account:
    """A row of the user table."""

    password: str
    roles: tuple[str, ...]
    is_active: bool = True
    password_changes: int = 0


@dataclass
class Model:
    """The state of the whole system."""

    now: int
    accounts: dict[SampleUser, Account]
    removed_keys: set[str] = field(default_factory=set)
    sessions: list[Session] = field(default_factory=list)
    all_revoked_before: int = 0
    users_revoked_before: dict[SampleUser, int] = field(default_factory=dict)

    def start_session(self, user: SampleUser, client_id: str, refresh: str) -> Session:
        ends = self.now + SESSION_LIFETIME
        changes = self.accounts[user].password_changes
        session = Session(user, client_id, ends, min(ends, self.now + IDLE_TIMEOUT), changes, refresh)
        self.sessions.append(session)
        return session

    def extend_session(self, session: Session, refresh: str = "") -> None:
        """Record a refresh. Without a refresh token, its response was lost."""
        session.expires = min(session.ends, self.now + IDLE_TIMEOUT)
        session.rotated = self.now
        session.is_response_lost = not refresh
        if refresh:
            session.used.append(session.refresh)
            session.refresh = refresh

    def open_sessions(self) -> list[Session]:
        """Return the sessions that can be refreshed if their users are active."""
        return [session for session in self.sessions if not session.is_ended and self.now < session.expires]

    def is_in_progress(self, session: Session, refresh: str) -> bool:
        """Return whether a refresh token was exchanged so recently that the response may not have arrived."""
        is_recent = session.rotated is not None and self.now - session.rotated < LOST_RESPONSE_TIMEOUT
        return is_recent and refresh == session.spent

    def present(self, session: Session, refresh: str, client_id: str) -> str | None:
        """Return why a refresh token must be rejected now, `None` if it must be accepted. This may end the session."""
        if session.is_ended or client_id != session.client_id or self.now >= session.expires:
            return INVALID
        if self.is_in_progress(session, refresh):
            return IN_PROGRESS
        if refresh != session.refresh:
            session.is_ended = True
            return REUSED
        if reason := self.user_error(session):
            session.is_ended = True
        return reason

    def user_error(self, session: Session) -> str | None:
        """Return why the user of a session cannot refresh it, `None` if they can."""
        account = self.accounts[session.user]
        if not account.is_active:
            return USER_GONE
        return None if account.password_changes == session.password_changes else PASSWORD_CHANGED

    def guard_error(self, token: Token) -> str:
        """Return the code with which the guard must reject a token now, an empty string if it must accept it."""
        if token.key_id in self.removed_keys:
            return "invalid_token"
        if self.is_expired(token):
            return "expired_token"
        return "revoked_token" if self._is_revoked(token) else ""

    def is_expired(self, token: Token) -> bool:
        return self.now >= token.issued + ACCESS_LIFETIME

    def _is_revoked(self, token: Token) -> bool:
        if token.issued < self.all_revoked_before:
            return True
        if token.session:
            return token.session.is_ended
        return token.is_revoked or token.issued < self.users_revoked_before.get(token.user, 0)

    def log_out(self, token: Token) -> None:
        if token.session:
            token.session.is_ended = True
        else:
            token.is_revoked = True

    def revoke_user(self, user: SampleUser) -> None:
        """End the user's sessions, and revoke tokens without a session, whose times are whole seconds."""
        self.users_revoked_before[user] = self.now + 1
        for session in self.sessions:
            session.is_ended |= session.user is user

    def revoke_all(self) -> None:
        self.all_revoked_before = self.now + 1
        for session in self.sessions:
            session.is_ended = True
