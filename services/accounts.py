"""The user table for callers of the HTTP API: administrators edit users, users change their own passwords."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

from werkzeug.exceptions import NotFound

from config.clients import FIRST_PARTY_CLIENT_ID
from config.http_error import HttpError
from config.service_settings import USER_TABLE_PROVIDER
from config.text import casefold_name, normalize_password
from database.errors import UserChanged, UserExists
from passwords.hashing import hash_password
from passwords.policy import WeakPassword
from providers.interface import DISABLED, UNKNOWN_USER, Denied
from providers.stored_users import verify_login
from services.administrators import caller_name, current_administrator
from services.context import current_client_address, current_login_origin, current_services, current_sessions
from services.operations import PASSWORD_CHANGE, recorded
from services.sessions.errors import SessionsUnavailable
from services.tokens.claims import Claims
from services.tokens.grant import Grant

if TYPE_CHECKING:
    from database.user_editor import UserEditor
    from database.user_row import UserRow
    from services.throttle.login_throttle import Attempt


class NoUserTable(HttpError, NotFound):
    """The service has no user table, or the user is not in it."""

    error_code = "users_elsewhere"
    message = "These users are not managed by this service"


class AccountEditor:
    """Edits the user table, and then refreshes the revocation list, so that revocations apply here immediately.

    A username or email that the user gets must not be a username in another provider of the chain: the user would
    become that provider's user, or get their logins. Thread-safe. Each method raises what the method of UserEditor
    raises, UserExists for such a name, and ProviderUnavailable if a provider that may have it is unavailable.
    """

    def __init__(self, editor: "UserEditor") -> None:
        self._editor = editor
        self.users = editor.users
        """The users, for reading."""

    def add(
        self, username: str, email: str | None, password_hash: str, role_names: Iterable[str], active: bool
    ) -> "UserRow":
        """Add a user with these roles."""
        _require_free_elsewhere(username, email)
        return self._editor.add(username, email, password_hash, role_names, active)

    def change(self, seen: "UserRow", edit: "Callable[[UserRow], UserRow]", version: str | None) -> "UserRow":
        """Replace the user, who has just been read as `seen`, with the result of `edit`; see UserEditor.change."""
        # Not in the transaction, which would lock the user table while a provider is asked.
        _require_free_elsewhere(*_new_names(seen, edit(seen)))
        row = self._editor.change(seen.id, edit, version)
        refresh_revocations()
        return row

    def set_password(self, user_id: int, password_hash: str, version: str | None) -> "UserRow":
        """Store a new password hash, and end the user's sessions."""
        row = self._editor.set_password(user_id, password_hash, version)
        refresh_revocations()
        return row

    def reset_password(self, seen: "UserRow", code_hash: str, password_hash: str) -> None:
        """Store a new password hash, use up the code with this hash, and end the user's sessions."""
        self._editor.reset_password(seen, code_hash, password_hash)
        refresh_revocations()

    def change_password(self, seen: "UserRow", password_hash: str) -> int:
        """Store a new password hash if the user's hash is still that of `seen`, and end the user's sessions.

        Return the id of the revocation.
        """
        revocation_id = self._editor.change_password(seen, password_hash)
        refresh_revocations()
        return revocation_id


def admin_editor(claims: Claims) -> AccountEditor:
    """Return an editor for the caller with these claims, who must be an administrator now.

    An administrator can grant the roles that they have themselves, and those of ADMIN_GRANTABLE_ROLES. Raises
    NoUserTable, and what `current_administrator` raises.
    """
    user_editor = require_user_editor()
    return AccountEditor(user_editor(*current_administrator(claims)))


def require_user_editor() -> "Callable[[str, frozenset[str] | None], UserEditor]":
    """Return `Services.user_editor`. Raises NoUserTable if it is `None`."""
    user_editor = current_services().user_editor
    if user_editor is None:
        raise NoUserTable
    return user_editor


def _require_free_elsewhere(*names: str | None) -> None:
    """Raise UserExists if one of these names is a username in another provider of the chain."""
    chain = current_services().chain
    if any(name and chain.has_username(name, except_idp=USER_TABLE_PROVIDER) for name in names):
        raise UserExists


def _new_names(seen: "UserRow", wanted: "UserRow") -> Iterator[str]:
    """Yield the username and the email that an edit changes, except in their case."""
    for old, new in ((seen.username, wanted.username), (seen.email, wanted.email)):
        if new and casefold_name(new) != casefold_name(old or ""):
            yield new


def new_hash(password: str, *names: str | None) -> str:
    """Return the hash of a new password for the user with these names. Raises WeakPassword and Overloaded."""
    return hash_password(current_services().password_policy.validate(password, *names))


def change_password(claims: Claims, old: str, new: str) -> Grant | None:
    """Change the password of the caller with these claims, end all their sessions, and return a grant of a new one.

    The caller's own session ends, too, because its tokens may be the stolen ones. Return `None` if `old` is not their
    password, or if they have been disabled meanwhile. Raises Throttled, as a login with their username does,
    NoUserTable, WeakPassword, Overloaded and DatabaseUnavailable; ProviderUnavailable and SessionsUnavailable, after
    which the password may have been changed. Writes the event of the password change.
    """
    if claims.get("idp") != USER_TABLE_PROVIDER:
        raise NoUserTable
    editor = AccountEditor(require_user_editor()(caller_name(USER_TABLE_PROVIDER, claims["sub"]), None))
    members = {"account": claims["sub"], "provider": claims.get("idp"), "client": claims.get("client_id")}
    with recorded(PASSWORD_CHANGE, **members) as result:
        answer = _change_own_password(editor, claims, old, new)
        if isinstance(answer, Denied):
            result.denial = answer.reason
            return None
        result.of_grant(answer)
        return answer


def _change_own_password(editor: AccountEditor, claims: Claims, old: str, new: str) -> Grant | Denied:
    attempt = current_services().throttle.begin(claims["sub"], current_client_address())
    with current_services().chain.logins:
        try:
            return _change_password(editor, attempt, claims, old, new)
        except UserChanged:  # a concurrent login may have upgraded the hash of the same password
            return _change_password(editor, attempt, claims, old, new)


def _change_password(editor: AccountEditor, attempt: "Attempt", claims: Claims, old: str, new: str) -> Grant | Denied:
    row = editor.users.find(claims["sub"])
    user = attempt.settle(verify_login([row] if row else [], _normalize(old)))
    if isinstance(user, Denied):
        return user
    if row is None:
        return Denied(UNKNOWN_USER)
    if _normalize(new) == _normalize(old):
        raise WeakPassword("must differ from the current password")
    revocation_id = editor.change_password(row, new_hash(new, row.username, row.email))
    return _open_session(row.username, claims.get("client_id", FIRST_PARTY_CLIENT_ID), revocation_id)


def _open_session(username: str, client_id: str, revocation_id: int) -> Grant | Denied:
    """Return a grant for a user of the user table, or a denial if they are disabled.

    Raises SessionsUnavailable if there is a revocation after `revocation_id`: the caller may not know the password.
    """
    user = current_services().chain.find(USER_TABLE_PROVIDER, username)
    if user is None:
        return Denied(DISABLED)
    grant = current_sessions().open(user, client_id, revocation_id, current_login_origin())
    if grant is None:
        raise SessionsUnavailable("the user's sessions were revoked after the password change")
    return grant


def _normalize(password: str) -> str:
    """Return the password in the form that is hashed; if it is malformed, an empty text, which no user can log in with.

    A malformed password is then denied like a wrong one, and takes as long.
    """
    try:
        return normalize_password(password)
    except ValueError:
        return ""


def refresh_revocations() -> None:
    """Apply the revocations of a change that is stored. If the database fails now, they apply after the next read."""
    sessions = current_services().sessions
    if sessions:
        with suppress(SessionsUnavailable):
            sessions.refresh_revocations()
