"""The key ring: the key that signs, and the keys that verify by their `kid`."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from pydantic import SecretStr

from config.http_error import Unavailable

KEY_SET_MAX_AGE = 300
"""For how many seconds clients may cache the key set."""


class KeysUnavailable(Unavailable):
    """No key signs, or it is not known which keys are valid. The text is the reason, for the log."""

    error_code = "keys_unavailable"
    message = "Signing keys unavailable"


@dataclass(frozen=True)
class Key:
    """A key and the one algorithm that it may be used with (RFC 8725 §3.1)."""

    id: str
    algorithm: str
    signing: Any = field(repr=False)
    verifying: Any = field(repr=False)
    jwk: Mapping[str, str] | None = field(default=None, repr=False)
    """The public key (RFC 7517); `None` for a shared secret, which can also sign."""


class KeySource(Protocol):
    """A source of key rings. Thread-safe."""

    def ring(self, *, newest: bool = False) -> "KeyRing":
        """Return the key ring: the same object until the keys change.

        The ring may be a second old. With `newest=True`, it is read again if the keys have changed. Raises
        KeysUnavailable.
        """
        ...

    def signing_since(self) -> datetime | None:
        """Return when the current key began to sign; `None` if that is not known, or if no key signs."""
        ...


class KeyRing:
    """The keys of one issuer at one time. Immutable, so thread-safe."""

    def __init__(self, current: Key | None, *others: Key) -> None:
        """`current` signs, and `None` means that no key signs; `others` only verify."""
        self._current = current
        self._by_id = {key.id: key for key in (*others, current) if key}

    @property
    def current(self) -> Key:
        """The key that signs. Raises KeysUnavailable if there is none."""
        if self._current is None:
            raise KeysUnavailable(
                "SIGNING_KEYS_DIR has no current key, so no token can be signed. Run: flask keys list"
            )
        return self._current

    def ring(self, *, newest: bool = False) -> "KeyRing":
        """Return this ring: a `KeySource` whose keys never change."""
        return self

    def signing_since(self) -> None:
        """Return `None`: a secret key has no date."""

    def find(self, key_id: object) -> Key | None:
        """Return the key with this `kid`; `None` if there is no such key.

        A `kid` is only compared with the ids of keys, and not used in a path, a URL or a query (RFC 8725 §3.10).
        """
        return self._by_id.get(key_id) if isinstance(key_id, str) else None

    def key_set(self) -> dict[str, list[dict[str, str]]]:
        """Return the public keys as a JWK Set (RFC 7517 §5). It never contains a shared secret."""
        return {"keys": [dict(key.jwk) for key in self._by_id.values() if key.jwk]}


def secret_key(secret: SecretStr) -> Key:
    """Return the HS256 key of a shared secret."""
    content = secret.get_secret_value().encode()
    # The same secret has the same id in every worker and replica. The secret cannot be derived from the id.
    key_id = hashlib.sha256(b"latchkey key id\0" + content).hexdigest()[:16]
    return Key(key_id, "HS256", signing=content, verifying=content)
