"""The sessions of the caller of a request, who lists and ends them."""

from typing import NamedTuple

from werkzeug.exceptions import NotFound

from config.http_error import HttpError
from config.text import casefold_name
from database.session_row import SessionRow
from services.caller import current_caller
from services.context import current_sessions
from services.identity import Identity
from services.sessions.errors import ENDED_BY_USER
from services.tokens.claims import Claims


class NoSuchSession(HttpError, NotFound):
    """No session of the caller has this id."""

    error_code = "no_such_session"
    message = "Session not found"


class OwnSession(NamedTuple):
    """A session of the caller."""

    row: SessionRow
    is_current: bool
    """Whether the access token of the request belongs to it."""


def own_sessions(claims: Claims) -> list[OwnSession]:
    """Return the newest sessions of the caller with these claims.

    Raises SessionsDisabled, SessionsUnavailable, and what `current_caller` raises.
    """
    sessions = current_sessions()
    caller = current_caller(claims)
    rows = sessions.of_user(caller["username"], caller["idp"])
    return [OwnSession(row, row.id == claims.get("sid")) for row in rows if _belongs_to(row, caller)]


def end_own_session(claims: Claims, session_id: str) -> None:
    """End a session of the caller with these claims. Raises NoSuchSession, and what `own_sessions` raises."""
    sessions = current_sessions()
    caller = current_caller(claims)
    row = sessions.find(session_id)
    if row is None or row.idp != caller["idp"] or not _belongs_to(row, caller):
        raise NoSuchSession
    sessions.end_because(row, ENDED_BY_USER)


def _belongs_to(row: SessionRow, caller: Identity) -> bool:
    """Return whether a session of the caller's provider is the caller's, not that of an earlier user of the name."""
    same_name = casefold_name(row.username) == casefold_name(caller["username"])
    return same_name and row.record_id in {None, caller.get("record_id")}
