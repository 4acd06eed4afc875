"""Clients that send requests without pause, each in a thread of its own."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Event, Thread


class BusyClient(Thread):
    """A client that sends requests until `stop` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.stop = Event()


@contextmanager
def busy(clients: Sequence[BusyClient]) -> Iterator[None]:
    """Run the clients during the block."""
    for client in clients:
        client.start()
    try:
        yield
    finally:
        for client in clients:
            client.stop.set()
            client.join()
