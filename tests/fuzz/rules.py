"""Independent rules for what the service may accept, written without its code."""

import base64
import json
import math
import time
from collections.abc import Mapping
from typing import Any
from unicodedata import category, normalize
from urllib.parse import parse_qsl, unquote_plus

from tests.support.oauth import OTHER_SECRET, SECRET
from tests.support.users import SAMPLE_USERS

CLIENT_SECRETS: Mapping[str, str] = {"reports": SECRET, "other": OTHER_SECRET}
LATENESS_SECONDS = 10
_TEXT_CLAIMS = ("iss", "aud", "sub", "jti")


def is_right_password(username: str, login: str, password: str) -> bool:
    """Return whether a login may be accepted as this user: it names the user, and the password is theirs."""
    return any(
        user.username == username
        and _fold(login) in {_fold(user.username), _fold(user.email)}
        and normalize("NFC", password) == normalize("NFC", user.password)
        for user in SAMPLE_USERS
    )


def _fold(name: str) -> str:
    """Return the same text for all names that any store compares as equal: directories ignore some characters."""
    folded = normalize("NFKD", normalize("NFKD", name).casefold())
    return "".join(one for one in folded if category(one)[0] not in {"M", "Z", "C"})


def credentials_in_json(body: bytes) -> tuple[str, str]:
    """Return the login and the password in a body that was accepted. Raises an exception if it has none."""
    members = json.loads(body.decode("utf-8"), parse_constant=_fail)
    login, password = members["email"], members["password"]
    assert isinstance(login, str)
    assert isinstance(password, str)
    return login, password


def credentials_in_form(body: bytes) -> tuple[str, str]:
    """Return the login and the password in a form that was accepted. Raises an exception if it must not be."""
    pairs = parse_qsl(body.decode("utf-8"), keep_blank_values=True, strict_parsing=False, errors="strict")
    form = dict(pairs)
    assert len(form) == len(pairs)
    assert form["grant_type"] == "password"
    assert form["client_id"] == "phone" or CLIENT_SECRETS[form["client_id"]] in {
        form["client_secret"],
        unquote_plus(form["client_secret"]),
    }
    return form["username"], form["password"]


def is_right_basic(header: str) -> bool:
    """Return whether an `Authorization` header authenticates a client with a secret (RFC 6749 §2.3.1)."""
    scheme, _, encoded = header.strip().partition(" ")
    try:
        decoded = base64.b64decode(encoded.strip()).decode()
    except ValueError:
        return False
    name, _, secret = decoded.partition(":")
    expected = CLIENT_SECRETS.get(unquote_plus(name))
    return scheme.lower() == "basic" and expected is not None and expected in {secret, unquote_plus(secret)}


def may_accept_claims(header: bytes, claims: bytes, key_id: str) -> bool:
    """Return whether a token with this header and these claims, signed with the key of the service, may be valid."""
    try:
        parsed_header, parsed = json.loads(header), json.loads(claims)
    except (ValueError, RecursionError):
        return False
    if parsed_header != {"alg": "HS256", "typ": "at+jwt", "kid": key_id} or not isinstance(parsed, dict):
        return False
    names = (parsed.get("iss"), parsed.get("aud")) == ("latchkey", "latchkey")
    return names and _has_types(parsed) and _is_current(parsed)


def _has_types(claims: dict[str, Any]) -> bool:
    roles = claims.get("roles")
    texts = [claims.get(name) for name in _TEXT_CLAIMS]
    return isinstance(roles, list) and all(isinstance(text, str) and text for text in [*texts, *roles])


def _is_current(claims: dict[str, Any]) -> bool:
    now = time.time()
    issued, expires = (_number(claims.get(name)) for name in ("iat", "exp"))
    return issued <= now + LATENESS_SECONDS and expires > now - 1


def _number(value: object) -> float:
    """Return a finite number, otherwise NaN, which is neither late nor early."""
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return value
    return math.nan


def _fail(constant: str) -> None:
    raise ValueError(constant)
