"""Tokens signed by hand, with any header and any claims."""

import base64
import hmac
import json

from tests.support.stores import SECRET_KEY

KEY = SECRET_KEY.encode()


def segment(content: object) -> str:
    """Return one of the three parts of a token: bytes are encoded as they are, anything else as JSON."""
    octets = content if isinstance(content, bytes) else json.dumps(content).encode()
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def sign(header: object, claims: object, key: bytes = KEY, digest: str = "sha256") -> str:
    """Return a token with this header and these claims, signed with HMAC."""
    signed = f"{segment(header)}.{segment(claims)}"
    return f"{signed}.{segment(hmac.digest(key, signed.encode(), digest))}"
