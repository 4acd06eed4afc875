"""The settings of the service, apart from keys, OAuth clients and providers."""

import re
from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field, SecretStr, field_validator

from config.origin import Origin
from config.rate_limit import RateLimitText
from config.section import Section
from config.text import RoleName
from config.trusted_proxies import TrustedProxies


def _comma_separated(text: object) -> object:
    return [part.strip() for part in text.split(",") if part.strip()] if isinstance(text, str) else text


NameList = Annotated[tuple[str, ...], BeforeValidator(_comma_separated)]


MAX_TOKEN_LIFETIME_MINUTES = 1440  # a day
MAX_SESSION_LIFETIME_MINUTES = 5_256_000  # ten years
MAX_CONCURRENT_LOGINS = 1000
MAX_AUDIT_RETENTION_DAYS = 36_500  # a century
LOOPBACK = "127.0.0.1"
_CONDA_PLATFORM = re.compile(r"\w+-(conda\w*-linux-gnu|apple-darwin[\d.]*|w64-mingw32)")


class TokenSettings(Section):
    """The claims of access tokens."""

    prefix: ClassVar[str] = "JWT_"

    issuer: str = Field("latchkey", min_length=1, description="the name of this service (claim `iss`)")
    audience: str = Field(
        "latchkey", min_length=1, description="the name of the services that accept its tokens (claim `aud`)"
    )
    lifetime_minutes: int = Field(
        60, ge=1, le=MAX_TOKEN_LIFETIME_MINUTES, description="the lifetime of an access token in minutes, 1 to 1440"
    )


class SessionSettings(Section):
    """How long sessions last. The service has sessions if DATABASE_URL is set."""

    prefix: ClassVar[str] = "SESSION_"

    idle_minutes: int = Field(
        10_080,
        ge=1,
        le=MAX_SESSION_LIFETIME_MINUTES,
        description="the lifetime of an unused refresh token in minutes, 1 to 5256000",
    )
    lifetime_minutes: int = Field(
        43_200,
        ge=1,
        le=MAX_SESSION_LIFETIME_MINUTES,
        description="the lifetime of a session in minutes, even if it is refreshed, 1 to 5256000",
    )


class RevocationSettings(Section):
    """The revocation list that each worker keeps in memory if DATABASE_URL is set."""

    prefix: ClassVar[str] = "REVOCATION_"
    renamed: ClassVar[Mapping[str, str]] = {"SESSION_OUTAGE_SECONDS": "REVOCATION_STALENESS_SECONDS"}

    staleness_seconds: int = Field(
        300,
        ge=2,
        description="the seconds for which tokens are accepted while the revocation list cannot be read, 2 or more",
    )


class LoginSettings(Section):
    """How many logins are accepted: concurrently, and from one address or of one account."""

    prefix: ClassVar[str] = "LOGIN_"

    concurrency: int | None = Field(
        None,
        ge=1,
        le=MAX_CONCURRENT_LOGINS,
        description="the maximum number of concurrent logins of a worker process, 1 to 1000",
    )
    failures_per_account: RateLimitText = Field(
        "10/15 minutes",
        description="the failed logins of an account after which further ones are refused, such as 10/15 minutes",
    )
    attempts_per_address: RateLimitText = Field(
        "100/15 minutes",
        description="the logins from an address after which further ones are refused, such as 100/15 minutes",
    )


class ProxySettings(Section):
    """The reverse proxies in front of the service."""

    prefix: ClassVar[str] = "TRUSTED_"

    proxies: TrustedProxies = Field(
        (),
        description="the number of reverse proxies that every request passes, such as 1, or their addresses or "
        "networks, comma-separated, such as 10.0.0.0/8",
    )


class CorsSettings(Section):
    """Web pages of other origins."""

    prefix: ClassVar[str] = "CORS_"

    origins: Annotated[tuple[Origin, ...], BeforeValidator(_comma_separated)] = Field(
        (),
        description="the origins of web pages that may call the service, comma-separated, such as https://app.example.org",
    )


class PasswordSettings(Section):
    """The policy for new passwords."""

    prefix: ClassVar[str] = "PASSWORD_"

    min_length: int = Field(
        15, ge=8, le=64, description="the minimum length of a new password in characters, 8 to 64; NIST requires 15"
    )


USER_TABLE_PROVIDER = "database"
"""The provider whose users are in the user table: its name in AUTH_PROVIDER, and the `idp` of its users' tokens."""


class ProviderSettings(Section):
    """The credential providers."""

    prefix: ClassVar[str] = "AUTH_"
    renamed: ClassVar[Mapping[str, str]] = {"AUTH_NEXT_ON_OUTAGE": "AUTH_SKIP_UNAVAILABLE"}

    provider: NameList = Field(
        min_length=1,
        description="static, database, ldap, an entry point or package.module:factory, or several, comma-separated",
    )
    skip_unavailable: NameList = Field(
        (), description="the providers of AUTH_PROVIDER that are skipped while they are unavailable, comma-separated"
    )


ADMIN_ROLE = "admin"
"""The role that `/api/users` requires. The last active user who has it cannot be removed without `force`."""


class AdminSettings(Section):
    """What administrators may do over HTTP."""

    prefix: ClassVar[str] = "ADMIN_"

    grantable_roles: Annotated[tuple[RoleName, ...], BeforeValidator(_comma_separated)] = Field(
        (), description="the roles that administrators may grant without having them, comma-separated"
    )


class DatabaseSettings(Section):
    """The database of users and sessions."""

    prefix: ClassVar[str] = "DATABASE_"

    url: SecretStr = Field(description="sqlite:///users.db or postgresql://user:password@host/database")
    insecure_tls: bool = Field(
        False, description="true or false: whether a PostgreSQL server on another host may be unverified"
    )


class ApiSettings(Section):
    """The description of the HTTP API."""

    prefix: ClassVar[str] = "API_"

    documentation: bool = Field(True, description="true or false: whether /docs and /openapi.json describe the API")


class MetricsSettings(Section):
    """The metrics for Prometheus."""

    prefix: ClassVar[str] = "METRICS_"

    token: SecretStr | None = Field(
        None, min_length=16, description="the secret that Prometheus sends to read /metrics, 16 characters or more"
    )


class FileSettings(Section):
    """The files with secrets, and those that decide who may do what."""

    prefix: ClassVar[str] = "FILES_"

    insecure_permissions: bool = Field(
        False, description="true or false: whether other users may read or write the files with secrets"
    )


class LogSettings(Section):
    """The log."""

    prefix: ClassVar[str] = "LOG_"

    format: Literal["json", "text"] = Field("text", description="the format of log lines: text or json")


class AuditSettings(Section):
    """The audit events in the database."""

    prefix: ClassVar[str] = "AUDIT_"

    retention_days: int | None = Field(
        None,
        ge=1,
        le=MAX_AUDIT_RETENTION_DAYS,
        description="the days after which `flask database prune` deletes audit events, 1 to 36500",
    )


class ExampleSettings(Section):
    """The example routes, which show how to guard routes."""

    prefix: ClassVar[str] = "EXAMPLE_"

    routes: bool | None = Field(None, description="true or false: whether the four example routes exist")


class ServerSettings(Section):
    """The address on which the service listens."""

    host: str = Field(LOOPBACK, description="the address to listen on, such as 127.0.0.1 or 0.0.0.0")
    port: int = Field(5000, ge=1, le=65535, description="the port to listen on, 1 to 65535")

    @field_validator("host")
    @classmethod
    def _ignore_platform(cls, host: str) -> str:
        """The compilers of conda set HOST, to the platform for which they compile."""
        return LOOPBACK if _CONDA_PLATFORM.fullmatch(host) else host

    @property
    def address(self) -> str:
        """The host and port in the form of a URL (RFC 3986 §3.2.2)."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"
