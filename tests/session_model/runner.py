"""The system and the model side by side, and their comparison."""

from collections.abc import Mapping
from pathlib import Path

from tests.session_model.model import IN_PROGRESS, Account, Model, Session, Token
from tests.session_model.system import REPLICAS, START, System
from tests.support import login_clients
from tests.support.stores import CHEAPEST_HASHER
from tests.support.users import SAMPLE_USERS, SampleUser

USERS = SAMPLE_USERS[:2]
PASSWORD, OTHER_PASSWORD = "the first password of both users", "the other password of both users"
HASHES = {password: CHEAPEST_HASHER.hash(password) for password in (PASSWORD, OTHER_PASSWORD)}


class Runner:
    """Runs each action on the system and on the model."""

    def __init__(self, environ: Mapping[str, str], keys: Path) -> None:
        self.system = System(environ, keys)
        self.model = Model(START, {user: Account(PASSWORD, user.roles) for user in USERS})
        self.valid: list[Token] = []
        self.rejected: list[Token] = []
        for user in USERS:
            self.system.add_user(user, HASHES[PASSWORD])

    def compare(self) -> None:
        """Check the response to each valid token at each replica. A token that is rejected once stays rejected."""
        for replica in REPLICAS:
            self.compare_replica(replica)
        self.rejected += [token for token in self.valid if self.model.guard_error(token)]
        self.valid = [token for token in self.valid if not self.model.guard_error(token)]

    def compare_replica(self, replica: int) -> None:
        for token in self.valid:
            code = self.model.guard_error(token)
            assert self.system.call_guard(replica, token.text) == (code, () if code else token.roles)

    def compare_all_tokens(self) -> None:
        """Check rejected tokens, too."""
        self.valid, self.rejected = self.valid + self.rejected, []
        self.compare()

    def compare_at_the_end(self) -> None:
        """Check all tokens, and the refresh token of each session."""
        for session in self.model.sessions:
            self.present(session, session.refresh, 0, session.client_id)
        self.compare_all_tokens()

    def present(self, session: Session, refresh: str, replica: int, client_id: str) -> None:
        """Present a refresh token, and check the response."""
        reason = self.model.present(session, refresh, client_id)
        response = login_clients.refresh(self.system.client(replica), client_id, refresh)
        if reason:
            codes = login_clients.IN_PROGRESS_CODE if reason == IN_PROGRESS else login_clients.INVALID_TOKEN_CODE
            assert (response.code, reason in response.message) == (codes[client_id], True), response
            self.compare_after_revocation(replica)
        else:
            assert not response.code, response
            self.model.extend_session(session, response.refresh)
            self.add_token(response.access, session.user, session)

    def add_token(self, access: str, user: SampleUser, session: Session | None) -> None:
        roles = tuple(sorted(self.model.accounts[user].roles))
        self.valid.append(Token(access, self.system.key_of(access), user, roles, self.model.now, session))

    def advance(self, seconds: int) -> None:
        """Move the clock, and let the replicas check their keys."""
        self.model.now += seconds
        self.system.clock.move_to(self.model.now)
        self.system.age_rotations(seconds)
        self.system.reload_keys(*REPLICAS)

    def record_revocation(self, user: SampleUser) -> None:
        """Record that a command revoked a user's sessions, and let the replicas read the revocation."""
        self.model.revoke_user(user)
        self.system.refresh_revocations(*REPLICAS)

    def compare_after_revocation(self, replica: int) -> None:
        """Check that a replica applies its own revocation immediately, and let the other one read it."""
        self.compare_replica(replica)
        self.system.refresh_revocations(1 - replica)
