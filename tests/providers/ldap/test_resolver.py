"""Host name lookups have a time limit, and concurrent lookups of one name are shared."""

import socket
from threading import Event

import pytest

from providers.ldap.client.resolver import resolve


def test_host_name_lookup_ends_at_its_time_limit_and_runs_only_once(monkeypatch: pytest.MonkeyPatch) -> None:
    finished = Event()
    lookups = []

    def getaddrinfo(host: str, *_: object, **options: object) -> list[object]:
        if options.get("flags"):
            raise socket.gaierror
        lookups.append(host)
        finished.wait(10)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    try:
        for _ in range(3):
            with pytest.raises(TimeoutError):
                resolve("directory.example", 389, 0.05)
        assert lookups == ["directory.example"], "later callers wait for the pending lookup"
    finally:
        finished.set()
