"""Signing of access tokens with PyJWT, which checks each secret once: otherwise half of the time is this check."""

from calendar import timegm
from datetime import datetime
from json import JSONEncoder

from jwt import PyJWS

from services.keys.ring import Key
from services.tokens.checked_secret import HMACOfCheckedSecrets, checked_secret
from services.tokens.claims import Claims


def _signer() -> PyJWS:
    signer = PyJWS()
    signer.unregister_algorithm("HS256")
    signer.register_algorithm("HS256", HMACOfCheckedSecrets(HMACOfCheckedSecrets.SHA256))
    return signer


_jws = _signer()


def sign(claims: Claims, key: Key, token_type: str) -> str:
    """Return a token with these claims.

    A claim that is a `datetime` becomes a NumericDate (RFC 7519 §2). Raises TypeError for a value that JSON does not
    have, and InvalidKeyError for a public key in place of a secret.
    """
    secret = key.signing if key.jwk else checked_secret(key.signing).key
    return _jws.encode(_to_json(claims).encode(), secret, key.algorithm, headers={"typ": token_type, "kid": key.id})


def _numeric_date(value: object) -> int:
    if isinstance(value, datetime):
        return timegm(value.utctimetuple())
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


_to_json = JSONEncoder(separators=(",", ":"), default=_numeric_date).encode
