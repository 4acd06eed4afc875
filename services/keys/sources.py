"""The sources of the key ring: SECRET_KEY, or a key directory that is reloaded when it changes."""

from config.errors import ConfigurationError, Problem, collect_errors
from config.keys import KeySettings
from config.reloading import ReloadingFile
from config.settings import Settings
from services.keys.directory import KeyDirectory, UnusableKeyDirectory
from services.keys.ring import Key, KeyRing, KeySource, secret_key

CHECK_INTERVAL_SECONDS = 1.0
"""The minimum time between two checks of the directory for changes."""


class ReloadingKeyDirectory:
    """The key ring of a key directory, reloaded when the directory changes. Thread-safe."""

    def __init__(self, directory: KeyDirectory, *fallbacks: Key) -> None:
        """`fallbacks` only verify. Raises UnusableKeyDirectory if the directory cannot be used now."""
        self._directory = directory
        self._fallbacks = fallbacks
        self._ring = ReloadingFile("SIGNING_KEYS_DIR", directory.files, self._read, CHECK_INTERVAL_SECONDS)

    def ring(self, *, newest: bool = False) -> KeyRing:
        """Return the key ring, see `KeySource`. If the directory becomes unusable, the last valid ring stays in use."""
        return self._ring.current(newest=newest)

    def _read(self) -> KeyRing:
        keys = self._directory.read()
        current = next((stored.key for stored in keys if stored.state == "current"), None)
        if current is None:
            raise UnusableKeyDirectory("contains no key", "Run: flask keys generate")
        return KeyRing(current, *self._fallbacks, *(stored.key for stored in keys))


def open_keys(settings: Settings) -> KeySource:
    """Return the keys in SIGNING_KEYS_DIR; if this is not set, SECRET_KEY. Raises ConfigurationError.

    If SIGNING_KEYS_DIR is set, SECRET_KEY only verifies. SECRET_KEY_FALLBACKS only verify in both cases.
    """
    secrets, directory = collect_errors(lambda: settings.keys, lambda: settings.signing_keys.keys_dir)
    keys = [secret_key(secret) for secret in (secrets.key, *secrets.key_fallbacks) if secret]
    if directory:
        return ReloadingKeyDirectory(KeyDirectory(directory), *keys)
    if not secrets.key:
        raise ConfigurationError([Problem("SECRET_KEY", "is not set", KeySettings.remedy("key"))])
    return KeyRing(*keys)
