"""The issuer of access tokens: it signs them, and verifies those that it has signed."""

import json
import secrets
import time
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol

from werkzeug.exceptions import Unauthorized

from audit.operation import timed
from config.clients import FIRST_PARTY_CLIENT_ID
from config.http_error import REALM, HttpError
from config.service_settings import TokenSettings
from providers.interface import SESSION_MEMBERS
from services.keys.ring import Key, KeyRing, KeySource
from services.tokens.claims import CHECKED_CLAIMS, REQUIRED_CLAIMS, Claims, VerifiedClaims, invalid_claim

if TYPE_CHECKING:
    from jwt.types import Options

TOKEN_TYPE = "at+jwt"  # noqa: S105 - RFC 9068 §2.1: no other kind of token is accepted as an access token
MAX_TOKEN_LENGTH = 8000  # characters; servers accept header lines of 8 KB
MAX_CACHED_TOKENS = 4096
MAX_CACHED_HEADERS = 64
MAX_REVOCABLE_LIFETIME = timedelta(days=365)
"""The longest lifetime of an access token while tokens can be revoked: the revocation must outlast the token."""
NEW_KEY_CHECK_SECONDS = 0.05
"""How long an unknown `kid` is not looked for again: a check for new keys takes as long as a request."""
LEEWAY_SECONDS = 10  # of `iat` and `nbf`, as the clocks of replicas differ; `exp` has no leeway

# PyJWT ignores padding, which RFC 7515 §2 does not allow.
_BASE64URL = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


class InvalidToken(HttpError, Unauthorized):
    """The access token is invalid. The text is the reason, and may be sent to the client."""

    error_code = "invalid_token"
    message = "Invalid access token: {}"
    example = "the signature is wrong"
    challenge = f'Bearer error="invalid_token", {REALM}'


class ExpiredToken(InvalidToken):
    """The access token has expired."""

    error_code = "expired_token"
    example = "expired"


class RevokedToken(InvalidToken):
    """The access token was revoked before it expired."""

    error_code = "revoked_token"
    example = "revoked"


class RevocationChecker(Protocol):
    """Checks whether access tokens are revoked. Thread-safe."""

    def is_revoked(self, claims: Claims) -> bool:
        """Return whether a token with these claims is revoked. Raises an exception if this is not known."""
        ...


@dataclass(frozen=True)
class IssuedToken:
    """A new access token."""

    text: str = field(repr=False)
    claims: Claims
    key_id: str
    """The `kid` of the key that signed it."""


class TokenIssuer:
    """Signs and verifies the access tokens of one application. Thread-safe."""

    def __init__(
        self, keys: KeySource, settings: TokenSettings, revocation_checker: RevocationChecker | None = None
    ) -> None:
        """Without a `revocation_checker` a token is valid until it expires, however long that is."""
        self._keys = keys
        self._settings = settings
        self._revocation_checker = revocation_checker
        # The key ring is part of the cache key, and immutable, so its results stay valid until the token expires.
        # A rejection raises an exception, which is not cached.
        self._verify_cached = lru_cache(MAX_CACHED_TOKENS)(self._verify)
        self._find_new_key_cached = lru_cache(MAX_CACHED_HEADERS)(self._find_new_key)

    @property
    def name(self) -> str:
        """The claim `iss`."""
        return self._settings.issuer

    def lifetime_seconds(self, minutes: float | None = None) -> int:
        """Return a lifetime in whole seconds; `None` means the configured one. Raises ValueError if not finite."""
        try:
            return round((self._settings.lifetime_minutes if minutes is None else minutes) * 60)
        except OverflowError:
            raise ValueError("the lifetime of an access token must be finite") from None

    def claims(self, payload: Mapping[str, Any]) -> Claims:
        """Return the claims of an access token for this payload, except `iat`, `exp` and `jti`.

        The payload may be a user whom a provider returned: the members that only sessions use do not become claims.
        """
        return {
            "roles": [],
            "client_id": FIRST_PARTY_CLIENT_ID,
            **{name: value for name, value in payload.items() if name not in SESSION_MEMBERS},
            "sub": payload.get("sub") or payload.get("username") or payload.get("email"),
            "iss": self._settings.issuer,
            "aud": self._settings.audience,
        }

    def generate(self, payload: Mapping[str, Any], lifetime: float | None = None) -> str:
        """Return a signed access token with the claims in `payload`, valid for `lifetime` minutes.

        The subject is the payload's `sub`, otherwise its `username`, otherwise its `email`. A lifetime of `None`
        is the configured one; a negative one gives an expired token. Raises ValueError if `decode` would
        reject the token as invalid. Not all claims of an expired token are checked.
        """
        return self.issue(payload, lifetime).text

    def issue(self, payload: Mapping[str, Any], lifetime: float | None = None) -> IssuedToken:
        """Return the token that `generate` returns, with its claims."""
        now = int(time.time())
        claims = self.claims(payload) | {
            "iat": now,
            "exp": now + self.lifetime_seconds(lifetime),
            "jti": secrets.token_urlsafe(16),
        }
        from services.tokens.signing import sign

        key = self._keys.ring().current
        try:
            with timed("sign"):
                token = sign(claims, key, TOKEN_TYPE)
                self._require_valid(token, claims)
        except ExpiredToken:
            pass  # the caller has chosen a lifetime in the past
        except InvalidToken as error:
            raise ValueError(f"the access token would be invalid: {error}") from None
        return IssuedToken(token, claims, key.id)

    def decode(self, token: str) -> Claims:
        """Return the verified claims of an access token.

        Raises ExpiredToken or RevokedToken if the token has expired or is revoked, InvalidToken if it is invalid for
        another reason, and what the revocation checker raises.
        """
        claims = self._verify_cached(self._keys.ring(), token).copy()
        if claims["exp"] <= time.time():
            raise ExpiredToken("expired")
        if self._revocation_checker and self._revocation_checker.is_revoked(claims):
            raise RevokedToken("revoked")
        return claims

    def _require_valid(self, token: str, claims: Claims) -> None:
        """Raise the InvalidToken that `decode` would raise for a new token, or ExpiredToken.

        PyJWT checks the types of more claims, such as `nbf`, but only those of a whole token. It takes twice as long as
        the signature, so the tokens of users, which do not have these claims, are not verified. Others are: JSON
        changes some types, such as that of a tuple of roles.
        """
        if claims.keys() <= CHECKED_CLAIMS and not invalid_claim(claims) and len(token) <= MAX_TOKEN_LENGTH:
            self._require_revocable(claims)
        else:
            self._verify_cached(self._keys.ring(), token)

    def _verify(self, ring: KeyRing, token: str) -> VerifiedClaims:
        if len(token) > MAX_TOKEN_LENGTH:
            raise InvalidToken("too long")
        if token.encode(errors="replace").translate(None, _BASE64URL) != b"..":
            raise InvalidToken("not a JSON Web Token")
        claims = self._decode_signed(token, self._key_of(ring, token))
        if name := invalid_claim(claims):
            raise InvalidToken(f"claim {name} is missing or has the wrong type")
        self._require_revocable(claims)
        return VerifiedClaims(claims)

    def _require_revocable(self, claims: Claims) -> None:
        if self._revocation_checker and claims["exp"] - claims["iat"] > MAX_REVOCABLE_LIFETIME.total_seconds():
            raise InvalidToken("valid for more than a year")

    def _key_of(self, ring: KeyRing, token: str) -> Key:
        """Return the key that the header of a token names."""
        if header := _parse_header(token.partition(".")[0]):
            algorithm, key_id = header
            period = int(time.monotonic() / NEW_KEY_CHECK_SECONDS)
            key = ring.find(key_id) or self._find_new_key_cached(ring, key_id, period)
            if key and key.algorithm == algorithm:
                return key
        raise InvalidToken("not issued by this service")

    def _find_new_key(self, _ring: KeyRing, key_id: str, _period: int) -> Key | None:
        """Return a key with which another worker signs, and which this one has not read yet."""
        return self._keys.ring(newest=True).find(key_id)

    def _decode_signed(self, token: str, key: Key) -> Claims:
        import jwt

        try:
            return jwt.decode(
                token,
                _verifying_key(key),
                algorithms=[key.algorithm],
                issuer=self._settings.issuer,
                audience=self._settings.audience,
                leeway=LEEWAY_SECONDS,
                options=_OPTIONS,
            )
        except jwt.ExpiredSignatureError:
            raise ExpiredToken("expired") from None
        except jwt.InvalidTokenError as error:
            raise InvalidToken(_REASONS.get(type(error).__name__, "not a valid access token")) from None


def _verifying_key(key: Key) -> Any:
    """Return the key with which PyJWT verifies."""
    if key.jwk:
        return key.verifying
    # Only here, because the statement takes 1 % of a verification, each time.
    from services.tokens.checked_secret import checked_secret

    return checked_secret(key.verifying)


# All tokens of one key have the same header, whose JSON takes as long as the rest of the guard. Keys do not change what
# is stored, and a stranger who sends other headers stores 64 of at most 8,000 characters.
@lru_cache(MAX_CACHED_HEADERS)
def _parse_header(segment: str) -> tuple[str, str] | None:
    """Return the algorithm and the key id in the header of a token; `None` if no issued token has such a header.

    Raises InvalidToken if it is not JSON. PyJWT alone would decode the whole token to find its key.
    """
    try:
        header = json.loads(urlsafe_b64decode(f"{segment}==").decode())
    except (ValueError, RecursionError):
        raise InvalidToken("not a JSON Web Token") from None
    match header:
        case {"alg": str(algorithm), "kid": str(key_id), **others} if others == {"typ": TOKEN_TYPE}:
            return algorithm, key_id
    return None  # issued tokens have these three members only: `crit`, `jwk`, `jku` and `x5u` are rejected


_OPTIONS: "Options" = {"require": list(REQUIRED_CLAIMS), "strict_aud": True}
_REASONS = {
    "InvalidSignatureError": "signature does not match",
    "ImmatureSignatureError": "not valid yet",
    "InvalidIssuerError": "wrong issuer",
    "InvalidAudienceError": "wrong audience",
    "MissingRequiredClaimError": "a required claim is missing",
}
