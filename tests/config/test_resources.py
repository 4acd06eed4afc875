"""The cores and the memory of a process are limited by its cgroup and by those above it."""

import os
from pathlib import Path

import pytest

from config.resources import available_cores, available_memory

CORES = len(os.sched_getaffinity(0))
MEMORY = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
UNLIMITED_MEMORY = "9223372036854771712"
"""Of cgroup v1."""


def cgroups(tmp_path: Path, own: str, files: dict[str, str]) -> tuple[Path, Path]:
    """Return a tree of cgroups with these files, and the file that names the own cgroup."""
    for path, limit in files.items():
        file = tmp_path / "cgroup" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{limit}\n")
    (tmp_path / "own").write_text(own)
    return tmp_path / "cgroup", tmp_path / "own"


def version_1(group: str, quota: str, period: str = "100000") -> dict[str, str]:
    """Return the files with the CPU time of a cgroup v1, below the folder of its controller."""
    return {f"cpu/{group}cpu.cfs_quota_us": quota, f"cpu/{group}cpu.cfs_period_us": period}


@pytest.mark.parametrize(
    ("own", "limits", "cores"),
    [
        ("/", {}, CORES),
        ("/", {"cpu.max": "max 100000"}, CORES),
        ("/", {"cpu.max": "50000 100000"}, 1),
        ("/", {"cpu.max": "100001 100000"}, min(2, CORES)),
        ("/", {"cpu.max": "9900000 100000"}, CORES),
        ("/system/unit", {"system/unit/cpu.max": "max 100000", "system/cpu.max": "100000 100000"}, 1),
        ("/system/unit", {"other/cpu.max": "100000 100000"}, CORES),
    ],
)
def test_cores_are_limited_by_the_cpu_time(tmp_path: Path, own: str, limits: dict[str, str], cores: int) -> None:
    assert available_cores(*cgroups(tmp_path, f"0::{own}\n", limits)) == cores


@pytest.mark.parametrize(
    ("limits", "cores"),
    [
        (version_1("", "-1"), CORES),
        (version_1("", "-1") | version_1("docker/1/", "-1"), CORES),
        (version_1("", "-1") | version_1("docker/1/", "50000"), 1),
        (version_1("", "-1") | version_1("docker/1/", "100001"), min(2, CORES)),
        (version_1("docker/", "100000") | version_1("docker/1/", "-1"), 1),
        (version_1("docker/2/", "50000"), CORES),
        (version_1("", "50000"), 1),  # a container sees its own cgroup as the root
    ],
)
def test_cores_are_limited_by_the_cpu_time_of_version_1(tmp_path: Path, limits: dict[str, str], cores: int) -> None:
    assert available_cores(*cgroups(tmp_path, "4:cpu,cpuacct:/docker/1\n3:cpuset:/\n0::/unit\n", limits)) == cores


@pytest.mark.parametrize(
    ("own", "limits", "memory"),
    [
        ("/", {}, MEMORY),
        ("/", {"memory.max": "max"}, MEMORY),
        ("/", {"memory.max": "268435456"}, 268435456),
        ("/system/unit", {"system/unit/memory.max": "536870912", "system/memory.max": "268435456"}, 268435456),
    ],
)
def test_memory_is_limited_by_the_smallest_limit(tmp_path: Path, own: str, limits: dict[str, str], memory: int) -> None:
    assert available_memory(*cgroups(tmp_path, f"4:memory:/elsewhere\n0::{own}\n", limits)) == memory


@pytest.mark.parametrize(
    ("limits", "memory"),
    [
        ({"": UNLIMITED_MEMORY, "docker/1/": UNLIMITED_MEMORY}, MEMORY),
        ({"": UNLIMITED_MEMORY, "docker/1/": "268435456"}, 268435456),
        ({"": UNLIMITED_MEMORY, "docker/": "268435456", "docker/1/": "536870912"}, 268435456),
        ({"": "268435456"}, 268435456),
    ],
)
def test_memory_is_limited_by_the_smallest_limit_of_version_1(
    tmp_path: Path, limits: dict[str, str], memory: int
) -> None:
    files = {f"memory/{group}memory.limit_in_bytes": limit for group, limit in limits.items()}
    assert available_memory(*cgroups(tmp_path, "4:memory:/docker/1\n0::/unit\n", files)) == memory


def test_machine_without_cgroups_has_no_limits(tmp_path: Path) -> None:
    assert available_cores(tmp_path / "none", tmp_path / "none") == CORES
    assert available_memory(tmp_path / "none", tmp_path / "none") == MEMORY
