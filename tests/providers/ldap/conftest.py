"""Two servers of one directory that can fail."""

from collections.abc import Iterator

import pytest

from tests.servers.faulty import FaultyProxy, faulty_proxy
from tests.servers.slapd import Slapd


@pytest.fixture
def first(slapd: Slapd) -> Iterator[FaultyProxy]:
    """A proxy to the shared directory, as its first server."""
    with faulty_proxy(slapd.port) as proxy:
        yield proxy


@pytest.fixture
def second(slapd: Slapd) -> Iterator[FaultyProxy]:
    """A proxy to the same directory, as its second server."""
    with faulty_proxy(slapd.port) as proxy:
        yield proxy
