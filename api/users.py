"""`/api/users`: administrators list, add and edit the users of the user table."""

from contextlib import nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING

from flask import Blueprint, Response, request
from werkzeug.exceptions import PreconditionRequired

from api.body import InvalidRequest, json_object
from api.description import describe
from api.models import NewPassword, NewUser, OneUser, User, UserEdit, UserPage, UserQuery
from api.pages import split_page
from api.preconditions import IF_MATCH, etag, require_version
from api.responses import Header, respond
from api.validation import query_parameters, validate
from config.http_error import NO_STORE, HttpError
from config.service_settings import ADMIN_ROLE
from database.errors import DatabaseUnavailable, LastAdmin, NoSuchUser, RoleNotGrantable, UserChanged, UserExists
from database.user_filter import UserFilter
from passwords.concurrency_limit import ConcurrencyLimit
from passwords.errors import Overloaded
from passwords.policy import WeakPassword
from providers.interface import ProviderUnavailable
from services.accounts import AccountEditor, NoUserTable, admin_editor, new_hash
from services.auth_guard import auth_guard, check_jwt
from services.caller import UnverifiableCaller
from services.sessions.errors import SessionsUnavailable

if TYPE_CHECKING:
    from database.user_row import UserRow

USER_PATH = "/api/users/<row_id:user_id>"
MAX_SEARCHES = 4
"""The maximum number of concurrent searches. A search may read the whole table, and then take up to a minute."""

_ACTIVE = {"true": True, "false": False, None: None}


class MissingPrecondition(HttpError, PreconditionRequired):
    """A PATCH request has no `If-Match` header."""

    error_code = "precondition_required"
    message = "Missing If-Match header: send the user's ETag"


_ETAG = (("ETag", "An opaque version string of the user, for `If-Match`."),)
_CALLER_ERRORS = (NoUserTable, UnverifiableCaller, ProviderUnavailable, SessionsUnavailable, DatabaseUnavailable)
_NEW_PASSWORD_ERRORS = (WeakPassword, Overloaded)


def init(endpoints: Blueprint) -> None:
    searches = ConcurrencyLimit(MAX_SEARCHES)

    @endpoints.route("/api/users")
    @auth_guard(ADMIN_ROLE)
    @describe("Users", "List the users", UserPage, InvalidRequest, Overloaded, *_CALLER_ERRORS, query=UserQuery)
    def list_users() -> Response:
        query = validate(UserQuery, query_parameters())
        user_filter = UserFilter(role=query.role, active=_ACTIVE.get(query.active), search=query.search)
        # Read one extra row, to find out whether there is a next page.
        users = _editor().users
        with searches if query.search else nullcontext():
            rows = users.page(user_filter, query.limit + 1, query.after)
        page, next_page = split_page(rows, query.limit, lambda row: row.username)
        return respond(UserPage(data=[*map(_to_model, page)], next=next_page), [NO_STORE])

    @endpoints.route("/api/users", methods=["POST"])
    @auth_guard(ADMIN_ROLE)
    @describe(
        "Users",
        "Add a user",
        OneUser,
        *(InvalidRequest, *_NEW_PASSWORD_ERRORS, UserExists, RoleNotGrantable, *_CALLER_ERRORS),
        status=201,
        body=NewUser,
        headers=(*_ETAG, ("Location", "The path of the user.")),
    )
    def add_user() -> Response:
        new = validate(NewUser, json_object())
        password_hash = new_hash(new.password, new.username, new.email)
        row = _editor().add(new.username, new.email, password_hash, new.roles, new.active)
        return _user_response(row, 201, ("Location", f"{request.script_root}/api/users/{row.id}"))

    @endpoints.route(USER_PATH)
    @auth_guard(ADMIN_ROLE)
    @describe("Users", "Show a user", OneUser, NoSuchUser, *_CALLER_ERRORS, headers=_ETAG)
    def show_user(user_id: int) -> Response:
        return _user_response(_require_user(_editor(), user_id))

    @endpoints.route(USER_PATH, methods=["PATCH"])
    @auth_guard(ADMIN_ROLE)
    @describe(
        "Users",
        "Edit a user",
        OneUser,
        *(InvalidRequest, NoSuchUser, UserExists, LastAdmin, RoleNotGrantable, *_CALLER_ERRORS),
        *(MissingPrecondition, UserChanged),
        body=UserEdit,
        request_headers=IF_MATCH,
        headers=_ETAG,
    )
    def edit_user(user_id: int) -> Response:
        edit = validate(UserEdit, json_object())
        if "If-Match" not in request.headers:
            raise MissingPrecondition
        editor = _editor()
        row, version = _require_version(editor, user_id)
        changes = edit.model_dump(exclude_unset=True)
        return _user_response(editor.change(row, lambda row: replace(row, **changes), version))

    @endpoints.route(f"{USER_PATH}/password", methods=["PUT"])
    @auth_guard(ADMIN_ROLE)
    @describe(
        "Users",
        "Set the password of a user",
        OneUser,
        *(InvalidRequest, NoSuchUser, *_NEW_PASSWORD_ERRORS, RoleNotGrantable, *_CALLER_ERRORS, UserChanged),
        body=NewPassword,
        request_headers=IF_MATCH,
        headers=_ETAG,
    )
    def set_password(user_id: int) -> Response:
        new = validate(NewPassword, json_object())
        row, version = _require_version(_editor(), user_id)
        password_hash = new_hash(new.password, row.username, row.email)
        return _user_response(_editor().set_password(user_id, password_hash, version))


def _editor() -> AccountEditor:
    """Return an editor for the caller, whose token and roles are checked again.

    Call it after the body has been read and a password hashed, immediately before the edit. Both can take as long as
    the client wants, and meanwhile the caller may have lost the role.
    """
    return admin_editor(check_jwt())


def _require_version(editor: AccountEditor, user_id: int) -> "tuple[UserRow, str | None]":
    """Return the user, and the version that `If-Match` requires; `None` means any version (RFC 9110 §13.1.1).

    Raises NoSuchUser, and UserChanged if the user has another version.
    """
    row = _require_user(editor, user_id)
    return row, require_version(row.version, UserChanged)


def _require_user(editor: AccountEditor, user_id: int) -> "UserRow":
    row = editor.users.get(user_id)
    if row is None:
        raise NoSuchUser
    return row


def _user_response(row: "UserRow", status: int = 200, *headers: Header) -> Response:
    return respond(OneUser(status=status, data=_to_model(row)), [NO_STORE, etag(row.version), *headers])


def _to_model(row: "UserRow") -> User:
    return User.model_validate(row.to_json())
