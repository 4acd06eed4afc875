"""An LDAP server without a directory: it sends prepared responses, also those that no real server sends."""

import socket
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from threading import Thread

from tests.servers.ldap_messages import element

BIND_REQUEST, SEARCH_REQUEST, EXTENDED_REQUEST = b"\x60", b"\x63", b"\x77"
RawResponse = Callable[[int], Iterable[bytes]]
"""Returns the data to send for a message id. Each item is sent separately."""
Responses = Mapping[bytes, Sequence[bytes] | RawResponse]
"""By the tag of a request, or a text in it: the encoded operations that answer it, in messages with the id of the
request, or the data to send. The first key that fits counts."""


@contextmanager
def scripted_ldap(responses: Responses) -> Iterator[int]:
    """Yield the port of a server that answers each request with these responses."""
    with threaded_server(partial(_answer, responses)) as port:
        yield port


@contextmanager
def threaded_server(serve: Callable[[socket.socket], None]) -> Iterator[int]:
    """Yield the port of a server that calls `serve` with each client, in a thread of its own."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        Thread(target=_accept, args=(listener, serve), daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


def _accept(listener: socket.socket, serve: Callable[[socket.socket], None]) -> None:
    with suppress(OSError):
        while True:
            client, _ = listener.accept()
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            Thread(target=serve, args=(client,), daemon=True).start()


def _answer(responses: Responses, client: socket.socket) -> None:
    """Answer the requests of one client, which sends a small request and waits for the response."""
    with client, suppress(OSError):
        while request := client.recv(65536):
            message_id, operation = split_request(request)
            answers = (sent for key, sent in responses.items() if key in (operation if key[1:] else operation[:1]))
            for data in _encoded(next(answers, ()), message_id):
                client.sendall(data)


def _encoded(response: Sequence[bytes] | RawResponse, message_id: bytes) -> Iterable[bytes]:
    if callable(response):
        return response(int.from_bytes(message_id[2:], "big"))
    return (element(0x30, message_id, operation) for operation in response)


def split_request(request: bytes) -> tuple[bytes, bytes]:
    """Return the encoded message id of an encoded request, and its encoded operation."""
    start = 2 + (request[1] & 0x7F if request[1] & 0x80 else 0)  # after the tag and the length
    end = start + 2 + request[start + 1]
    return request[start:end], request[end:]
