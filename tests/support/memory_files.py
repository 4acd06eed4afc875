"""The folder of temporary files: in memory, because SQLite and PostgreSQL wait for the disk."""

import os
import tempfile
from pathlib import Path

_MEMORY = Path("/dev/shm")  # noqa: S108 - what creates files in it uses folders that only its user may enter
_REQUIRED_BYTES = 8 * 2**30


def keep_temporary_files_in_memory() -> None:
    """Let this process and those that it starts create temporary files in memory.

    Only if there is enough space, if programs can be executed there, and if no other folder is set in `TMPDIR`.
    """
    if "TMPDIR" not in os.environ and has_space(_MEMORY):
        os.environ["TMPDIR"] = tempfile.tempdir = str(_MEMORY)


def has_space(folder: Path) -> bool:
    """Return whether the folder exists, has space for the files of a run, and permits to execute them."""
    try:
        system = os.statvfs(folder)
    except OSError:
        return False
    return system.f_bavail * system.f_frsize >= _REQUIRED_BYTES and not system.f_flag & os.ST_NOEXEC
