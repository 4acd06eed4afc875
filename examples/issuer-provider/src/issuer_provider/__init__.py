"""The provider `issuer`: an access token of another issuer takes the place of the password."""

import json
from collections.abc import Mapping
from typing import Any

import jwt

from latchkey import ConfigurationError, Problem, ProviderUnavailable, User

TIMEOUT = 3
"""Seconds to wait for the keys of the issuer. Latchkey allows 10 for a login."""
ALGORITHMS = ["ES256", "EdDSA", "RS256"]
"""Never taken from the token."""
REQUIRED = ["exp", "iss", "aud", "sub"]


class IssuerProvider:
    """Verifies tokens with the keys that the issuer publishes. Thread-safe."""

    def __init__(self, issuer: str, audience: str, keys_url: str, roles: Mapping[str, str]) -> None:
        """`roles` has a role for each group that gives one. Other groups give none."""
        self._issuer, self._audience, self._roles = issuer, audience, dict(roles)
        self._keys = jwt.PyJWKClient(keys_url, timeout=TIMEOUT)

    def authenticate(self, login: str, password: str) -> User | None:
        """Return the user of the token if the login is their `sub` or their email; otherwise None."""
        claims = self._verify(password)
        if claims is None or login.casefold() not in _logins(claims):
            return None
        roles = [self._roles[group] for group in claims.get("groups", []) if group in self._roles]
        return User(username=claims["sub"], email=claims.get("email"), roles=roles)

    def _verify(self, token: str) -> dict[str, Any] | None:
        try:
            key = self._keys.get_signing_key_from_jwt(token)
            return jwt.decode(
                token, key, ALGORITHMS, {"require": REQUIRED}, issuer=self._issuer, audience=self._audience
            )
        except jwt.PyJWKClientConnectionError:
            raise ProviderUnavailable("the keys of the issuer cannot be fetched") from None
        except jwt.PyJWTError:
            return None


def _logins(claims: Mapping[str, Any]) -> set[str]:
    verified = claims.get("email") if claims.get("email_verified") is True else None
    return {name.casefold() for name in (claims["sub"], verified) if isinstance(name, str)}


def open_issuer(environ: Mapping[str, str]) -> IssuerProvider:
    """Return the provider for ISSUER_URL, ISSUER_AUDIENCE, ISSUER_KEYS_URL and ISSUER_ROLES, a JSON object."""
    url = environ["ISSUER_KEYS_URL"]
    problems = []
    if not url.startswith(("https://", "http://127.0.0.1:")):
        problems.append(Problem("ISSUER_KEYS_URL", "is not an https URL", "Set it to the `jwks_uri` of the issuer"))
    try:
        roles = json.loads(environ["ISSUER_ROLES"])
    except ValueError:
        roles = None
    if not isinstance(roles, dict) or not all(isinstance(role, str) for role in roles.values()):
        remedy = 'Give each group its role, such as {"staff": "user"}'
        problems.append(Problem("ISSUER_ROLES", "is not a JSON object of texts", remedy))
    if problems:
        raise ConfigurationError(problems)
    return IssuerProvider(environ["ISSUER_URL"], environ["ISSUER_AUDIENCE"], url, roles)
