"""The cores and the memory of a process are limited by its cgroup and by those above it."""

import os
from pathlib import Path

import pytest

from config.resources import available_cores, available_memory

CORES = len(os.sched_getaffinity(0))
MEMORY = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def cgroups(tmp_path: Path, own: str, **limits: str) -> tuple[Path, Path]:
    """Return a tree of cgroups with these limits, `cgroup__file`, and the file that names the own cgroup."""
    for place, limit in limits.items():
        path, _, name = place.rpartition("__")
        folder = tmp_path / "cgroup" / path.replace("__", "/")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.max").write_text(f"{limit}\n")
    (tmp_path / "own").write_text(f"4:memory:/elsewhere\n0::{own}\n")
    return tmp_path / "cgroup", tmp_path / "own"


@pytest.mark.parametrize(
    ("own", "limits", "cores"),
    [
        ("/", {}, CORES),
        ("/", {"cpu": "max 100000"}, CORES),
        ("/", {"cpu": "50000 100000"}, 1),
        ("/", {"cpu": "100001 100000"}, min(2, CORES)),
        ("/", {"cpu": "9900000 100000"}, CORES),
        ("/system/unit", {"system__unit__cpu": "max 100000", "system__cpu": "100000 100000"}, 1),
        ("/system/unit", {"other__cpu": "100000 100000"}, CORES),
    ],
)
def test_cores_are_limited_by_the_cpu_time(tmp_path: Path, own: str, limits: dict[str, str], cores: int) -> None:
    assert available_cores(*cgroups(tmp_path, own, **limits)) == cores


@pytest.mark.parametrize(
    ("own", "limits", "memory"),
    [
        ("/", {}, MEMORY),
        ("/", {"memory": "max"}, MEMORY),
        ("/", {"memory": "268435456"}, 268435456),
        ("/system/unit", {"system__unit__memory": "536870912", "system__memory": "268435456"}, 268435456),
    ],
)
def test_memory_is_limited_by_the_smallest_limit(tmp_path: Path, own: str, limits: dict[str, str], memory: int) -> None:
    assert available_memory(*cgroups(tmp_path, own, **limits)) == memory


def test_machine_without_cgroups_has_no_limits(tmp_path: Path) -> None:
    assert available_cores(tmp_path / "none", tmp_path / "none") == CORES
    assert available_memory(tmp_path / "none", tmp_path / "none") == MEMORY
