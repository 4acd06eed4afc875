"""Files that are to be nobody else's to read."""

import os
import stat


def is_readable_by_others(status: os.stat_result) -> bool:
    """Say whether others can read the file, or whoever owns it is none of ours."""
    us = os.geteuid()
    # Platforms mount a secret as root's and let the service's group read it; any other file is its owner's alone.
    lent = status.st_uid == 0 and (us != 0 or status.st_gid != 0)
    loose = 0o027 if lent else 0o077
    a_strangers = us != 0 and status.st_uid not in {0, us}
    return a_strangers or bool(stat.S_IMODE(status.st_mode) & loose)


def is_writable_by_others(status: os.stat_result) -> bool:
    """Say whether somebody else can change the file, or what is in the folder."""
    us = os.geteuid()
    a_strangers = us != 0 and status.st_uid not in {0, us}
    return a_strangers or bool(stat.S_IMODE(status.st_mode) & 0o022)
