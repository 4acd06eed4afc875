"""The sources of the key ring: SECRET_KEY, or a key directory."""

from config.errors import ConfigurationError, Problem, collect_errors
from config.keys import KeySettings
from config.settings import Settings
from services.keys.ring import KeyRing, KeySource, secret_key


def open_keys(settings: Settings) -> KeySource:
    """Return the keys in SIGNING_KEYS_DIR; if this is not set, SECRET_KEY. Raises ConfigurationError.

    If SIGNING_KEYS_DIR is set, SECRET_KEY only verifies. SECRET_KEY_FALLBACKS only verify in both cases.
    """
    secrets, directory, files = collect_errors(
        lambda: settings.keys, lambda: settings.signing_keys.keys_dir, lambda: settings.files
    )
    keys = [secret_key(secret) for secret in (secrets.key, *secrets.key_fallbacks) if secret]
    if directory:
        from services.keys.directory import KeyDirectory
        from services.keys.reloading_directory import ReloadingKeyDirectory

        return ReloadingKeyDirectory(KeyDirectory(directory, files.insecure_permissions), *keys)
    if not secrets.key:
        raise ConfigurationError([Problem("SECRET_KEY", "is not set", KeySettings.remedy("key"))])
    return KeyRing(*keys)
