"""Signing of access tokens, with the algorithms of PyJWT.

Its `encode` checks the secret and encodes the same header for each token, which takes most of its time.
"""

from base64 import urlsafe_b64encode
from calendar import timegm
from datetime import datetime
from functools import lru_cache
from json import JSONEncoder

import jwt

from services.keys.ring import Key
from services.tokens.checked_secret import checked_secret
from services.tokens.claims import Claims

MAX_CACHED_HEADERS = 16


def sign(claims: Claims, key: Key, token_type: str) -> str:
    """Return a token with these claims: JWS Compact Serialization (RFC 7515 §7.1).

    A claim that is a `datetime` becomes a NumericDate. Raises TypeError for a value that JSON does not have, and
    InvalidKeyError for a public key in place of a secret.
    """
    signed = f"{_header(key.algorithm, key.id, token_type)}.{_base64url(_to_json(claims).encode())}"
    secret = key.signing if key.jwk else checked_secret(key.signing).key
    signature = jwt.get_algorithm_by_name(key.algorithm).sign(signed.encode(), secret)
    return f"{signed}.{_base64url(signature)}"


@lru_cache(MAX_CACHED_HEADERS)
def _header(algorithm: str, key_id: str, token_type: str) -> str:
    return _base64url(_to_json({"alg": algorithm, "kid": key_id, "typ": token_type}).encode())


def _numeric_date(value: object) -> int:
    if isinstance(value, datetime):
        return timegm(value.utctimetuple())
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


_to_json = JSONEncoder(separators=(",", ":"), default=_numeric_date).encode


def _base64url(content: bytes) -> str:
    return urlsafe_b64encode(content).rstrip(b"=").decode()
