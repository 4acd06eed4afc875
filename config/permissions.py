"""Permissions of files with secrets, and of the directories that contain them."""

import os
import stat


def is_readable_by_others(status: os.stat_result) -> bool:
    """Return whether a user other than root and this process's user owns the file or can read it.

    If root owns the file, its group may read it, unless the process is root and the group is root's. If the process
    is root, every owner is accepted.
    """
    user = os.geteuid()
    # Container platforms mount a secret as a file that root owns and the service's group can read.
    group_may_read = status.st_uid == 0 and (user != 0 or status.st_gid != 0)
    forbidden_bits = 0o027 if group_may_read else 0o077
    return _belongs_to_another(status, user) or bool(stat.S_IMODE(status.st_mode) & forbidden_bits)


def is_writable_by_others(status: os.stat_result) -> bool:
    """Return whether a user other than root and this process's user owns the file or directory or can write to it.

    If the process is root, every owner is accepted.
    """
    return _belongs_to_another(status, os.geteuid()) or bool(stat.S_IMODE(status.st_mode) & 0o022)


def _belongs_to_another(status: os.stat_result, user: int) -> bool:
    return user != 0 and status.st_uid not in {0, user}
