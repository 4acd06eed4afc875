"""The key ring: which key signs, and which key a token's `kid` stands for."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from pydantic import SecretStr

KEY_SET_MAX_AGE = 300  # seconds for which others may keep the key set


@dataclass(frozen=True)
class Key:
    """A key with the one algorithm that it may be used with (RFC 8725 §3.1)."""

    id: str
    algorithm: str
    signing: Any = field(repr=False)
    verifying: Any = field(repr=False)
    jwk: Mapping[str, str] | None = field(default=None, repr=False)
    """What others need to verify with it (RFC 7517); `None` for a secret, with which they could sign."""


class KeySource(Protocol):
    """Where the keys come from. Thread-safe."""

    def ring(self, *, newest: bool = False) -> "KeyRing":
        """Return the keys: the same object for as long as they are the same.

        They may be a second old, unless the `newest` are asked for.
        """
        ...


class KeyRing:
    """The keys of one issuer at one time. It never changes, so threads can share it."""

    def __init__(self, current: Key, *others: Key) -> None:
        """`current` signs; `others` only verify."""
        self.current = current
        self._by_id = {key.id: key for key in (*others, current)}

    def ring(self, *, newest: bool = False) -> "KeyRing":
        """Return itself: it is a source of keys that never change."""
        return self

    def find(self, key_id: object) -> Key | None:
        """Return the key of this `kid`, `None` if it is not ours. A `kid` only ever looks up (RFC 8725 §3.10)."""
        return self._by_id.get(key_id) if isinstance(key_id, str) else None

    def key_set(self) -> dict[str, list[dict[str, str]]]:
        """Return the JWK Set that others may see (RFC 7517 §5): public keys, and never a secret."""
        return {"keys": [dict(key.jwk) for key in self._by_id.values() if key.jwk]}


def secret_key(secret: SecretStr) -> Key:
    """Return the key that a shared secret is, used with HS256."""
    octets = secret.get_secret_value().encode()
    # The same secret has the same id in every worker and replica; the hash does not lead back to it.
    key_id = hashlib.sha256(b"latchkey key id\0" + octets).hexdigest()[:16]
    return Key(key_id, "HS256", signing=octets, verifying=octets)
