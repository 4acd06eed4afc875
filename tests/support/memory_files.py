"""The folder of pytest's temporary files: in memory, because SQLite waits for the disk at each commit."""

import os
from collections.abc import MutableMapping
from pathlib import Path

_MEMORY = Path("/dev/shm")  # noqa: S108 - pytest creates a folder in it that only its user may enter
_REQUIRED_BYTES = 4 * 2**30
_PYTEST_VARIABLE = "PYTEST_DEBUG_TEMPROOT"


def keep_temporary_files_in_memory(environ: MutableMapping[str, str]) -> None:
    """Let pytest create its folder in memory, if there is enough space, and if programs can be executed there."""
    if has_space(_MEMORY):
        environ.setdefault(_PYTEST_VARIABLE, str(_MEMORY))


def has_space(folder: Path) -> bool:
    """Return whether the folder exists, has space for the files of a run, and permits to execute them."""
    try:
        system = os.statvfs(folder)
    except OSError:
        return False
    return system.f_bavail * system.f_frsize >= _REQUIRED_BYTES and not system.f_flag & os.ST_NOEXEC
