"""The key ring: which key signs, and which key a token's `kid` stands for."""

import hashlib
from dataclasses import dataclass, field

from config.settings import KeySettings


@dataclass(frozen=True)
class Key:
    """A key with the one algorithm that it may be used with (RFC 8725 §3.1)."""

    id: str
    algorithm: str
    signing: bytes = field(repr=False)
    verifying: bytes = field(repr=False)


class KeyRing:
    """The keys of one issuer. It never changes, so threads can share it."""

    def __init__(self, current: Key, *others: Key) -> None:
        """`current` signs; `others` only verify what they signed before."""
        self.current = current
        self._by_id = {key.id: key for key in (*others, current)}

    def find(self, key_id: object) -> Key | None:
        """Return the key of this `kid`, `None` if it is not ours. A `kid` only ever looks up (RFC 8725 §3.10)."""
        return self._by_id.get(key_id) if isinstance(key_id, str) else None


def open_key_ring(settings: KeySettings) -> KeyRing:
    """Build the ring from SECRET_KEY, used with HS256."""
    secret = settings.key.get_secret_value().encode()
    # The same secret has the same id in every worker and replica; the hash does not lead back to it.
    key_id = hashlib.sha256(b"latchkey key id\0" + secret).hexdigest()[:16]
    return KeyRing(Key(key_id, "HS256", signing=secret, verifying=secret))
