"""The settings of the OAuth endpoints and their clients."""

import re
from typing import Annotated, ClassVar, NamedTuple

from pydantic import AfterValidator, Field, SecretStr

from config.keys import SecretList
from config.secret_strength import require_strong_secret
from config.section import Section

FIRST_PARTY_CLIENT_ID = "latchkey"
"""The `client_id` of tokens that no OAuth client requested, such as those of `/api/auth`.

It is reserved: no OAuth client can have it.
"""

_CLIENT_ID = re.compile(r"[A-Za-z0-9._~-]{1,64}", re.ASCII)


class Client(NamedTuple):
    """An OAuth client (RFC 6749 §2.1)."""

    id: str
    secret: SecretStr | None
    """None for a public client, which cannot keep a secret, such as a mobile app."""


def _parse_client(text: SecretStr) -> Client:
    client_id, colon, secret = text.get_secret_value().partition(":")
    if not _CLIENT_ID.fullmatch(client_id):
        raise ValueError("has a client id that is not 1 to 64 letters, digits or any of . _ ~ -")
    if client_id == FIRST_PARTY_CLIENT_ID:
        raise ValueError(f"has the client id {FIRST_PARTY_CLIENT_ID}, which is reserved")
    if colon and not (secret.isascii() and secret.isprintable()):
        raise ValueError("has a client secret that is not printable ASCII")
    try:
        return Client(client_id, require_strong_secret(SecretStr(secret)) if colon else None)
    except ValueError as error:
        raise ValueError(f"has a client with an invalid secret: it {error}") from None


def _validate_clients(texts: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
    ids = [_parse_client(text).id for text in texts]
    if len(set(ids)) < len(ids):
        raise ValueError("has the same client id twice")
    return texts


class OAuthSettings(Section):
    """The clients of `/oauth/…`, and what they may do."""

    prefix: ClassVar[str] = "OAUTH_"

    clients: Annotated[SecretList, AfterValidator(_validate_clients)] = Field(
        (),
        description="id:secret for each client, or only id for a client without a secret, comma-separated "
        "or one per line",
    )
    password_grant: bool = Field(False, description="true or false: whether clients may send a user's password")

    def registered_clients(self) -> list[Client]:
        """Return the clients. Their ids are unique."""
        return [_parse_client(text) for text in self.clients]
