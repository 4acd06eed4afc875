"""Clients that send requests without pause, each in a thread of its own."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Event, Thread

from tests.servers.process import wait_until


class BusyClient(Thread):
    """A client that sends requests until `stop` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.stop = Event()
        self.sent = 0
        """How many requests it has sent, if it counts them."""


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


def wait_for_requests(clients: Sequence[BusyClient], number: int) -> None:
    """Wait until each client, all of which count their requests, has sent at least `number` more."""
    before = {client: client.sent for client in clients}
    wait_until(lambda: all(client.sent >= sent + number for client, sent in before.items()), 120)
