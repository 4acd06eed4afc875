"""`/api/users`: administrators list, add and edit the users of the user table."""

import re
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, TypeVar
from urllib.parse import urlencode

from flask import Blueprint, Response, request
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from werkzeug.exceptions import PreconditionRequired
from werkzeug.routing import IntegerConverter

from api.body import InvalidRequest, json_object
from api.responses import Header, json_response
from config.errors import validation_message
from config.http_error import NO_STORE, HttpError
from config.service_settings import ADMIN_ROLE
from config.text import Name, RoleName
from database.errors import NoSuchUser, UserChanged
from database.user_filter import UserFilter
from services.accounts import AccountEditor, admin_editor, new_hash
from services.auth_guard import auth_guard, check_jwt
from services.concurrency_limit import ConcurrencyLimit

if TYPE_CHECKING:
    from database.user_row import UserRow

# The maximum is the largest value of the id column (32-bit INTEGER). A path with a larger number is not found.
USER_PATH = "/api/users/<user_id(max=2147483647):user_id>"
MAX_PAGE_SIZE = 200
MAX_SEARCHES = 4
"""The maximum number of concurrent searches. A search may read the whole table, and then take up to a minute."""

_ACTIVE = {"true": True, "false": False, None: None}

_UNCHANGED: Any = None
"""The default of a field in a partial update. `exclude_unset` omits the fields that the request does not set."""

Model = TypeVar("Model", bound=BaseModel)


class MissingPrecondition(HttpError, PreconditionRequired):
    """A PATCH request has no `If-Match` header."""

    error_code = "precondition_required"
    message = "Missing If-Match header: send the user's ETag"


class _Query(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    limit: int = Field(50, ge=1, le=MAX_PAGE_SIZE)
    after: Name | None = None
    role: Name | None = None
    active: Literal["true", "false"] | None = None
    search: Name | None = None


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)


class _NewUser(_Body):
    username: Name
    email: Name | None = None
    password: str
    roles: list[RoleName] = []
    active: bool = True


class _UserEdit(_Body):
    username: Name = _UNCHANGED
    email: Name | None = _UNCHANGED
    roles: list[RoleName] = _UNCHANGED
    active: bool = _UNCHANGED


class _NewPassword(_Body):
    password: str


class _UserIdConverter(IntegerConverter):
    """The number in ASCII digits, without leading zeros, so that a user has one path."""

    regex = "0|[1-9][0-9]*"


def init(endpoints: Blueprint) -> None:
    endpoints.record_once(lambda state: state.app.url_map.converters.update(user_id=_UserIdConverter))
    searches = ConcurrencyLimit(MAX_SEARCHES)

    @endpoints.route("/api/users")
    @auth_guard(ADMIN_ROLE)
    def list_users() -> Response:
        query = _validate(_Query, _query_parameters())
        user_filter = UserFilter(role=query.role, active=_ACTIVE.get(query.active), search=query.search)
        # Read one extra row, to find out whether there is a next page.
        users = _editor().users
        with searches.slot() if query.search else nullcontext():
            rows = users.page(user_filter, query.limit + 1, query.after)
        page = [row.to_json() for row in rows[: query.limit]]
        return json_response(data=page, next=_next_page(query, rows), headers=[NO_STORE])

    @endpoints.route("/api/users", methods=["POST"])
    @auth_guard(ADMIN_ROLE)
    def add_user() -> Response:
        new = _validate(_NewUser, json_object())
        password_hash = new_hash(new.password, new.username, new.email)
        row = _editor().add(new.username, new.email, password_hash, new.roles, new.active)
        return _user_response(row, 201, ("Location", f"{request.script_root}/api/users/{row.id}"))

    @endpoints.route(USER_PATH)
    @auth_guard(ADMIN_ROLE)
    def show_user(user_id: int) -> Response:
        return _user_response(_require_user(_editor(), user_id))

    @endpoints.route(USER_PATH, methods=["PATCH"])
    @auth_guard(ADMIN_ROLE)
    def edit_user(user_id: int) -> Response:
        edit = _validate(_UserEdit, json_object())
        if "If-Match" not in request.headers:
            raise MissingPrecondition
        editor = _editor()
        row, version = _require_version(editor, user_id)
        changes = edit.model_dump(exclude_unset=True)
        return _user_response(editor.change(row, lambda row: replace(row, **changes), version))

    @endpoints.route(f"{USER_PATH}/password", methods=["PUT"])
    @auth_guard(ADMIN_ROLE)
    def set_password(user_id: int) -> Response:
        new = _validate(_NewPassword, json_object())
        row, version = _require_version(_editor(), user_id)
        password_hash = new_hash(new.password, row.username, row.email)
        return _user_response(_editor().set_password(user_id, password_hash, version))


def _editor() -> AccountEditor:
    """Return an editor for the caller, whose token and roles are checked again.

    Call it after the body has been read and a password hashed, immediately before the edit. Both can take as long as
    the client wants, and meanwhile the caller may have lost the role.
    """
    return admin_editor(check_jwt())


def _query_parameters() -> dict[str, str]:
    if any(len(values) > 1 for _, values in request.args.lists()):
        raise InvalidRequest("A parameter appears more than once")
    return request.args.to_dict()


def _validate(model: type[Model], members: Mapping[str, object]) -> Model:
    """Return the members as a model. Raises InvalidRequest with a text that lists the faults, without values."""
    try:
        return model.model_validate(members)
    except ValidationError as error:
        faults = (_describe(model, fault) for fault in error.errors(include_input=False, include_url=False))
        raise InvalidRequest("; ".join(dict.fromkeys(faults))) from None


def _describe(model: type[BaseModel], fault: Any) -> str:
    if fault["type"] == "extra_forbidden":
        return f"only these names are allowed: {', '.join(model.model_fields)}"
    return f"{'.'.join(map(str, fault['loc']))} {validation_message(fault)}"


def _require_version(editor: AccountEditor, user_id: int) -> "tuple[UserRow, str | None]":
    """Return the user, and the version that `If-Match` requires; `None` means any version (RFC 9110 §13.1.1).

    Raises NoSuchUser, and UserChanged if the user has another version.
    """
    row = _require_user(editor, user_id)
    if "If-Match" not in request.headers or request.if_match.star_tag:
        return row, None
    sent = filter(None, request.if_match.as_set(include_weak=True))  # werkzeug parses an empty tag as None
    if row.version not in map(_without_encoding, sent):
        raise UserChanged
    return row, row.version


def _without_encoding(etag: str) -> str:
    """Return an entity tag without what a proxy appends when it compresses a response, such as `-gzip` (Apache)."""
    return re.sub("[-;](gzip|br|zstd|deflate)$", "", etag)


def _require_user(editor: AccountEditor, user_id: int) -> "UserRow":
    row = editor.users.get(user_id)
    if row is None:
        raise NoSuchUser
    return row


def _user_response(row: "UserRow", status: int = 200, *headers: Header) -> Response:
    return json_response(status, [NO_STORE, ("ETag", f'"{row.version}"'), *headers], data=row.to_json())


def _next_page(query: _Query, rows: "list[UserRow]") -> str | None:
    """Return the path of the next page; `None` if this is the last page."""
    if len(rows) <= query.limit:
        return None
    return f"{request.script_root}/api/users?{urlencode({**request.args, 'after': rows[query.limit - 1].username})}"
