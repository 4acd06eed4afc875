"""The settings that belong to no single provider."""

import re
from typing import Annotated, ClassVar

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from config.section import Section

SHORTEST_SECRET = 32  # bytes, as HS256 needs them (RFC 7518 §3.2)

# The examples of Flask, FastAPI, jwt.io and Superset, and what people write instead of a secret.
_WELL_KNOWN = re.compile(
    r"192b9bdd22ab9ed4d12e236c78afcb9a393ec15f71bbf5dc987d54727823bcbf"
    r"|09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7"
    r"|a-string-secret-at-least-256-bits-long|your-256-bit-secret|django-insecure"
    r"|(change|replace).?(me|this|it)\b|change_me_to",
    re.IGNORECASE,
)
_LOOKS_LIKE_A_KEY = re.compile(r'-----BEGIN|"kty"|^(sk-)?(ssh|ecdsa)-|^MII')


def _strong(secret: SecretStr) -> SecretStr:
    """Refuse what is too short to sign with, and what is no secret at all."""
    text = secret.get_secret_value().strip()
    try:
        length = len(text.encode())
    except UnicodeEncodeError:  # the message has a part of it
        raise ValueError("it is not Unicode text") from None
    if length < SHORTEST_SECRET:
        raise ValueError("it is shorter than 32 bytes")
    # A public key is public: as an HMAC secret, everyone could sign (CVE-2022-29217).
    if _LOOKS_LIKE_A_KEY.search(text):
        raise ValueError("it looks like a PEM, SSH or JWK key, not like a secret")
    if _WELL_KNOWN.search(text):
        raise ValueError("it is an example that everyone knows")
    return secret


def _comma_separated(text: object) -> object:
    return [part.strip() for part in text.split(",") if part.strip()] if isinstance(text, str) else text


Names = Annotated[tuple[str, ...], BeforeValidator(_comma_separated)]


class KeySettings(Section):
    """What tokens are signed with."""

    prefix: ClassVar[str] = "SECRET_"

    key: Annotated[SecretStr, AfterValidator(_strong)] = Field(
        description="at least 32 random bytes, as `openssl rand -base64 48` prints them"
    )


class TokenSettings(Section):
    """What tokens say of themselves."""

    prefix: ClassVar[str] = "JWT_"

    issuer: str = Field("latchkey", min_length=1, description="the name of this service (claim `iss`)")
    audience: str = Field(
        "latchkey", min_length=1, description="the name of the services that accept its tokens (`aud`)"
    )
    lifetime_minutes: int = Field(60, ge=1, le=1440, description="the minutes for which a token is good, 1 to 1440")


class ProviderSettings(Section):
    """Which stores are asked who a user is."""

    prefix: ClassVar[str] = "AUTH_"

    provider: Names = Field(
        min_length=1,
        description="static, database or ldap, a provider of your own as package.module:factory, or several by comma",
    )
    next_on_outage: Names = Field(
        (), description="the providers of AUTH_PROVIDER whose outage passes the question on to the next one, by comma"
    )


class ServerSettings(Section):
    """Where the service listens."""

    host: str = Field("127.0.0.1", description="the address to listen on, such as 127.0.0.1 or 0.0.0.0")
    port: int = Field(5000, ge=1, le=65535, description="the port to listen on, 1 to 65535")

    @property
    def address(self) -> str:
        """The host and port as they stand in a URL (RFC 3986 §3.2.2)."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"
