"""The file of an SQLite database, before it is opened: SQLite gives one error for most faults."""

import os
import re
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from config.environment import CHECKOUT
from config.system_accounts import account_name
from database.error_translation import FREE_SPACE, GRANT_FILE, MIGRATE_NEW_FILE
from database.errors import DatabaseUnavailable, UnusableDatabaseFile

_OCTAL = re.compile(r"\\([0-7]{3})")  # how /proc/self/mountinfo writes spaces in paths
_SHARED_BYTES = 32 * 1024  # the file that ends with `-shm`

# Their locks and their shared memory do not work between hosts, and some not between the processes of one host.
_NETWORK_FILE_SYSTEMS = frozenset(
    [
        "9p",
        "afs",
        "beegfs",
        "ceph",
        "cifs",
        "coda",
        "glusterfs",
        "gpfs",
        "lustre",
        "ncpfs",
        "nfs",
        "nfs4",
        "smb3",
        "smbfs",
    ]
)
_LOCAL_FUSE = frozenset({"fuse.fuse-overlayfs", "fuse.lxcfs", "fuse.ntfs-3g"})


def absolute_path(path: str) -> Path:
    """Return the path of the SQLite file in a URL. A relative one begins at the checkout, in any folder."""
    return Path(os.path.abspath(CHECKOUT / path))


def require_usable_file(path: Path, may_create: bool) -> None:
    """Raise UnusableDatabaseFile with the fault of the file, its absolute path and a remedy.

    A missing file raises DatabaseUnavailable, unless it may be created. The file is not opened: closing it would end
    all locks of this process on it (POSIX fcntl), and so corrupt the database.
    """
    try:
        _require_usable(path, may_create)
    except OSError as error:
        user = account_name(os.geteuid())
        raise UnusableDatabaseFile(f"the user {user} cannot open {path}: {error.strerror}", GRANT_FILE) from None
    if kind := network_file_system(path, _mount_table()):
        raise UnusableDatabaseFile(
            f"{path} is on a network file system ({kind}), where SQLite loses data", "Use a local disk, or PostgreSQL"
        )


def foreign_file(path: Path) -> UnusableDatabaseFile:
    """Return the error about a file that is not an SQLite database."""
    return UnusableDatabaseFile(f"{path} is not an SQLite database", "Name the file of an SQLite database")


def full_disk(path: Path) -> DatabaseUnavailable | None:
    """Return the error about a file whose disk has no space for what SQLite shares between processes; None if it has.

    Then SQLite cannot even read, and its own error does not name the cause.
    """
    disk = os.statvfs(path)
    if disk.f_bavail * disk.f_frsize >= _SHARED_BYTES:
        return None
    return DatabaseUnavailable(f"the disk of {path} is full", FREE_SPACE)


def _require_usable(path: Path, may_create: bool) -> None:
    folder = path.parent
    if not folder.is_dir():
        raise UnusableDatabaseFile(f"the folder {folder} does not exist", "Create it, or correct DATABASE_URL")
    if path.is_dir():
        raise UnusableDatabaseFile(f"{path} is a folder", "Name a file in DATABASE_URL")
    if not path.exists():
        if not may_create:
            raise DatabaseUnavailable(f"{path} does not exist", MIGRATE_NEW_FILE)
        _require_access(folder, os.W_OK | os.X_OK, "write to the folder")
    else:
        _require_access(path, os.R_OK | os.W_OK, "read and write the file")


@lru_cache(8)  # every new connection of a pool asks again, and the mounts rarely change
def network_file_system(path: Path, mount_table: str) -> str | None:
    """Return the type of the network file system that has the path; `None` if it is a local one.

    `mount_table` is the text of /proc/self/mountinfo. The path must be absolute.
    """
    mounted = {}  # a later mount hides an earlier one at the same place
    for line in mount_table.splitlines():
        before, _, after = line.partition(" - ")
        mounted[Path(_OCTAL.sub(lambda code: chr(int(code[1], 8)), before.split(" ")[4]))] = after.split(" ")[0]
    kind = next((mounted[place] for place in (path, *path.parents) if place in mounted), "")
    is_network = kind in _NETWORK_FILE_SYSTEMS or (kind.startswith("fuse.") and kind not in _LOCAL_FUSE)
    return kind if is_network else None


def _require_access(path: Path, mode: int, action: str) -> None:
    if not os.access(path, mode, effective_ids=True):
        if os.statvfs(path).f_flag & os.ST_RDONLY:
            remedy = "Mount it so that it can be written, or name a file on another one in DATABASE_URL"
            raise UnusableDatabaseFile(f"{path} is on a read-only file system", remedy)
        user, owner = account_name(os.geteuid()), account_name(path.stat().st_uid)
        raise UnusableDatabaseFile(
            f"the user {user} may not {action} {path}, which belongs to {owner}",
            GRANT_FILE,
        )


def _mount_table() -> str:
    with suppress(OSError):  # another system than Linux
        return Path("/proc/self/mountinfo").read_text("utf-8", "surrogateescape")
    return ""
