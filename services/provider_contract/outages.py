"""The rules about an outage: it is an exception and never a denial, however the store fails."""

import socket
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Thread

from providers.interface import (
    Overloaded,
    ProviderUnavailable,
    SupportsCheck,
    SupportsExplain,
    SupportsFind,
    SupportsHasUsername,
    SupportsListUsers,
)
from services.links import Link
from services.provider_calls import (
    authenticate_with,
    check_with,
    explain_with,
    find_with,
    has_username,
    list_users_of,
)
from services.provider_contract.accounts import Account
from services.provider_contract.subject import BrokenContract, Subject, require
from services.provider_faults import ProviderFault

Call = tuple[str, Callable[[], object]]


def unavailable_store_is_an_exception(subject: Subject) -> None:
    """While nothing listens at the address of the store, each method raises ProviderUnavailable or an OSError."""
    with closed_port() as port:
        _require_outage(subject, port, "while the store refuses connections")


def silent_store_is_an_exception_in_time(subject: Subject) -> None:
    """While the store accepts connections and does not respond, each method raises within the time limit."""
    with silent_port() as port:
        _require_outage(subject, port, "while the store does not respond")


def failing_store_is_an_exception(subject: Subject) -> None:
    """While the store responds with an error, HTTP 500, each method raises ProviderUnavailable or an OSError."""
    with failing_port() as port:
        _require_outage(subject, port, "while the store responds with an error")


def check_reports_an_outage_as_a_finding(subject: Subject) -> None:
    """During an outage, `check` yields a failure and raises nothing."""
    if subject.provider_at is None or not isinstance(subject.link.provider, SupportsCheck):
        return
    with closed_port() as port:
        link = Link(subject.link.name, subject.provider_at(port))
        remedy = "Catch the error of the store, and yield a Check with the outcome failure"
        try:
            findings = [*check_with(link, link.provider)] if isinstance(link.provider, SupportsCheck) else []
        except (ProviderUnavailable, ProviderFault) as error:
            raise BrokenContract(f"check() raises an exception during an outage: {error}", remedy) from error.__cause__
    require(any(one.outcome == "failure" for one in findings), "check() reports no failure during an outage", remedy)


def _require_outage(subject: Subject, port: int, when: str) -> None:
    if subject.provider_at is None:
        return
    link = Link(subject.link.name, subject.provider_at(port))
    for name, call in _calls(link, subject.accounts[0]):
        remedy = "Raise ProviderUnavailable or an OSError: None would be reported as wrong credentials"
        try:
            answer = _in_background(call).result(subject.time_limit)
        except (ProviderUnavailable, Overloaded):
            continue
        except TimeoutError:  # of `result`: that of a provider is ProviderUnavailable
            found = f"{name} has not returned {when}, and the limit is {subject.time_limit:g} s"
            raise BrokenContract(found, "Give every connection and request to the store a timeout") from None
        except ProviderFault as error:
            raise BrokenContract(f"{name} {when}: the provider {error.found}", remedy) from error.__cause__
        raise BrokenContract(f"{name} {when} returns {answer!r}", remedy)


def _in_background(call: Callable[[], object]) -> "Future[object]":
    """Start the call in a thread, which ends with the store if the provider has no timeout."""
    future: Future[object] = Future()

    def run() -> None:
        try:
            future.set_result(call())
        except BaseException as error:  # noqa: BLE001 - `result` raises it
            future.set_exception(error)

    Thread(target=run, daemon=True).start()
    return future


def _calls(link: Link, account: Account) -> Iterator[Call]:
    """Yield the calls that ask the store. The roles may also be those of the settings."""
    yield "authenticate", lambda: authenticate_with(link, account.username, account.password)
    if isinstance(link.provider, SupportsFind):
        provider = link.provider
        yield "find", lambda: find_with(link, provider, account.username)
    if isinstance(link.provider, SupportsHasUsername):
        yield "has_username", lambda: has_username(link, account.username)
    if isinstance(link.provider, SupportsExplain):
        explaining = link.provider
        yield "explain", lambda: explain_with(link, explaining, account.username)
    if isinstance(link.provider, SupportsListUsers):
        listing = link.provider
        yield "list_users", lambda: [*list_users_of(link, listing)]


@contextmanager
def closed_port() -> Iterator[int]:
    """Yield a TCP port of 127.0.0.1 that refuses connections."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


@contextmanager
def silent_port() -> Iterator[int]:
    """Yield a TCP and UDP port of 127.0.0.1 that accepts connections and datagrams, and never responds."""
    with socket.create_server(("127.0.0.1", 0)) as listening, socket.socket(type=socket.SOCK_DGRAM) as receiving:
        port: int = listening.getsockname()[1]
        receiving.bind(("127.0.0.1", port))
        yield port


class _Failure(StreamRequestHandler):
    """An error of an HTTP server. It is not a message of any other protocol."""

    def handle(self) -> None:
        self.request.recv(65536)
        self.wfile.write(b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")


@contextmanager
def failing_port() -> Iterator[int]:
    """Yield a TCP port of 127.0.0.1 that responds to each request with the HTTP status 500."""
    with ThreadingTCPServer(("127.0.0.1", 0), _Failure) as server:
        server.daemon_threads, server.block_on_close = True, False
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()  # before its socket is closed, on which the thread would no longer wait
