"""A budget of CPU time for a process and those that it starts, which the kernel enforces: a cgroup with a quota.

The period is 20 ms, so that an interrupted request continues soon: with the usual 100 ms, the database and the clients
would see bursts. With a budget of 0.15 cores, a password hash of 16 ms needs six periods. Its caches are colder in each
of them, and those of all requests, so that the CPU time is higher than without a budget. Only ratios count.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

PERIOD = 20_000  # microseconds
_VERSION_1 = Path("/sys/fs/cgroup/cpu/cpu.cfs_quota_us")
_VERSION_2 = Path("/sys/fs/cgroup/cgroup.subtree_control")


def can_enforce_budgets() -> bool:
    """Return whether this process may create a cgroup with a quota. Usually only root may, outside of containers."""
    if os.access(_VERSION_1, os.W_OK):
        return True
    return os.access(_VERSION_2, os.W_OK) and "cpu" in _VERSION_2.read_text().split()


@contextmanager
def cpu_budget(cores: float, core: int) -> Iterator[list[str]]:
    """Create a cgroup with a budget of so many cores, less than 1; yield the beginning of a command.

    The process of the command has the budget, and runs on this core. It must have ended when the context ends.
    """
    parent = (_VERSION_1 if _VERSION_1.exists() else _VERSION_2).parent
    cgroup = Path(mkdtemp(prefix="latchkey-bench-", dir=parent))
    try:
        _limit(cgroup, int(cores * PERIOD))
        yield ["/bin/sh", "-c", 'echo $$ > "$0" && exec "$@"', str(cgroup / "cgroup.procs"), *on_core(core)]
    finally:
        cgroup.rmdir()


def on_core(core: int) -> list[str]:
    """Return the beginning of a command whose process runs on this core."""
    return ["taskset", "--cpu-list", str(core)]


def _limit(cgroup: Path, quota: int) -> None:
    if _VERSION_1.exists():
        (cgroup / "cpu.cfs_period_us").write_text(str(PERIOD))
        (cgroup / "cpu.cfs_quota_us").write_text(str(quota))
    else:
        (cgroup / "cpu.max").write_text(f"{quota} {PERIOD}")
