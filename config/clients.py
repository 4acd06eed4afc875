"""The settings of the OAuth endpoints and their clients."""

from typing import Annotated, ClassVar, NamedTuple

from pydantic import AfterValidator, Field, SecretStr, ValidationInfo, field_validator

from config.keys import SecretList
from config.secret_strength import require_strong_secret
from config.section import Section
from config.service_settings import NameList
from config.subjects import MACHINE_NAME
from config.text import normalize_role

FIRST_PARTY_CLIENT_ID = "latchkey"
"""The `client_id` of tokens that no OAuth client requested, such as those of `/api/auth`.

It is reserved: no OAuth client can have it.
"""


class Client(NamedTuple):
    """An OAuth client (RFC 6749 §2.1)."""

    id: str
    secret: SecretStr | None
    """None for a public client, which cannot keep a secret, such as a mobile app."""
    roles: tuple[str, ...] = ()
    """The roles of the access tokens that the client obtains for itself (§4.4). Without roles, it can obtain none."""


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


def _parse_role(text: str) -> str:
    client_id, colon, role = text.partition(":")
    if not (MACHINE_NAME.fullmatch(client_id) and colon):
        raise ValueError("must be the id of a client, a colon and a role")
    return f"{client_id}:{normalize_role(role)}"


class OAuthSettings(Section):
    """The clients of `/oauth/…`, and what they may do."""

    prefix: ClassVar[str] = "OAUTH_"

    clients: Annotated[SecretList, AfterValidator(_validate_clients)] = Field(
        (),
        description="id:secret for each client, or only id for a client without a secret, comma-separated "
        "or one per line",
    )
    password_grant: bool = Field(False, description="true or false: whether clients may send a user's password")

    client_roles: NameList = Field(
        (),
        description="client:role for each role of a client in OAUTH_CLIENTS that has a secret, comma-separated, "
        "such as reports:reader",
    )

    # A validator sees only the fields that are declared before its own.
    @field_validator("client_roles")
    @classmethod
    def _require_confidential_clients(cls, roles: tuple[str, ...], others: ValidationInfo) -> tuple[str, ...]:
        valid = tuple(map(_parse_role, roles))
        clients = [_parse_client(text) for text in others.data.get("clients", ())]
        with_secret = {client.id for client in clients if client.secret}
        if "clients" in others.data and not {text.partition(":")[0] for text in valid} <= with_secret:
            raise ValueError("names a client that is not in OAUTH_CLIENTS, or that has no secret")
        return valid

    def registered_clients(self) -> list[Client]:
        """Return the clients. Their ids are unique."""
        roles: dict[str, list[str]] = {}
        for text in self.client_roles:
            client_id, _, role = text.partition(":")
            roles.setdefault(client_id, []).append(role)
        clients = map(_parse_client, self.clients)
        return [client._replace(roles=tuple(sorted({*roles.get(client.id, ())}))) for client in clients]
