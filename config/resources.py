"""The cores and the memory that this process may use: those of the machine, or fewer in a container or a unit."""

import math
import os
from collections.abc import Iterator
from pathlib import Path

_CGROUPS = Path("/sys/fs/cgroup")
_OWN_CGROUP = Path("/proc/self/cgroup")
_UNLIMITED = "max"


def available_cores(cgroups: Path = _CGROUPS, own: Path = _OWN_CGROUP) -> int:
    """Return the number of cores, at least 1: those of its affinity, or the CPU time of its cgroup, rounded up.

    Only Linux has both. Limits of cgroup v1 are not read.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quotas = (text.split() for text in _limits("cpu.max", cgroups, own))
    return max(1, min([cores, *(math.ceil(int(quota) / int(period)) for quota, period in quotas)]))


def available_memory(cgroups: Path = _CGROUPS, own: Path = _OWN_CGROUP) -> int:
    """Return the octets of memory: those of the machine, or the limit of its cgroup."""
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return min([total, *map(int, _limits("memory.max", cgroups, own))])


def _limits(name: str, cgroups: Path, own: Path) -> Iterator[str]:
    """Yield the limits in the files of this name: that of the cgroup of this process, and those above it."""
    lines = own.read_text().splitlines() if own.exists() else []
    path = next((line.removeprefix("0::/") for line in lines if line.startswith("0::/")), "")
    folder = cgroups / path
    for cgroup in (folder, *folder.parents):
        file = cgroup / name
        if file.exists() and not (text := file.read_text().strip()).startswith(_UNLIMITED):
            yield text
        if cgroup == cgroups:
            return
