"""A deployment has a worker for each core, and fewer if their hashes would not fit into the memory."""

import pytest

from services.worker_count import worker_count

GIB = 2**30


@pytest.mark.parametrize(
    ("cores", "memory", "workers"),
    [(1, GIB, 1), (4, 8 * GIB, 4), (4, GIB // 2, 2), (4, GIB // 16, 1), (64, 16 * GIB, 12), (64, 128 * GIB, 64)],
)
def test_workers_fit_into_cores_and_memory(
    monkeypatch: pytest.MonkeyPatch, cores: int, memory: int, workers: int
) -> None:
    monkeypatch.setattr("services.worker_count.available_cores", lambda: cores)
    monkeypatch.setattr("services.worker_count.HASH_THREADS", cores)
    monkeypatch.setattr("services.worker_count.available_memory", lambda: memory)
    assert worker_count() == workers
