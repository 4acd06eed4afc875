"""The issuer of access tokens: it signs them, and verifies its own."""

import json
import re
import secrets
import time
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Protocol

import jwt

from config.clients import FIRST_PARTY
from config.service_settings import TokenSettings
from services.keys.ring import Key, KeyRing, KeySource
from services.tokens.claims import REQUIRED, Claims, faulty_claim

TOKEN_TYPE = "at+jwt"  # noqa: S105 - RFC 9068 §2.1: no other kind of token is accepted as an access token
MAX_TOKEN_LENGTH = 8000  # characters; servers accept header lines of 8 KB
MAX_CACHED_TOKENS = 4096  # verified tokens, so that the second request with a token costs a lookup
LEEWAY_SECONDS = 10  # that the clocks of two replicas may differ; `exp` has no leeway

# PyJWT ignores stray characters and padding, which would give one token many spellings.
_COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+", re.ASCII)


class InvalidToken(Exception):
    """The access token is invalid. The text is the reason, and fit for the client."""


class ExpiredToken(InvalidToken):
    """The access token has expired."""


class RevokedToken(InvalidToken):
    """The access token was revoked before it expired."""


class RevocationChecker(Protocol):
    """Knows which access tokens are revoked. Thread-safe."""

    def is_revoked(self, claims: Claims) -> bool:
        """Return whether a token with these claims is revoked. Raises an exception if that cannot be known."""
        ...


class TokenIssuer:
    """Signs and verifies the access tokens of one application. Thread-safe."""

    def __init__(
        self, keys: KeySource, settings: TokenSettings, revocation_checker: RevocationChecker | None = None
    ) -> None:
        """Without a `revocation_checker` a token is valid until it expires."""
        self._keys = keys
        self._settings = settings
        self._revocation_checker = revocation_checker
        # A key ring is immutable, so a signature that it verified once stays valid. Another ring has other
        # cache entries. A rejection is an exception, which is not cached.
        self._verified = lru_cache(MAX_CACHED_TOKENS)(self._verify)

    @property
    def name(self) -> str:
        """The claim `iss`."""
        return self._settings.issuer

    def lifetime(self, minutes: float | None = None) -> int:
        """Return a lifetime in whole seconds; `None` means the configured one. ValueError if it is endless."""
        try:
            return round((self._settings.lifetime_minutes if minutes is None else minutes) * 60)
        except OverflowError:
            raise ValueError("no token can be made: its lifetime has no end") from None

    def claims(self, payload: Mapping[str, Any]) -> Claims:
        """Return what every token about the user in `payload` says, whenever it is made."""
        return {
            "roles": [],
            "client_id": FIRST_PARTY,
            **payload,
            "sub": payload.get("sub") or payload.get("username") or payload.get("email"),
            "iss": self._settings.issuer,
            "aud": self._settings.audience,
        }

    def generate(self, payload: Mapping[str, Any], lifetime: float | None = None) -> str:
        """Return a signed token about the user in `payload`, good for `lifetime` minutes.

        `lifetime` `None` means the configured one; one in the past makes an expired token. The subject is
        the payload's `sub`, else its `username`, else its `email`. Raises ValueError if the guard would
        refuse the token.
        """
        now = int(time.time())
        claims = self.claims(payload) | {
            "iat": now,
            "exp": now + self.lifetime(lifetime),
            "jti": secrets.token_urlsafe(16),
        }
        key = self._keys.ring().current
        token = jwt.encode(claims, key.signing, key.algorithm, headers={"typ": TOKEN_TYPE, "kid": key.id})
        try:
            self._read(token)
        except ExpiredToken:
            pass  # as was asked for
        except InvalidToken as error:
            raise ValueError(f"no token can be made: {error}") from None
        return token

    def decode(self, token: str) -> Claims:
        """Return the verified claims of an access token of ours that is good now.

        Raises ExpiredToken or RevokedToken if it was good once, InvalidToken if it never was, and
        SessionsUnavailable if nobody can know whether it is revoked.
        """
        claims = self._read(token)
        if self._revocation_checker and self._revocation_checker.is_revoked(claims):
            raise RevokedToken("it was revoked")
        return claims

    def _read(self, token: str) -> Claims:
        if len(token) > MAX_TOKEN_LENGTH:
            raise InvalidToken("it is too long")
        if not _COMPACT.fullmatch(token):
            raise InvalidToken("it is not a JSON Web Token")
        claims: Claims = json.loads(self._verified(self._keys.ring(), token))
        if claims["exp"] <= time.time():
            raise ExpiredToken("it has expired")
        return claims

    def _verify(self, ring: KeyRing, token: str) -> str:
        """Return the claims of a token that was good when it was issued, as text, which no caller can change."""
        claims = self._signed(token, self._key_of(token, ring))
        if faulty := faulty_claim(claims):
            raise InvalidToken(f"the claim {faulty} is missing or has the wrong type")
        return json.dumps(claims)

    def _key_of(self, token: str, ring: KeyRing) -> Key:
        try:
            header = jwt.get_unverified_header(token)
        except (jwt.InvalidTokenError, ValueError, RecursionError):
            raise InvalidToken("it is not a JSON Web Token") from None
        # Ours have these three members and no other, so `crit`, `jwk`, `jku` and `x5u` never get further.
        # Another worker may sign with a key that this one has not seen yet.
        key = ring.find(header.get("kid")) or self._keys.ring(newest=True).find(header.get("kid"))
        if key is None or header != {"alg": key.algorithm, "typ": TOKEN_TYPE, "kid": key.id}:
            raise InvalidToken("it was not issued here")
        return key

    def _signed(self, token: str, key: Key) -> Claims:
        try:
            return jwt.decode(
                token,
                key.verifying,
                algorithms=[key.algorithm],
                issuer=self._settings.issuer,
                audience=self._settings.audience,
                leeway=LEEWAY_SECONDS,
                options={"require": list(REQUIRED), "strict_aud": True},
            )
        except jwt.ExpiredSignatureError:
            raise ExpiredToken("it has expired") from None
        except jwt.InvalidTokenError as error:
            raise InvalidToken(_REASONS.get(type(error), "it is not a valid access token")) from None


_REASONS: Mapping[type[Exception], str] = {
    jwt.InvalidSignatureError: "its signature does not match",
    jwt.ImmatureSignatureError: "it is not valid yet",
    jwt.InvalidIssuerError: "it has another issuer",
    jwt.InvalidAudienceError: "it is meant for another audience",
    jwt.MissingRequiredClaimError: "a required claim is missing",
}
