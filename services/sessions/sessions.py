"""Sessions: a login that can be kept alive and ended."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from time import monotonic

from config.service_settings import DatabaseSettings, RevocationSettings, SessionSettings
from config.text import casefold_name
from database.engine import open_engine
from database.errors import DatabaseUnavailable
from database.session_table import SessionRow, SessionTable
from services.chain import Chain, Identity
from services.sessions.errors import InvalidRefreshToken, SessionsUnavailable
from services.sessions.refresh_tokens import RefreshToken
from services.sessions.revocations import Revocations
from services.tokens.claims import Claims
from services.tokens.grant import Grant, grant_without_session
from services.tokens.issuer import TokenIssuer

log = logging.getLogger(__name__)

LOST = 2.0  # seconds after which an answer that has not left never will
_LOOK_AGAIN = 0.05  # seconds
_ROUNDING = timedelta(seconds=10)

NEVER = "it is expired, ended, or none of ours"
SPENT = "it was used before, and its session is ended"
GONE = "its user is gone or disabled"
UNASKED = "its user cannot be asked for any more"


@dataclass(frozen=True)
class SessionStore:
    """Where sessions and revocations are kept, and for how long."""

    table: SessionTable
    revocations: Revocations
    idle: timedelta
    lifetime: timedelta

    def sessions(self, chain: Chain, issuer: TokenIssuer) -> "Sessions":
        """Return the sessions of whom this chain knows, with the tokens of this issuer."""
        return Sessions(chain, issuer, self)


def open_session_store(
    database: DatabaseSettings, sessions: SessionSettings, revocations: RevocationSettings
) -> SessionStore:
    """Return the store in the database. Raises ConfigurationError if DATABASE_URL cannot be used."""
    table = SessionTable(open_engine(database))
    return SessionStore(
        table,
        Revocations(table.revocations_after, revocations.staleness_seconds),
        idle=timedelta(minutes=sessions.idle_minutes),
        lifetime=timedelta(minutes=sessions.lifetime_minutes),
    )


class Sessions:
    """The sessions of one application. Thread-safe; all but `open` raise SessionsUnavailable."""

    def __init__(self, chain: Chain, issuer: TokenIssuer, store: SessionStore) -> None:
        self._chain = chain
        self._issuer = issuer
        self._table = store.table
        self._revocations = store.revocations
        self._idle = store.idle
        self._lifetime = store.lifetime

    def refresh_revocations(self) -> None:
        """Take note at once of what others have ended, rather than within a second."""
        with _raising_unavailable():
            self._revocations.refresh()

    def last_revocation_id(self) -> int | None:
        """Return the id of the newest revocation, which `open` needs from before the login.

        `None` if the database is unavailable.
        """
        return None if self._revocations.is_unavailable else self._revocations.last_id

    def open(self, user: Identity, client_id: str, begun: int | None) -> Grant | None:
        """Begin a session for a user who has logged in; returns its first tokens.

        `None` if all that the user had was ended since the login had `begun`: they have to be asked for again.
        It is an access token alone where the provider cannot be asked again, and while the database is out: who
        they are is known, and a way in for bad days must not need it.
        """
        if begun is not None and self._chain.finds(user["idp"]):
            try:
                return self._open(user, client_id, begun)
            except DatabaseUnavailable as error:
                log.warning("login without a session: %s", error)
        return grant_without_session(self._issuer, user, client_id)

    def refresh(self, token: str, client_id: str) -> Grant:
        """Exchange a refresh token, which is spent by it; the user is as their provider has them now.

        Raises InvalidRefreshToken if it gives nothing, and ProviderUnavailable, with nothing spent, if the
        provider cannot be asked. A token that was spent before ends its session (RFC 9700 §4.14.2), unless
        the answer with its successor never left: then it is a client that tries again.
        """
        presented = RefreshToken.parse(token)
        if presented is None:
            raise InvalidRefreshToken(NEVER)
        if self._revocations.is_unavailable:
            raise SessionsUnavailable("the database has not answered for a while")
        while True:
            row = self._usable(presented, client_id)
            user = self._asked_again(row)
            successor, now = RefreshToken.new(presented.name), datetime.now(UTC)
            until = min(row.ends_at, now + self._idle)
            access_until = max(row.access_until, self._access_until(now))
            # Made before it is sure that it is needed: whatever ends the session from now on ends it too.
            access_token = self._access_token(user, row)
            with _raising_unavailable():
                won = self._table.rotate(row, presented.hash, successor.hash, until, access_until)
            if won:
                delivered = partial(self._mark_delivered, successor)
                return Grant(access_token, self._issuer.lifetime(), successor.text, delivered)

    def end(self, claims: Claims) -> None:
        """End the session of an access token, with all its tokens; or the token alone, if it has none."""
        with _raising_unavailable():
            self._table.revoke_tokens(claims.get("sid") or claims["jti"], _date(claims["exp"]))
        self.refresh_revocations()
        log.info("session of %a from %s ended by its user", claims["sub"], claims.get("idp"))

    def end_by_refresh_token(self, token: str, client_id: str) -> bool:
        """End the session of a refresh token; says whether it is this client's, or nobody's."""
        presented = RefreshToken.parse(token)
        with _raising_unavailable():
            row = self._table.find(presented.session_id) if presented else None
        if row is None:
            return True
        if row.client_id != client_id:
            return False
        self._end(row.id)
        log.info("session of %a from %s ended by its user", row.username, row.idp)
        return True

    def _open(self, user: Identity, client_id: str, begun: int) -> Grant | None:
        token, now = RefreshToken.new(), datetime.now(UTC)
        row = SessionRow(
            id=token.session_id,
            token_hash=token.hash,
            spent_hash=None,
            delivered=True,
            client_id=client_id,
            idp=user["idp"],
            username=user["username"],
            username_folded=casefold_name(user["username"]),
            ends_at=now + self._lifetime,
            expires_at=now + min(self._idle, self._lifetime),
            access_until=self._access_until(now),
        )
        grant = Grant(self._access_token(user, row), self._issuer.lifetime(), token.text)
        if self._table.open(row, begun):
            return grant
        self._revocations.refresh()
        return None

    def _usable(self, presented: RefreshToken, client_id: str) -> SessionRow:
        """Return the session for which this token is good now. Waits while an answer may be on its way."""
        seen, since = None, 0.0
        while True:
            with _raising_unavailable():
                row = self._table.find(presented.session_id)
            if row is None or row.client_id != client_id or row.expires_at <= datetime.now(UTC):
                raise InvalidRefreshToken(NEVER)
            if row.token_hash == presented.hash:
                return row
            if row.spent_hash != presented.hash or row.delivered:
                self._end(row.id)
                log.warning("refresh token reused: the session of %a from %s is ended", row.username, row.idp)
                raise InvalidRefreshToken(SPENT)
            if row.token_hash != seen:
                seen, since = row.token_hash, monotonic()
            elif monotonic() - since > LOST:
                return row
            time.sleep(_LOOK_AGAIN)

    def _asked_again(self, row: SessionRow) -> Identity:
        """Return the user of a session as they are now; InvalidRefreshToken if they are gone."""
        if not self._chain.finds(row.idp):
            log.warning("no refresh: AUTH_PROVIDER has no %a now, which knows the user", row.idp)
            raise InvalidRefreshToken(UNASKED)
        user = self._chain.find(row.idp, row.username)
        if user is None:
            self._end(row.id)
            log.info("session ended: its user is gone from %s, or disabled", row.idp)
            raise InvalidRefreshToken(GONE)
        return user

    def _end(self, session_id: str) -> None:
        with _raising_unavailable():
            self._table.end(session_id)
        self.refresh_revocations()

    def _access_token(self, user: Identity, row: SessionRow) -> str:
        return self._issuer.generate({**user, "client_id": row.client_id, "sid": row.id})

    def _mark_delivered(self, token: RefreshToken) -> None:
        try:
            self._table.mark_delivered(token.session_id, token.hash)
        except DatabaseUnavailable as error:
            log.warning("an answer has left, which could not be noted: %s", error)

    def _access_until(self, now: datetime) -> datetime:
        return now + timedelta(seconds=self._issuer.lifetime()) + _ROUNDING


def _date(numeric: float) -> datetime:
    try:
        return datetime.fromtimestamp(numeric, UTC)
    except (ValueError, OverflowError):  # after the year 9999
        return datetime.max.replace(tzinfo=UTC)


@contextmanager
def _raising_unavailable() -> Iterator[None]:
    try:
        yield
    except DatabaseUnavailable as error:
        raise SessionsUnavailable(str(error)) from error
