"""The rules about an outage: it is an exception, and never a denial, whether the store refuses or does not respond."""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

from providers.interface import Overloaded, ProviderUnavailable, SupportsCheck, SupportsFind, SupportsHasUsername
from services.links import Link
from services.provider_calls import authenticate_with, check_with, find_with, has_username
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


def check_reports_an_outage_as_a_finding(subject: Subject) -> None:
    """During an outage, `check` yields a failure and raises nothing."""
    if subject.provider_at is None or not isinstance(subject.link.provider, SupportsCheck):
        return
    with closed_port() as port:
        link = _link(subject, port)
        remedy = "Catch the error of the store, and yield a Check with the outcome failure"
        try:
            findings = [*check_with(link, link.provider)] if isinstance(link.provider, SupportsCheck) else []
        except (ProviderUnavailable, ProviderFault) as error:
            raise BrokenContract(f"check() raises an exception during an outage: {error}", remedy) from error.__cause__
    require(any(one.outcome == "failure" for one in findings), "check() reports no failure during an outage", remedy)


def _require_outage(subject: Subject, port: int, when: str) -> None:
    if subject.provider_at is None:
        return
    link = _link(subject, port)
    for name, call in _calls(link, subject.accounts[0]):
        began = monotonic()
        remedy = "Raise ProviderUnavailable or an OSError: None would be reported as wrong credentials"
        try:
            answer = call()
        except (ProviderUnavailable, Overloaded):
            pass
        except ProviderFault as error:
            raise BrokenContract(f"{name} {when}: the provider {error.found}", remedy) from error.__cause__
        else:
            raise BrokenContract(f"{name} {when} returns {answer!r}", remedy)
        seconds = monotonic() - began
        found = f"{name} takes {seconds:.1f} s {when}, and the limit is {subject.time_limit:g} s"
        require(seconds <= subject.time_limit, found, "Give every connection and request to the store a timeout")


def _calls(link: Link, account: Account) -> Iterator[Call]:
    yield "authenticate", lambda: authenticate_with(link, account.username, account.password)
    if isinstance(link.provider, SupportsFind):
        provider = link.provider
        yield "find", lambda: find_with(link, provider, account.username)
    if isinstance(link.provider, SupportsHasUsername):
        yield "has_username", lambda: has_username(link, account.username)


def _link(subject: Subject, port: int) -> Link:
    provider = subject.provider_at(port) if subject.provider_at else subject.link.provider
    return Link(subject.link.name, provider)  # type: ignore[arg-type]  # a factory of the author


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
