"""The members of the requests and responses that RFCs define: OAuth 2.0, its metadata, and key sets."""

from typing import Literal

from pydantic import ConfigDict, Field

from api.models import Model, is_none


class ClientForm(Model):
    """The client of a form, if it is not in the header Authorization (RFC 6749 §2.3.1)."""

    client_id: str | None = None
    client_secret: str | None = Field(default=None, json_schema_extra={"format": "password"})


class TokenForm(ClientForm):
    """RFC 6749 §3.2."""

    grant_type: str = Field(description="`password`, `refresh_token` or `client_credentials`.", examples=["password"])
    username: str | None = Field(default=None, description="With the grant type `password`.")
    password: str | None = Field(default=None, json_schema_extra={"format": "password"})
    refresh_token: str | None = Field(default=None, description="With the grant type `refresh_token`.")
    scope: str | None = Field(default=None, description="Ignored.")


class IntrospectionForm(ClientForm):
    """RFC 7662 §2.1."""

    token: str
    token_type_hint: str | None = Field(default=None, description="Ignored.")


class RevocationForm(ClientForm):
    """RFC 7009 §2.1."""

    token: str
    token_type_hint: str | None = Field(default=None, description="Ignored.")


class TokenSet(Model):
    """RFC 6749 §5.1."""

    access_token: str = Field(examples=["eyJhbGciOi…"])
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - a type
    expires_in: int = Field(examples=[3600])
    refresh_token: str | None = Field(default=None, exclude_if=is_none, examples=["8JGGBUGdEK…"])
    scope: str | None = Field(default=None, exclude_if=is_none, description="Empty, if the request has a scope (§3.3).")


class Introspection(Model):
    """RFC 7662 §2.2. The response about a valid access token also has its claims."""

    model_config = ConfigDict(extra="allow")

    active: bool
    token_type: Literal["Bearer"] | None = Field(default=None, exclude_if=is_none)


class Empty(Model):
    """A JSON object without members."""


class KeySet(Model):
    """RFC 7517 §5."""

    keys: list[dict[str, str]]


class ServerMetadata(Model):
    """RFC 8414 §2."""

    issuer: str
    token_endpoint: str
    token_endpoint_auth_methods_supported: list[str]
    grant_types_supported: list[str]
    response_types_supported: list[str]
    jwks_uri: str
    introspection_endpoint: str
    introspection_endpoint_auth_methods_supported: list[str]
    revocation_endpoint: str | None = Field(default=None, exclude_if=is_none)
    revocation_endpoint_auth_methods_supported: list[str] | None = Field(default=None, exclude_if=is_none)


class OAuthError(Model):
    """RFC 6749 §5.2."""

    error: str = Field(description="For programs.")
    error_description: str = Field(description="For people.")
