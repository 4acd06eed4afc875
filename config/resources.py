"""The cores and the memory that this process may use: those of the machine, or fewer in a container or a unit."""

import math
import os
from collections.abc import Iterator
from pathlib import Path

_CGROUPS = Path("/sys/fs/cgroup")
_OWN_CGROUP = Path("/proc/self/cgroup")
_UNLIMITED = ("max", "-1")
"""What the files of cgroup v2, and those of v1 for the CPU time, contain without a limit."""


def available_cores(cgroups: Path = _CGROUPS, own: Path = _OWN_CGROUP) -> int:
    """Return the number of cores, at least 1: those of its affinity, or the CPU time of its cgroup, rounded up.

    Only Linux has both.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    version_2 = (text.split() for text in _read_each("cpu.max", "", cgroups, own))
    version_1 = zip(
        _read_each("cpu.cfs_quota_us", "cpu", cgroups, own),
        _read_each("cpu.cfs_period_us", "cpu", cgroups, own),
        strict=False,
    )
    limits = [int(quota) / int(period) for quota, period in (*version_2, *version_1) if quota not in _UNLIMITED]
    return max(1, min([cores, *map(math.ceil, limits)]))


def available_memory(cgroups: Path = _CGROUPS, own: Path = _OWN_CGROUP) -> int:
    """Return the octets of memory: those of the machine, or the limit of its cgroup."""
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    version_2 = _read_each("memory.max", "", cgroups, own)
    version_1 = _read_each("memory.limit_in_bytes", "memory", cgroups, own)  # a very large number without a limit
    return min([total, *(int(limit) for limit in (*version_2, *version_1) if limit not in _UNLIMITED)])


def _read_each(name: str, controller: str, cgroups: Path, own: Path) -> Iterator[str]:
    """Yield the texts of the files of this name: that of the cgroup of this process, and those above it.

    `controller` is that of cgroup v1, whose tree is a folder of its own; it is empty for cgroup v2.
    """
    root = cgroups / controller
    lines = (line.split(":", 2) for line in own.read_text().splitlines()) if own.exists() else ()
    path = next((path for _, controllers, path in lines if controller in controllers.split(",")), "/")
    folder = root / path.removeprefix("/")  # does not exist in a container whose own cgroup is the root
    files = (parent / name for parent in (folder, *folder.parents) if parent.is_relative_to(root))
    yield from (file.read_text().strip() for file in files if file.exists())
