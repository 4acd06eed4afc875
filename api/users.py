"""`/api/users`: the user table, for whoever has the role `admin`."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlencode

from flask import Flask, Response, g, request
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from api.body import InvalidRequest, json_object
from api.responses import NO_STORE, answer
from config.errors import validation_message
from config.text import Name
from database.errors import NoSuchUser, UserChanged
from database.user_filter import UserFilter
from services.accounts import editor_for, new_hash, sessions_have_ended
from services.auth_guard import auth_guard

if TYPE_CHECKING:
    from database.user_editor import UserEditor
    from database.user_table import UserRow

# What an id can be in the database; a larger one is nobody's.
ONE = "/api/users/<int(max=2147483647):user_id>"
LONGEST_PAGE = 200

M = TypeVar("M", bound=BaseModel)


class MissingPrecondition(Exception):
    """A change has to say which state of the user it is meant for."""


class _Query(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    limit: int = Field(50, ge=1, le=LONGEST_PAGE)
    after: Name | None = None
    role: Name | None = None
    active: bool | None = None
    search: Name | None = None


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)


class _NewUser(_Body):
    username: Name
    email: Name | None = None
    password: str
    roles: list[Name] = []
    active: bool = True


class _Edit(_Body):
    username: Name = ""
    email: Name | None = None
    roles: list[Name] = []
    active: bool = True


class _NewPassword(_Body):
    password: str


def init(app: Flask) -> None:
    @app.route("/api/users")
    @auth_guard("admin")
    def list_users() -> Response:
        query = _checked(_Query, _parameters())
        selection = UserFilter(role=query.role, active=query.active, search=query.search)
        rows = _editor().page(selection, query.limit + 1, query.after)
        return answer(data=[row.to_json() for row in rows[: query.limit]], next=_next(query, rows), headers=[NO_STORE])

    @app.route("/api/users", methods=["POST"])
    @auth_guard("admin")
    def add_user() -> Response:
        new, editor = _checked(_NewUser, json_object()), _editor()
        hashed = new_hash(new.password, new.username, new.email)
        row = editor.add(new.username, new.email, hashed, new.roles, new.active)
        return _answer(row, 201, ("Location", f"/api/users/{row.id}"))

    @app.route(ONE)
    @auth_guard("admin")
    def show_user(user_id: int) -> Response:
        return _answer(_there(_editor(), user_id))

    @app.route(ONE, methods=["PATCH"])
    @auth_guard("admin")
    def change_user(user_id: int) -> Response:
        editor, edit = _editor(), _checked(_Edit, json_object())
        if "If-Match" not in request.headers:
            raise MissingPrecondition
        _, version = _as_expected(editor, user_id)
        row = editor.change(user_id, lambda row: replace(row, **edit.model_dump(exclude_unset=True)), version)
        sessions_have_ended()
        return _answer(row)

    @app.route(f"{ONE}/password", methods=["PUT"])
    @auth_guard("admin")
    def set_password(user_id: int) -> Response:
        editor, new = _editor(), _checked(_NewPassword, json_object())
        seen, version = _as_expected(editor, user_id)
        row = editor.set_password(user_id, new_hash(new.password, seen.username, seen.email), version)
        sessions_have_ended()
        return _answer(row)


def _editor() -> "UserEditor":
    return editor_for(g.claims)


def _parameters() -> dict[str, str]:
    if any(len(values) > 1 for _, values in request.args.lists()):
        raise InvalidRequest("A parameter is there twice")
    return request.args.to_dict()


def _checked(model: type[M], members: Mapping[str, object]) -> M:
    """Return the members as they must be; InvalidRequest says what is wrong with them, never what they are."""
    try:
        return model.model_validate(members)
    except ValidationError as error:
        faults = (_explain(model, fault) for fault in error.errors(include_input=False, include_url=False))
        raise InvalidRequest("; ".join(dict.fromkeys(faults))) from None


def _explain(model: type[BaseModel], fault: Any) -> str:
    if fault["type"] == "extra_forbidden":
        return f"there is only {', '.join(model.model_fields)}"
    return f"{'.'.join(map(str, fault['loc']))}: {validation_message(fault)}"


def _as_expected(editor: "UserEditor", user_id: int) -> "tuple[UserRow, str | None]":
    """Return the user and the version that they must have, `None` if any will do (RFC 9110 §13.1.1).

    UserChanged if they are not as whoever asks believes.
    """
    row = _there(editor, user_id)
    if "If-Match" not in request.headers or request.if_match.star_tag:
        return row, None
    if not request.if_match.contains(row.version):
        raise UserChanged
    return row, row.version


def _there(editor: "UserEditor", user_id: int) -> "UserRow":
    row = editor.get(user_id)
    if row is None:
        raise NoSuchUser
    return row


def _answer(row: "UserRow", status: int = 200, *headers: tuple[str, str]) -> Response:
    return answer(status, [NO_STORE, ("ETag", f'"{row.version}"'), *headers], data=row.to_json())


def _next(query: _Query, rows: "list[UserRow]") -> str | None:
    """Return where the next page is, `None` if this is the last one."""
    if len(rows) <= query.limit:
        return None
    return f"/api/users?{urlencode({**request.args, 'after': rows[query.limit - 1].username})}"
