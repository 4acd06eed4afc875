"""The counts of guarded requests are exact while other threads count and read."""

from collections import Counter
from importlib.util import find_spec, module_from_spec
from threading import Thread
from types import ModuleType

import pytest

REQUESTS = 20_000


@pytest.fixture
def guard_counts() -> ModuleType:
    """The module with counts of its own: the metrics of other tests do not take them."""
    spec = find_spec("services.guard_counts")
    assert spec
    assert spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_request_is_counted_once(guard_counts: ModuleType) -> None:
    def count_requests() -> None:
        for _ in range(REQUESTS):
            guard_counts.count_request(guard_counts.ALLOWED)

    counting = [Thread(target=count_requests) for _ in range(4)]
    for thread in counting:
        thread.start()
    total: Counter[str] = Counter()
    while any(thread.is_alive() for thread in counting):
        total.update(guard_counts.take_counts())
    total.update(guard_counts.take_counts())
    assert total == {guard_counts.ALLOWED: 4 * REQUESTS}
    assert guard_counts.take_counts() == {}
