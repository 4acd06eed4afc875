"""Where the keys come from: SECRET_KEY, or a folder that is looked at again and again."""

from time import monotonic

from config.errors import ConfigurationError, Problem, collect_errors
from config.keys import KeySettings
from config.reloading import ReloadingFile
from config.settings import Settings
from services.keys.directory import KeyDirectory, UnusableKeyDirectory
from services.keys.ring import Key, KeyRing, KeySource, secret_key

REREAD = 1.0  # seconds after which the folder is looked at again


class ReloadingKeyDirectory:
    """The keys of a folder, as it is now. Thread-safe."""

    def __init__(self, folder: KeyDirectory, *fallbacks: Key) -> None:
        """`fallbacks` only verify. Raises UnusableFolder if the folder cannot be used now."""
        self._folder = folder
        self._fallbacks = fallbacks
        self._keys = ReloadingFile("SIGNING_KEYS_DIR", folder.files, self._read)
        self._looked = monotonic()
        self._ring = self._keys.current()

    def ring(self, *, newest: bool = False) -> KeyRing:
        """Return the keys as `KeySource` has it. A folder that cannot be used any more is as it last was."""
        if newest or monotonic() - self._looked > REREAD:
            self._looked = monotonic()
            ring = self._ring = self._keys.current()
            return ring
        return self._ring

    def _read(self) -> KeyRing:
        stored = self._folder.read()
        current = next((one.key for one in stored if one.state == "current"), None)
        if current is None:
            raise UnusableKeyDirectory("has no key", "Run: flask keys generate")
        return KeyRing(current, *self._fallbacks, *(one.key for one in stored))


def open_keys(settings: Settings) -> KeySource:
    """Return the keys in SIGNING_KEYS_DIR, else SECRET_KEY. Raises ConfigurationError if neither can be used.

    With a directory, SECRET_KEY only verifies, as SECRET_KEY_FALLBACKS always do.
    """
    secrets, directory = collect_errors(lambda: settings.keys, lambda: settings.signing_keys.keys_dir)
    keys = [secret_key(secret) for secret in (secrets.key, *secrets.key_fallbacks) if secret]
    if directory:
        return ReloadingKeyDirectory(KeyDirectory(directory), *keys)
    if not secrets.key:
        raise ConfigurationError([Problem("SECRET_KEY", "is not set", KeySettings.remedy("key"))])
    return KeyRing(*keys)
