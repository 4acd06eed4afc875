"""A deployment has a worker and a hash thread for each core, and fewer if the hashes would not fit into the memory."""

import pytest

from passwords.hash_threads import HASH_MEMORY, PROCESS_MEMORY, hash_thread_count
from services.worker_count import worker_count

GIB = 2**30


@pytest.mark.parametrize(
    ("cores", "memory", "workers", "threads"),
    [
        (1, GIB, 1, 1),
        (4, 8 * GIB, 4, 4),
        (4, GIB // 2, 2, 4),
        (4, GIB // 8, 1, 1),
        (4, GIB // 16, 1, 1),
        (64, 16 * GIB, 12, 64),
        (64, 128 * GIB, 64, 64),
        (64, GIB, 1, 48),
    ],
)
def test_workers_and_their_hashes_fit_into_cores_and_memory(
    monkeypatch: pytest.MonkeyPatch, cores: int, memory: int, workers: int, threads: int
) -> None:
    for module in ("services.worker_count", "passwords.hash_threads"):
        monkeypatch.setattr(f"{module}.available_cores", lambda: cores)
        monkeypatch.setattr(f"{module}.available_memory", lambda: memory)
    assert (worker_count(), hash_thread_count()) == (workers, threads)
    least = PROCESS_MEMORY + HASH_MEMORY
    assert workers * (PROCESS_MEMORY + threads * HASH_MEMORY) <= max(memory, least)
