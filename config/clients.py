"""The settings of the OAuth endpoints and their clients."""

from typing import Annotated, ClassVar, NamedTuple

from pydantic import AfterValidator, Field, SecretStr

from config.keys import SecretList
from config.secret_strength import require_strong_secret
from config.section import Section
from config.subjects import MACHINE_NAME

FIRST_PARTY_CLIENT_ID = "latchkey"
"""The `client_id` of tokens that no OAuth client requested, such as those of `/api/auth`.

It is reserved: no OAuth client can have it.
"""


class Client(NamedTuple):
    """An OAuth client (RFC 6749 §2.1)."""

    id: str
    secret: SecretStr | None
    """None for a public client, which cannot keep a secret, such as a mobile app."""


def _parse_client(text: SecretStr) -> Client:
    client_id, colon, secret = text.get_secret_value().partition(":")
    return Client(client_id, SecretStr(secret) if colon else None)


def _validate_clients(texts: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
    clients = [_parse_client(text) for text in texts]
    for client in clients:
        _validate_client(client)
    if len({client.id for client in clients}) < len(clients):
        raise ValueError("has the same client id twice")
    return texts


def _validate_client(client: Client) -> None:
    if not MACHINE_NAME.fullmatch(client.id):
        raise ValueError("has a client id that is not 1 to 64 letters, digits or any of . _ ~ -")
    if client.id == FIRST_PARTY_CLIENT_ID:
        raise ValueError(f"has the client id {FIRST_PARTY_CLIENT_ID}, which is reserved")
    if client.secret is None:
        return
    secret = client.secret.get_secret_value()
    if not (secret.isascii() and secret.isprintable()):
        raise ValueError("has a client secret that is not printable ASCII")
    try:
        require_strong_secret(client.secret)
    except ValueError as error:
        raise ValueError(f"has a client with an invalid secret: it {error}") from None


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
