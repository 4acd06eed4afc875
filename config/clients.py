"""The settings of the doors for standard clients."""

import re
from typing import Annotated, ClassVar, NamedTuple

from pydantic import AfterValidator, Field, SecretStr

from config.keys import SecretList, require_strong_secret
from config.section import Section

FIRST_PARTY = "latchkey"
"""The client id of those who log in at `/api/auth`, and so of nobody else."""

_CLIENT_ID = re.compile(r"[A-Za-z0-9._~-]{1,64}", re.ASCII)


class Client(NamedTuple):
    """An OAuth client (RFC 6749 §2.1)."""

    id: str
    secret: SecretStr | None
    """`None` for a public client, which can keep no secret, such as an app on a telephone."""


def _client(written: SecretStr) -> Client:
    client_id, colon, secret = written.get_secret_value().partition(":")
    if not _CLIENT_ID.fullmatch(client_id):
        raise ValueError("a client's id is not 1 to 64 letters, digits, or any of . _ ~ -")
    if client_id == FIRST_PARTY:
        raise ValueError(f"the client id {FIRST_PARTY} is our own")
    if colon and not (secret.isascii() and secret.isprintable()):
        raise ValueError("a client's secret is not ASCII text")
    try:
        return Client(client_id, require_strong_secret(SecretStr(secret)) if colon else None)
    except ValueError as error:
        raise ValueError(f"of a client's secret: {error}") from None


def _read(written: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
    ids = [_client(one).id for one in written]
    if len(set(ids)) < len(ids):
        raise ValueError("a client's id stands there twice")
    return written


class OAuthSettings(Section):
    """Who may use `/oauth/…`, and for what."""

    prefix: ClassVar[str] = "OAUTH_"

    clients: Annotated[SecretList, AfterValidator(_read)] = Field(
        (), description="id:secret for each client, or only id for one without a secret, separated by commas or lines"
    )
    password_grant: bool = Field(True, description="true or false: whether clients may send a user's password")

    def registered_clients(self) -> list[Client]:
        """Return the clients; each can be told apart by its id."""
        return [_client(written) for written in self.clients]
