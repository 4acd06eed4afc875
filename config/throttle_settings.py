"""The settings of the counters of failed logins."""

from typing import Annotated, ClassVar
from urllib.parse import parse_qsl, urlsplit

from pydantic import AfterValidator, Field, SecretStr, ValidationInfo, field_validator

from config.local_host import is_local_host
from config.section import Section


def _validate_storage_url(secret: SecretStr) -> SecretStr:
    url = secret.get_secret_value()
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise ValueError("is not a URL") from None
    place = {"redis": parts.hostname, "rediss": parts.hostname, "redis+unix": parts.path}.get(parts.scheme)
    if not place:
        raise ValueError("is not the URL of a Redis server")
    return secret


def _is_verified(secret: SecretStr) -> bool:
    """Return whether a Redis server is on this host, or is verified by its certificate."""
    parts = urlsplit(secret.get_secret_value())
    if parts.scheme == "redis+unix" or is_local_host(parts.hostname or ""):
        return True
    options = dict(parse_qsl(parts.query))
    verifies = options.get("ssl_cert_reqs", "required") == "required"
    return parts.scheme == "rediss" and verifies and options.get("ssl_check_hostname", "true").lower() == "true"


class ThrottleSettings(Section):
    """Where failed logins are counted."""

    prefix: ClassVar[str] = "THROTTLE_"

    insecure_tls: bool = Field(
        False, description="true or false: whether a Redis server on another host may be unencrypted or unverified"
    )
    storage_url: Annotated[SecretStr, AfterValidator(_validate_storage_url)] | None = Field(
        None,
        description="rediss://user:password@host, or on this host redis://127.0.0.1:6379 or redis+unix:///path/to/socket",
    )

    @property
    def has_unverified_server(self) -> bool:
        """Whether another host can pose as the Redis server, or read the connection."""
        return self.storage_url is not None and not _is_verified(self.storage_url)

    # A validator sees only the fields that are declared before its own.
    @field_validator("storage_url")
    @classmethod
    def _require_verified_server(cls, url: SecretStr | None, others: ValidationInfo) -> SecretStr | None:
        if url and not others.data.get("insecure_tls") and not _is_verified(url):
            raise ValueError(
                "names a server on another host, and the connection is not encrypted, or the server is not verified, "
                "which only THROTTLE_INSECURE_TLS=true permits"
            )
        return url
