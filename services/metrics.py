"""Metrics for Prometheus: counted from audit events, and read from the services."""

import weakref
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from threading import Thread
from time import sleep
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from audit.events import Event, Member
from config.forks import ForkBarrier, reset_in_forks
from passwords.hashing import pending_hashes
from providers.certificate_source import CertificateSource
from services.context import Services
from services.guard_counts import take_counts

if TYPE_CHECKING:  # it imports SQLAlchemy
    from services.sessions.revocations import RevocationList

UPDATE_INTERVAL = 5.0
"""How often, in seconds, each process writes what it has not counted from events, so that any process can report it."""

_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)  # seconds
_ACCEPTED = "accepted"
_client = ForkBarrier()
"""Held while the Prometheus client is used, and only for that: an event within it would wait for itself."""
_Sample = tuple[Gauge, tuple[str, ...], float]
"""A gauge, its labels and its value."""
_LOGINS = {Event.LOGIN_ACCEPTED, Event.LOGIN_DENIED, Event.LOGIN_UNAVAILABLE, Event.LOGIN_THROTTLED}
_REFRESHES = {Event.REFRESH_ACCEPTED, Event.REFRESH_DENIED, Event.REFRESH_REUSED, Event.REFRESH_UNAVAILABLE}


class Metrics:
    """The metrics of one process. Thread-safe."""

    def __init__(self, services: Services, directory: str | None) -> None:
        """`directory` is where the processes of one server share their metrics; `None` if there is one process."""
        self._services = services
        self._directory = directory
        self._registry = registry = CollectorRegistry()
        counter = partial(Counter, namespace="latchkey", registry=registry)
        histogram = partial(Histogram, namespace="latchkey", registry=registry, buckets=_BUCKETS)
        gauge = partial(Gauge, namespace="latchkey", registry=registry)
        self._events = counter("events", "Audit events.", ["event"])
        self._logins = counter("logins", "Logins, by the reason of a denial.", ["provider", "reason"])
        self._refreshes = counter("refreshes", "Refreshes, by the reason of a denial.", ["provider", "reason"])
        self._guarded = counter("guarded_requests", "Guarded requests, by the code of a refusal.", ["outcome"])
        self._provider = histogram("provider_seconds", "The time of a login in its provider.", ["provider"])
        self._hash = histogram("hash_seconds", "The time of a login in the hash pool, with waiting.")
        total = partial(gauge, multiprocess_mode="livesum")
        self._hashes = total("pending_hashes", "Hash computations that run or wait.")
        self._connections = total("database_connections", "Connections to the database.", ["state"])
        latest = partial(gauge, multiprocess_mode="livemax")
        self._list_age = latest("revocation_list_age_seconds", "The seconds since the revocation list was read.")
        self._list_size = latest("revocation_list_size", "The revocations in the list.")
        self._key_age = latest("signing_key_age_seconds", "The seconds since the current key began to sign.")
        self._certificates = latest(
            "certificate_expiry_timestamp_seconds", "When a certificate expires.", ["provider", "certificate"]
        )
        latest("build", "The version of Latchkey.", ["version"]).labels(version("latchkey")).set(1)
        reset_in_forks(self._reset)

    def observe(self, members: Mapping[str, Member]) -> None:
        """Count an event with these members."""
        with _client:
            self._observe(members)

    def _observe(self, members: Mapping[str, Member]) -> None:
        event = str(members["event"])
        labels = (str(members.get("provider", "")), str(members.get("reason", _ACCEPTED)))
        self._events.labels(event).inc()
        if event in _REFRESHES:
            self._refreshes.labels(*labels).inc()
        if event in _LOGINS:
            self._logins.labels(*labels).inc()
            self._observe_durations(members, labels[0])

    def text(self) -> bytes:
        """Return the metrics of all processes in the text format of Prometheus."""
        self.update()
        with _client:
            if self._directory is None:
                return generate_latest(self._registry)
            shared = CollectorRegistry()
            MultiProcessCollector(shared, self._directory)  # type: ignore[no-untyped-call]
            return generate_latest(shared)

    def update(self) -> None:
        """Write what is not counted from events."""
        # Read before: keys or certificates that have changed are an event, and its observer waits for the client.
        samples = [*self._samples()]
        with _client:
            for outcome, count in take_counts().items():
                self._guarded.labels(outcome).inc(count)
            for gauge, labels, value in samples:
                (gauge.labels(*labels) if labels else gauge).set(value)

    def _samples(self) -> Iterator[_Sample]:
        yield self._hashes, (), pending_hashes()
        if since := self._services.keys.signing_since():
            yield self._key_age, (), (datetime.now(UTC) - since).total_seconds()
        for link in self._services.chain.links:
            if isinstance(link.provider, CertificateSource):
                for name, expiry in link.provider.certificates():
                    yield self._certificates, (link.name, name), expiry
        if self._services.sessions:
            yield from self._database_samples(self._services.sessions.revocations)

    def _database_samples(self, revocations: "RevocationList") -> Iterator[_Sample]:
        from database.engine import open_connections

        in_use, idle = open_connections()
        yield self._connections, ("in use",), in_use
        yield self._connections, ("idle",), idle
        yield self._list_age, (), revocations.age_seconds
        yield self._list_size, (), revocations.size

    def _observe_durations(self, members: Mapping[str, Member], provider: str) -> None:
        if isinstance(milliseconds := members.get("store_ms"), float):
            self._provider.labels(provider).observe(milliseconds / 1000)
        if isinstance(milliseconds := members.get("hash_ms"), float):
            self._hash.observe(milliseconds / 1000)

    def _reset(self) -> None:
        """Start the thread that updates the metrics: now, and in each forked process."""
        Thread(target=_update_repeatedly, args=[weakref.ref(self)], name="metrics", daemon=True).start()


def _update_repeatedly(reference: "weakref.ref[Metrics]") -> None:
    """Update until no other reference to the metrics exists."""
    while metrics := reference():
        metrics.update()
        del metrics
        sleep(UPDATE_INTERVAL)
