"""The user table, for those who tend it over HTTP: an admin, and everybody their own password."""

import logging
from contextlib import suppress
from typing import TYPE_CHECKING

from config.text import normalize_password
from database.errors import UserChanged
from passwords.hashing import hash_password
from passwords.policy import WeakPassword
from providers.interface import UNKNOWN_USER
from providers.stored_users import judge
from services.context import current_services
from services.sessions.errors import SessionsUnavailable
from services.tokens.claims import Claims

if TYPE_CHECKING:
    from database.user_editor import UserEditor

log = logging.getLogger(__name__)

IDP = "database"
"""The provider whose users are in the table."""


class NoUserTable(Exception):
    """There is no user table here, or this user is not in it."""


def editor_for(claims: Claims) -> "UserEditor":
    """Return the user table in the hands of whoever has these claims; UsersElsewhere if there is none."""
    users = current_services().user_editor
    if users is None:
        raise NoUserTable
    return users(f"{claims.get('idp', 'token')}:{claims['sub']}")


def new_hash(password: str, *names: str | None) -> str:
    """Return the hash of a new password for a user of these names. Raises WeakPassword and Overloaded."""
    return hash_password(current_services().password_policy.validate(password, *names))


def change_password(claims: Claims, old: str, new: str) -> bool:
    """Give whoever has these claims a new password, if `old` is theirs; their other sessions end.

    Says whether it was. Raises UsersElsewhere, WeakPassword, Overloaded and DatabaseUnavailable.
    """
    editor = editor_for(claims)
    if claims.get("idp") != IDP:
        raise NoUserTable
    try:
        return _change(editor, claims, old, new)
    except UserChanged:  # perhaps by a login, which has replaced a weaker hash of the same password
        return _change(editor, claims, old, new)


def _change(editor: "UserEditor", claims: Claims, old: str, new: str) -> bool:
    row = editor.find(claims["sub"])
    proven = judge([row] if row else [], _gated(old))
    if row is None or not proven:
        log.info("password change refused: %s", getattr(proven, "reason", UNKNOWN_USER))
        return False
    if _gated(new) == _gated(old):
        raise WeakPassword("it is the one that you have")
    hashed = new_hash(new, row.username, row.email)
    editor.change_password(row, hashed, claims.get("sid"))
    sessions_have_ended()
    return True


def _gated(password: str) -> str:
    """Return the password as it was hashed, or one that is nobody's."""
    try:
        return normalize_password(password)
    except ValueError:
        return ""


def sessions_have_ended() -> None:
    """Take note at once of sessions that a change has ended. Without it that takes a second."""
    sessions = current_services().sessions
    if sessions:
        with suppress(SessionsUnavailable):
            sessions.refresh_revocations()
