"""The files on whose permissions the security of the service depends, and the refusal to start if they are exposed."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from shlex import quote
from typing import NamedTuple

from config.errors import ConfigurationError, Problem
from config.permissions import is_readable_by_others, is_writable_by_others
from config.section import secret_file_variables
from config.settings import Settings
from config.system_accounts import account_name

_FILES_OF_PROVIDERS = {
    "static": (("STATIC_USERS_FILE", "password hashes"),),
    "ldap": (
        ("LDAP_KEY_FILE", "a private key"),
        ("LDAP_CERT_FILE", None),
        ("LDAP_CA_FILE", None),
        ("LDAP_ROLE_RULES_FILE", None),
    ),
}


class SensitiveFile(NamedTuple):
    """A file or directory that other users must not write, and possibly not read."""

    subject: str
    """The variable that names it, or its own name."""
    path: Path
    secrets: str | None
    """What other users must not read in it, such as "password hashes"; `None` if they may read it."""


def require_private_files(settings: Settings) -> None:
    """Raise ConfigurationError with each exposed file, unless FILES_INSECURE_PERMISSIONS is set."""
    if not settings.files.insecure_permissions and (problems := [*exposed_files(settings)]):
        raise ConfigurationError(problems)


def exposed_files(settings: Settings) -> Iterator[Problem]:
    """Yield a problem for each file that other users can write, or read although it has secrets.

    A file that does not exist is not exposed. Raises ConfigurationError if a section of the settings is invalid.
    """
    for file in _sensitive_files(settings):
        try:
            found = _exposure(file)
        except OSError:  # the code that reads the file reports it
            continue
        if found:
            remedy = (
                f"Run: chmod go= {quote(str(file.path))}, as the user of the service. "
                "In a container, mount it with the mode 0400, or set FILES_INSECURE_PERMISSIONS=true"
            )
            yield Problem(file.subject, found, remedy)


def _exposure(file: SensitiveFile) -> str | None:
    status = os.stat(file.path)
    # Kubernetes mounts a directory of secrets with the mode 1777, and read-only.
    is_read_only = os.statvfs(file.path).f_flag & os.ST_RDONLY
    if is_writable_by_others(status) and not is_read_only:
        return f"belongs to another user, or can be written by other users ({_describe(status)})"
    if file.secrets and is_readable_by_others(status):
        return f"has {file.secrets}, and can be read by other users ({_describe(status)})"
    return None


def _sensitive_files(settings: Settings) -> Iterator[SensitiveFile]:
    if settings.development_file:
        yield SensitiveFile(settings.development_file.name, settings.development_file, "secrets")
    for variable in secret_file_variables():
        yield from _named_file(settings, variable, "secrets")
    for provider in settings.providers.provider:
        for variable, secrets in _FILES_OF_PROVIDERS.get(provider, ()):
            yield from _named_file(settings, variable, secrets)
    if settings.signing_keys.keys_dir:
        yield from _key_files(settings.signing_keys.keys_dir, settings.files.insecure_permissions)
    if settings.has_database:
        from database.engine import open_engine
        from database.server_info import sqlite_files

        for file in sqlite_files(open_engine(settings.database)):
            yield SensitiveFile(f"DATABASE_URL, {file.name}", file, "password hashes and sessions")


def _named_file(settings: Settings, variable: str, secrets: str | None) -> Iterator[SensitiveFile]:
    if path := settings.environ.get(variable, "").strip():
        yield SensitiveFile(variable, Path(path), secrets)


def _key_files(keys_dir: Path, insecure_permissions: bool) -> Iterator[SensitiveFile]:
    yield SensitiveFile("SIGNING_KEYS_DIR", keys_dir, None)
    if insecure_permissions:  # otherwise the key directory refuses the keys itself, also while the service runs
        for file in sorted(keys_dir.glob("*.pem")):
            yield SensitiveFile(f"SIGNING_KEYS_DIR, {file.name}", file, "a private key")


def _describe(status: os.stat_result) -> str:
    """Return the owner and the mode of a file, such as `owner zoe, mode 0644`."""
    return f"owner {account_name(status.st_uid)}, mode {stat.S_IMODE(status.st_mode):04o}"
