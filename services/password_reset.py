"""A user who has a one-time code from an operator sets a new password."""

import hmac
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from config.service_settings import USER_TABLE_PROVIDER
from config.text import normalize_name
from database.errors import UserChanged
from passwords.reset_codes import hash_code
from providers.interface import DISABLED, UNKNOWN_USER, Denied, User
from services.accounts import AccountEditor, new_hash, require_user_editor
from services.administrators import caller_name
from services.context import current_client_address, current_services
from services.operations import PASSWORD_RESET, recorded

if TYPE_CHECKING:  # it imports SQLAlchemy
    from database.user_row import PasswordReset

WRONG_CODE = "wrong_code"
EXPIRED_CODE = "expired_code"


def reset_password(login: str, code: str, new: str) -> bool:
    """Set a new password for the user with this login and this code, and end their sessions.

    Return False if the code is not theirs, has expired or was used, or if they are disabled. Raises Throttled as a
    login does, NoUserTable, WeakPassword, after which the code is still valid, Overloaded and DatabaseUnavailable.
    Writes the event of the reset.
    """
    create_editor = require_user_editor()
    name = _normalize(login)
    with recorded(PASSWORD_RESET, login=login) as result:
        attempt = current_services().throttle.begin(name, current_client_address())
        reset = AccountEditor(create_editor("", None)).users.reset_of(name or "")
        code_hash = hash_code(code)
        answer = attempt.settle(_verify(reset, code_hash))
        if isinstance(answer, Denied) or reset is None:
            result.denial = answer.reason if isinstance(answer, Denied) else UNKNOWN_USER
            return False
        row = reset.user
        result.of_user(row.username, USER_TABLE_PROVIDER)
        editor = AccountEditor(create_editor(caller_name(USER_TABLE_PROVIDER, row.username), None))
        try:
            editor.reset_password(row, code_hash, new_hash(new, row.username, row.email))
        except UserChanged:  # a concurrent request has used the code
            result.denial = WRONG_CODE
            return False
        return True


def _verify(reset: "PasswordReset | None", code_hash: str) -> User | Denied:
    if reset is None:
        return Denied(UNKNOWN_USER)
    row = reset.user
    expires_at = reset.expires_at or datetime.min.replace(tzinfo=UTC)
    if not hmac.compare_digest(reset.code_hash or "", code_hash):
        return Denied(WRONG_CODE, row.username)
    if expires_at <= datetime.now(UTC):
        return Denied(EXPIRED_CODE, row.username)
    if not row.active:
        return Denied(DISABLED, row.username)
    return User(username=row.username, email=row.email, roles=[*row.roles])


def _normalize(login: str) -> str | None:
    try:
        return normalize_name(login)
    except ValueError:
        return None
