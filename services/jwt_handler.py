"""The tutorial's functions that sign and verify access tokens, for the running application."""

from collections.abc import Mapping
from typing import Any

from services.context import current_services
from services.tokens.claims import Claims
from services.tokens.issuer import ExpiredToken, InvalidToken, RevokedToken

__all__ = ["ExpiredToken", "InvalidToken", "RevokedToken", "decode_jwt", "generate_jwt"]


def generate_jwt(payload: Mapping[str, Any], lifetime: float | None = None) -> str:
    """Return a signed access token, see `TokenIssuer.generate`. `lifetime` is in minutes."""
    return current_services().issuer.generate(payload, lifetime)


def decode_jwt(token: str) -> Claims:
    """Return the verified claims of an access token. Raises what `TokenIssuer.decode` raises."""
    return current_services().issuer.decode(token)
