"""Sessions: a login starts one, refresh tokens extend it, and a logout or an administrator ends it."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

from audit.events import Event, write_event
from audit.operation import note, timed
from config.errors import translate_errors
from config.outage_log import OutageLog
from config.text import casefold_name
from database.errors import DatabaseUnavailable
from database.session_row import UNKNOWN_ORIGIN, LoginOrigin, SessionRow
from services.chain import Chain
from services.identity import Identity
from services.operations import REFRESH, recorded
from services.sessions.errors import (
    INVALID,
    PASSWORD_CHANGED,
    PROVIDER_GONE,
    REUSED,
    USER_GONE,
    USER_REPLACED,
    InvalidRefreshToken,
    RefreshInProgress,
    SessionsUnavailable,
)
from services.sessions.refresh_tokens import RefreshToken
from services.sessions.store import SessionStore
from services.tokens.claims import Claims
from services.tokens.grant import Grant, grant_without_session, issue_token
from services.tokens.issuer import IssuedToken, TokenIssuer

log = logging.getLogger(__name__)

# A response that the server has not sent within this time is lost. Within it, a second tab can read the new token.
LOST_RESPONSE_TIMEOUT = timedelta(seconds=2)
_EXPIRY_MARGIN = timedelta(seconds=10)  # since times in tokens are rounded, and clocks of replicas differ


class Sessions:
    """The sessions of one application. Thread-safe."""

    def __init__(self, chain: Chain, issuer: TokenIssuer, store: SessionStore) -> None:
        self._chain = chain
        self._issuer = issuer
        self._table = store.table
        self.revocations = store.revocations
        self._idle_timeout = store.idle_timeout
        self._lifetime = store.lifetime
        self._outages = OutageLog(log)

    def refresh_revocations(self) -> None:
        """Read the newest revocations immediately, instead of within a second. Raises SessionsUnavailable."""
        with _translated_errors():
            self.revocations.refresh()

    def last_revocation_id(self) -> int | None:
        """Return the id of the newest revocation, `None` if the database is unavailable."""
        return None if self.revocations.is_unavailable else self.revocations.last_id

    def open(
        self, user: Identity, client_id: str, last_revocation_id: int | None, origin: LoginOrigin = UNKNOWN_ORIGIN
    ) -> Grant | None:
        """Start a session for a user who has logged in at `origin`, and return its first tokens.

        `last_revocation_id` was read before the credentials were verified; `None` if the database was unavailable.
        Return `None` if a later revocation ended all of the user's sessions: the credentials must be verified again.
        The grant has no session if the user's provider cannot look users up, or if the database is unavailable, so
        that logins do not depend on the database of sessions.
        """
        if last_revocation_id is not None and self._chain.supports_find(user["idp"]):
            try:
                return self._open(user, client_id, last_revocation_id, origin)
            except DatabaseUnavailable as error:
                self._outages.warning("login without a session: %s", error)
        return grant_without_session(self._issuer, user, client_id)

    def refresh(self, token: str, client_id: str) -> Grant:
        """Exchange a refresh token, which is single-use, for new tokens with the user's current roles.

        If the token was used before, its session ends (RFC 9700 §4.14.2), except if the response with its successor
        was not sent: then the request is a retry. Raises InvalidRefreshToken; RefreshInProgress; and
        SessionsUnavailable and ProviderUnavailable, after which the token is still valid. Writes the event of the
        refresh.
        """
        with recorded(REFRESH, client=client_id) as result:
            grant = self._refresh(token, client_id)
            result.of_grant(grant)
            return grant

    def _refresh(self, token: str, client_id: str) -> Grant:
        presented = RefreshToken.parse(token)
        if presented is None:
            raise InvalidRefreshToken(INVALID)
        self._require_responding_database()
        row, user = self._require_session_and_user(presented, client_id)
        # The access token is generated before the exchange: if the session ends later, it is revoked too.
        grant = self._exchange(presented, row, self._access_token(user, row))
        if grant is None:  # no reuse: the token was valid when it arrived
            self._require_unexpired(presented, client_id)
            raise RefreshInProgress
        return grant

    def end(self, claims: Claims) -> None:
        """End the session of an access token, or revoke the token if it belongs to no session.

        Raises SessionsUnavailable.
        """
        with _translated_errors():
            self._table.revoke_tokens(claims.get("sid") or claims["jti"], datetime.fromtimestamp(claims["exp"], UTC))
        self.refresh_revocations()
        ids = {"jti": claims["jti"], "sid": claims.get("sid"), "client": claims.get("client_id")}
        write_event(Event.LOGOUT, account=claims["sub"], provider=claims.get("idp"), **ids)

    def end_by_refresh_token(self, token: str, client_id: str) -> bool:
        """End the session of a refresh token; return False if the session belongs to another client.

        Ignore the token if its session does not exist. Raises SessionsUnavailable.
        """
        presented = RefreshToken.parse(token)
        if presented is None:
            return True
        self._require_responding_database()
        row = self.find(presented.session_id)
        if row is None:
            return True
        if row.client_id != client_id:
            return False
        self._end(row.id)
        write_event(Event.LOGOUT, **row.event_members())
        return True

    def of_user(self, username: str, idp: str) -> list[SessionRow]:
        """Return the newest sessions of a user of this provider. Raises SessionsUnavailable."""
        with _translated_errors():
            return self._table.of_user(username, idp)

    def find(self, session_id: str) -> SessionRow | None:
        """Return the session with this id; `None` if it has ended. Raises SessionsUnavailable."""
        with _translated_errors():
            return self._table.find(session_id)

    def user_of(self, session_id: str) -> Identity:
        """Return the current user of a session. Raises InvalidRefreshToken if the session or its user is gone.

        Raises SessionsUnavailable and ProviderUnavailable.
        """
        while True:
            row = self.find(session_id)
            if row is None:
                raise InvalidRefreshToken(INVALID)
            if user := self._require_user(row):
                return user

    def _open(self, user: Identity, client_id: str, last_revocation_id: int, origin: LoginOrigin) -> Grant | None:
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
            expires_at=now + min(self._idle_timeout, self._lifetime),
            access_until=self._access_until(now),
            record_id=user.get("record_id"),
            credential_stamp=user.get("credential_stamp"),
            opened_at=now,
            **origin._asdict(),
        )
        grant = Grant(self._access_token(user, row), self._issuer.lifetime_seconds(), token.text)
        with timed("store"):
            opened = self._table.open(row, last_revocation_id)
        if opened:
            return grant
        self.revocations.refresh()
        return None

    def _require_session_and_user(self, presented: RefreshToken, client_id: str) -> tuple[SessionRow, Identity]:
        """Return the session of this token, bound to its current user, and the user. Raises as `refresh` does."""
        while True:
            row = self._require_session(presented, client_id)
            if user := self._require_user(row):  # otherwise the session has changed since it was read
                if None in (row.record_id, row.credential_stamp):
                    row = replace(row, record_id=user.get("record_id"), credential_stamp=user.get("credential_stamp"))
                return row, user

    def _require_session(self, presented: RefreshToken, client_id: str) -> SessionRow:
        """Return the session whose token this is: the valid one, or the one before it if the response was lost.

        Raises InvalidRefreshToken, and RefreshInProgress.
        """
        row = self._require_unexpired(presented, client_id)
        if row.token_hash == presented.hash:
            return row
        if row.spent_hash == presented.hash:
            if row.was_rotated_within(LOST_RESPONSE_TIMEOUT):
                raise RefreshInProgress
            if not row.delivered:
                return row
        self._end(row.id)
        raise InvalidRefreshToken(REUSED)

    def _require_unexpired(self, presented: RefreshToken, client_id: str) -> SessionRow:
        row = self.find(presented.session_id)
        if row is None or row.client_id != client_id or row.expires_at <= datetime.now(UTC):
            raise InvalidRefreshToken(INVALID)
        note(**row.event_members())
        return row

    def _require_responding_database(self) -> None:
        """Raise SessionsUnavailable, instead of waiting, if the database does not respond.

        Clients that need not log in would otherwise occupy all threads of the server.
        """
        if self.revocations.is_unavailable:
            raise SessionsUnavailable("the database has not responded for several seconds")

    def _require_user(self, row: SessionRow) -> Identity | None:
        """Return the current user of a session; `None` if the session has changed since `row` was read.

        Raises InvalidRefreshToken if there is no such user, or if it is another person or has another password.
        """
        if not self._chain.supports_find(row.idp):
            raise InvalidRefreshToken(PROVIDER_GONE)
        user = self._chain.find(row.idp, row.username)
        if user is None:
            self.end_because(row, USER_GONE)
            raise InvalidRefreshToken(USER_GONE)
        if reason := _mismatch_reason(row, user):
            self._end_session_of_another_user(row, reason)
            return None
        return user

    def _end_session_of_another_user(self, row: SessionRow, reason: str) -> None:
        """End the session and raise InvalidRefreshToken, unless the session has changed since `row` was read.

        A login that upgrades the user's hash changes the stamps of the user's sessions, and ends none.
        """
        with _translated_errors():
            ended = self._table.end_unless_changed(row)
        if ended:
            self.refresh_revocations()
            write_event(Event.SESSION_ENDED, reason=reason, **row.event_members())
            raise InvalidRefreshToken(reason)

    def _exchange(self, presented: RefreshToken, row: SessionRow, access_token: IssuedToken) -> Grant | None:
        """Replace the refresh token of a session; return `None` if the session has changed since `row` was read."""
        successor, now = RefreshToken.new(presented.name), datetime.now(UTC)
        until = min(row.ends_at, now + self._idle_timeout)
        access_until = max(row.access_until, self._access_until(now))
        with _translated_errors():
            if not self._table.rotate(row, presented.hash, successor.hash, until, access_until):
                return None
        mark_delivered = partial(self._mark_delivered, successor)
        return Grant(access_token, self._issuer.lifetime_seconds(), successor.text, mark_delivered)

    def end_because(self, row: SessionRow, reason: str) -> None:
        """End a session, and write the reason to the log. Raises SessionsUnavailable."""
        self._end(row.id)
        write_event(Event.SESSION_ENDED, reason=reason, **row.event_members())

    def _end(self, session_id: str) -> None:
        with _translated_errors():
            self._table.end(session_id)
        self.refresh_revocations()

    def _access_token(self, user: Identity, row: SessionRow) -> IssuedToken:
        return issue_token(self._issuer, {**user, "client_id": row.client_id, "sid": row.id})

    def _mark_delivered(self, token: RefreshToken) -> None:
        try:
            self._table.mark_delivered(token.session_id, token.hash)
        except DatabaseUnavailable as error:
            self._outages.warning("a response was sent, but could not be marked as delivered: %s", error)

    def _access_until(self, now: datetime) -> datetime:
        return now + timedelta(seconds=self._issuer.lifetime_seconds()) + _EXPIRY_MARGIN


def _mismatch_reason(row: SessionRow, user: Identity) -> str | None:
    """Return why the session is not that of this user; `None` if it is."""
    if row.record_id not in {None, user.get("record_id")}:
        return USER_REPLACED
    return None if row.credential_stamp in {None, user.get("credential_stamp")} else PASSWORD_CHANGED


@contextmanager
def _translated_errors() -> Iterator[None]:
    with timed("store"), translate_errors(DatabaseUnavailable, to=lambda error: SessionsUnavailable(str(error))):
        yield
