"""The members of requests and responses. They validate requests, shape responses, and describe both in OpenAPI."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainValidator

from api.row_ids import MAX_ROW_ID
from config.text import Name, RoleName

MAX_PAGE_SIZE = 200


def _omit_default(schema: dict[str, Any]) -> None:
    del schema["default"]


def unchanged(example: object) -> Any:
    """Return a field of a partial update, which `exclude_unset` omits if the request does not set it."""
    return Field(default=None, json_schema_extra=_omit_default, examples=[example])


def password_field(example: str = "correct horse battery") -> Any:
    """Return a field that a form hides while a user types it."""
    return Field(json_schema_extra={"format": "password"}, examples=[example])


def _require_text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("must be text that is not empty")
    return value


def _require_not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("must be text that is not blank")
    return text


NonEmptyText = Annotated[str, PlainValidator(_require_text, json_schema_input_type=Annotated[str, Field(min_length=1)])]
Text = Annotated[NonEmptyText, AfterValidator(_require_not_blank)]
"""Text as it is, also with characters that names must not have: the provider decides about it."""
Time = Annotated[str, Field(json_schema_extra={"format": "date-time"}, examples=["2026-11-28T13:02:22.356938+00:00"])]


def is_none(value: object) -> bool:
    """Return whether a member is omitted from a response."""
    return value is None


def _is_empty(value: object) -> bool:
    return not value


class Model(BaseModel):
    """The members of a request or a response. Pydantic builds a model when it is first used, not at the start."""

    model_config = ConfigDict(defer_build=True)


class Credentials(Model):
    """The login and password of a user."""

    email: Text = Field(description="An email address or a username.", examples=["admin@example.org"])
    password: Text = password_field()


class RefreshToken(Model):
    """A refresh token, which is single-use."""

    refresh_token: NonEmptyText = Field(examples=["8JGGBUGdEK…"])


class PasswordChange(Model):
    """The caller's password, and the new one."""

    password: Text = password_field()
    new_password: Text = password_field("lampshade quarry violin")


class PasswordReset(Model):
    """A one-time code from `flask users reset`, and the new password."""

    login: Text = Field(description="A username or an email.", examples=["zoe"])
    code: Text = password_field("9HQK3-T7MPZ-2CWDA-XK4FB-M8RTG")
    new_password: Text = password_field("lampshade quarry violin")


class StrictBody(Model):
    """A body that has no unknown members, and whose values have exactly the types of the fields."""

    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)


class NewUser(StrictBody):
    """A user to add."""

    username: Name = Field(examples=["zoe"])
    email: Name | None = Field(default=None, examples=["zoe@example.org"])
    password: str = password_field()
    roles: list[RoleName] = Field(default=[], examples=[["user"]])
    active: bool = True


class UserEdit(StrictBody):
    """The members of a user to change."""

    username: Name = unchanged("zoe.smith")
    email: Name | None = unchanged("zoe.smith@example.org")
    roles: list[RoleName] = unchanged(["editor"])
    active: bool = unchanged(example=True)


class NewPassword(StrictBody):
    """The new password of a user."""

    password: str = password_field()


class UserQuery(Model):
    """Which users to list."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    limit: int = Field(50, ge=1, le=MAX_PAGE_SIZE, description="Users on a page.")
    after: Name | None = Field(default=None, description="Start after this username.")
    role: Name | None = Field(default=None, description="Only users who have this role.")
    active: Literal["true", "false"] | None = Field(default=None, description="Only active, or only disabled users.")
    search: Name | None = Field(default=None, description="Only users whose username or email contains this text.")


class TokenQuery(Model):
    """Which service tokens to list."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    limit: int = Field(50, ge=1, le=MAX_PAGE_SIZE, description="Tokens on a page.")
    after: int = Field(0, ge=0, le=MAX_ROW_ID, description="Start after the token with this id.")


class RoleQuery(Model):
    """The roles of which the user must have one."""

    role: list[str] = Field([], description="A role. Repeat the parameter to accept any one of several roles.")


class Answer(Model):
    """A response in the format of Latchkey: `status` repeats the HTTP status."""

    status: int = Field(default=200, examples=[200])


class Message(Answer):
    """A sentence."""

    message: str = Field(examples=["Logged out"])


class Readiness(Message):
    """The service can handle requests. Logins of some users may fail."""

    unavailable: list[str] = Field(
        default=[],
        exclude_if=_is_empty,
        description="The providers, and `redis`, that were unavailable when a login last needed them.",
        examples=[["ldap"]],
    )


class Tokens(Answer):
    """The tokens after a login or a refresh."""

    data: str = Field(description="The access token: a JSON Web Token (RFC 9068).", examples=["eyJhbGciOi…"])
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - a type
    expires_in: int = Field(description="The seconds until the access token expires.", examples=[3600])
    refresh_token: str | None = Field(
        default=None, exclude_if=is_none, description="Only if the service has sessions.", examples=["8JGGBUGdEK…"]
    )


class Identity(Model):
    """The user of an access token."""

    sub: str = Field(examples=["admin"])
    username: str | None = Field(examples=["admin"])
    email: str | None = Field(examples=["admin@example.org"])
    roles: list[str] = Field(examples=[["admin", "user"]])
    idp: str | None = Field(description="The provider of the user.", examples=["database"])


class Caller(Answer):
    """The user of the access token of the request."""

    data: Identity


class User(Model):
    """A user of the user table."""

    id: int = Field(examples=[2])
    username: str = Field(examples=["zoe"])
    email: str | None = Field(examples=["zoe@example.org"])
    roles: list[str] = Field(examples=[["user"]])
    active: bool = Field(description="False if the user is disabled.", examples=[True])
    created_at: Time
    updated_at: Time
    last_login_at: Time | None = Field(description="Accurate to one hour.", examples=[None])


class OneUser(Answer):
    """A user."""

    data: User


class UserPage(Answer):
    """A page of users, in alphabetical order of their usernames."""

    data: list[User]
    next: str | None = Field(description="The path of the next page; null on the last one.", examples=[None])


class OwnSession(Model):
    """A session of the caller."""

    id: str = Field(description="The claim `sid`.", examples=["ead6a1a79d…"])
    client: str = Field(description="The claim `client_id`.", examples=["latchkey"])
    address: str | None = Field(description="The address of the client at the login.", examples=["192.0.2.7"])
    user_agent: str | None = Field(description="The header `User-Agent` of the login.", examples=["curl/8.9"])
    created_at: Time | None = Field(examples=["2026-11-28T13:02:22.356938+00:00"])
    refreshed_at: Time | None = Field(description="The last refresh.", examples=["2026-11-28T14:01:40.115021+00:00"])
    expires_at: Time = Field(description="When the session ends, unless it is refreshed.")
    current: bool = Field(description="Whether the access token of the request belongs to it.")


class OwnSessions(Answer):
    """The sessions of the caller, newest first, at most 200."""

    data: list[OwnSession]


class ServiceToken(Model):
    """A valid service token."""

    id: int = Field(examples=[1])
    name: str = Field(description="The script or machine.", examples=["backup"])
    roles: list[str] = Field(examples=[["user"]])
    subject: str = Field(description="The claim `sub`.", examples=["service:backup"])
    operator: str = Field(description="The operator who issued it.", examples=["cli:root"])
    created_at: Time
    expires_at: Time


class OneServiceToken(Answer):
    """A service token."""

    data: ServiceToken


class ServiceTokenPage(Answer):
    """A page of service tokens, ordered by their ids."""

    data: list[ServiceToken]
    next: str | None = Field(description="The path of the next page; null on the last one.", examples=[None])


class Error(Model):
    """The response to every error, except at the endpoints of standards."""

    status: int = Field(examples=[403])
    message: str = Field(description="For people. It may be reworded.", examples=["Authorization required"])
    code: str = Field(description="For programs. It stays the same.", examples=["role_required"])
