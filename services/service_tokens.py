"""Service tokens: access tokens for scripts and machines, which belong to no user. See decision 33."""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from config.subjects import SERVICE_PREFIX
from database.service_token import ServiceToken
from services.accounts import refresh_revocations
from services.administrators import Administrator, current_administrator
from services.context import current_services
from services.sessions.errors import SessionsDisabled
from services.tokens.claims import Claims
from services.tokens.issuer import MAX_REVOCABLE_LIFETIME, TokenIssuer

if TYPE_CHECKING:  # it imports SQLAlchemy, which a service without a database never does
    from database.service_token_table import ServiceTokenTable

MAX_LIFETIME_DAYS = MAX_REVOCABLE_LIFETIME.days


class ServiceTokenIssuer:
    """Issues service tokens in the name of an operator."""

    def __init__(self, issuer: TokenIssuer, table: "ServiceTokenTable", operator: str) -> None:
        self._issuer = issuer
        self._table = table
        self._operator = operator

    def issue(self, name: str, roles: Collection[str], days: int) -> tuple[str, ServiceToken]:
        """Issue a token of a machine with this name and these roles. Return its text, and the token as stored.

        The name has the form MACHINE_NAME, and need not be unique. Raises ValueError if the token would be invalid, and
        DatabaseUnavailable.
        """
        payload = {"sub": f"{SERVICE_PREFIX}{name}", "roles": sorted(set(roles))}
        issued = self._issuer.issue(payload, timedelta(days=days) / timedelta(minutes=1))
        times = (datetime.fromtimestamp(issued.claims[claim], UTC) for claim in ("iat", "exp"))
        ids = (issued.claims["jti"], issued.key_id)
        token = ServiceToken(0, name, tuple(payload["roles"]), *ids, self._operator, *times)
        return issued.text, self._table.add(token)


class ServiceTokenEditor:
    """Reads and revokes service tokens in the name of an administrator. Thread-safe."""

    def __init__(self, table: "ServiceTokenTable", administrator: Administrator) -> None:
        self.tokens = table
        """The tokens, for reading."""
        self._administrator = administrator

    def revoke(self, token_id: int) -> None:
        """Revoke a token. Raises NoSuchToken; and TokenNotRevocable if the administrator cannot grant all its roles."""
        self.tokens.revoke(self._administrator.name, token_id, self._administrator.grantable_roles)
        refresh_revocations()


def service_token_editor(claims: Claims) -> ServiceTokenEditor:
    """Return an editor for the caller with these claims, who must be an administrator now.

    Raises SessionsDisabled without a database, and what `current_administrator` raises.
    """
    table = current_services().service_tokens
    if table is None:
        raise SessionsDisabled
    return ServiceTokenEditor(table, current_administrator(claims))
