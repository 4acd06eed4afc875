"""The members of the requests and responses that RFCs define: OAuth 2.0, its metadata, and key sets."""

from typing import Any, Literal

from pydantic import ConfigDict, Field

from api.models import Model, is_none


class ClientForm(Model):
    """The client of a form, if it is not in the header Authorization (RFC 6749 §2.3.1)."""

    client_id: str | None = Field(default=None, examples=["mobile"])
    client_secret: str | None = Field(default=None, json_schema_extra={"format": "password"}, examples=["S3cr3t…"])


class TokenForm(ClientForm):
    """RFC 6749 §3.2."""

    grant_type: str = Field(description="`password`, `refresh_token` or `client_credentials`.", examples=["password"])
    username: str | None = Field(default=None, description="With the grant type `password`.", examples=["zoe"])
    password: str | None = Field(
        default=None, json_schema_extra={"format": "password"}, examples=["correct horse battery"]
    )
    refresh_token: str | None = Field(
        default=None, description="With the grant type `refresh_token`.", examples=["8JGGBUGdEK…"]
    )
    scope: str | None = Field(default=None, description="Ignored.", examples=["openid"])


class IntrospectionForm(ClientForm):
    """RFC 7662 §2.1."""

    token: str = Field(examples=["eyJhbGciOi…"])
    token_type_hint: str | None = Field(default=None, description="Ignored.", examples=["access_token"])


class RevocationForm(ClientForm):
    """RFC 7009 §2.1."""

    token: str = Field(examples=["8JGGBUGdEK…"])
    token_type_hint: str | None = Field(default=None, description="Ignored.", examples=["refresh_token"])


class TokenSet(Model):
    """RFC 6749 §5.1."""

    access_token: str = Field(examples=["eyJhbGciOi…"])
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - a type
    expires_in: int = Field(examples=[3600])
    refresh_token: str | None = Field(default=None, exclude_if=is_none, examples=["8JGGBUGdEK…"])
    scope: str | None = Field(
        default=None, exclude_if=is_none, description="Empty, if the request has a scope (§3.3).", examples=[""]
    )


class Introspection(Model):
    """RFC 7662 §2.2. The response about a valid access token also has its claims."""

    model_config = ConfigDict(extra="allow")

    active: bool
    token_type: Literal["Bearer"] | None = Field(default=None, exclude_if=is_none, examples=["Bearer"])


class Empty(Model):
    """A JSON object without members."""


class KeySet(Model):
    """RFC 7517 §5."""

    keys: list[dict[str, str]] = Field(examples=[[{"kty": "EC", "crv": "P-256", "alg": "ES256", "kid": "PTKGS3Ve…"}]])


def _issuer_path(path: str) -> Any:
    return Field(examples=[f"https://auth.example.org{path}"])


class ServerMetadata(Model):
    """RFC 8414 §2."""

    issuer: str = _issuer_path("")
    token_endpoint: str = _issuer_path("/oauth/token")
    token_endpoint_auth_methods_supported: list[str] = Field(examples=[["client_secret_basic"]])
    grant_types_supported: list[str] = Field(examples=[["refresh_token", "client_credentials"]])
    response_types_supported: list[str] = Field(examples=[[]])
    jwks_uri: str = _issuer_path("/.well-known/jwks.json")
    introspection_endpoint: str = _issuer_path("/oauth/introspect")
    introspection_endpoint_auth_methods_supported: list[str] = Field(examples=[["client_secret_basic"]])
    revocation_endpoint: str | None = Field(
        default=None, exclude_if=is_none, examples=["https://auth.example.org/oauth/revoke"]
    )
    revocation_endpoint_auth_methods_supported: list[str] | None = Field(
        default=None, exclude_if=is_none, examples=[["client_secret_basic"]]
    )


class OAuthError(Model):
    """RFC 6749 §5.2."""

    error: str = Field(description="For programs.", examples=["invalid_grant"])
    error_description: str = Field(description="For people.", examples=["The refresh token is not valid"])
