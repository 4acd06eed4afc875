"""The claims of an access token, and their types (RFC 7519 §4.1, RFC 9068 §2.2)."""

from collections.abc import Callable, Mapping
from typing import Any

Claims = dict[str, Any]
END_OF_TIME = 10**12  # seconds: the year 33658


def _text(value: object) -> bool:
    return isinstance(value, str) and value != ""


def _text_or_none(value: object) -> bool:
    return value is None or _text(value)


def _texts(value: object) -> bool:
    return isinstance(value, list) and all(_text(item) for item in value)


def _numeric_date(value: object) -> bool:
    # A JSON number (RFC 7519 §2): PyJWT's int() would let `true` and "1999999999" through. The bounds
    # keep out what no clock shows, NaN and infinity too.
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < END_OF_TIME


REQUIRED: Mapping[str, Callable[[object], bool]] = {
    "iss": _text,
    "aud": _text,
    "sub": _text,
    "exp": _numeric_date,
    "iat": _numeric_date,
    "jti": _text,
    "roles": _texts,
}
OPTIONAL: Mapping[str, Callable[[object], bool]] = {
    "username": _text,
    "email": _text_or_none,
    "idp": _text,
    "client_id": _text,
    "sid": _text,
}


def faulty_claim(claims: Claims) -> str | None:
    """Return the name of a claim that is missing or has the wrong type, `None` if all are right."""
    for name, is_right in REQUIRED.items():
        if name not in claims or not is_right(claims[name]):
            return name
    for name, is_right in OPTIONAL.items():
        if name in claims and not is_right(claims[name]):
            return name
    return None
