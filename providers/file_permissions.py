"""The check whether other users can access a file of password hashes."""

import os
from collections.abc import Sequence
from pathlib import Path
from shlex import quote

from config.permissions import is_readable_by_others, is_writable_by_others
from providers.interface import Check


def check_permissions(step: str, paths: Sequence[Path]) -> Check:
    """Return the finding about the permissions of the files. Raises OSError if a file does not exist."""
    statuses = [os.stat(path) for path in paths]
    remedy = f"Run: chmod 600 {' '.join(quote(str(path)) for path in paths)}, and run the service as the owner"
    if any(map(is_writable_by_others, statuses)):
        return Check(step, "failure", "other users can write the file and make themselves administrators", remedy)
    if any(map(is_readable_by_others, statuses)):
        return Check(step, "warning", "other users can read the password hashes and guess passwords offline", remedy)
    return Check(step, "ok", "only the owner, or the service's group, can read the file")
