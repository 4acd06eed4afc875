"""The revocation list. Each worker keeps it in memory, so that the guard does not query the database."""

import logging
import time
import weakref
from collections.abc import Callable, Sequence
from functools import partial
from threading import Event, Lock, Thread
from time import monotonic

from config.forks import reset_in_forks
from config.text import casefold_name
from database.errors import DatabaseUnavailable
from database.revocation_table import Revocation
from services.sessions.errors import SessionsUnavailable
from services.sessions.revoked_ids import RevokedIds
from services.tokens.claims import Claims

log = logging.getLogger(__name__)

POLL_INTERVAL = 1.0  # seconds
UNAVAILABLE_AFTER = 5.0  # seconds without a response of the database, after which requests no longer wait for it
FULL_READ_INTERVAL = 60.0  # seconds; a full read also drops the revocations that have expired
MAX_FULL_READ_SHARE = 0.05  # of the time: if a full read takes long, the next one is later


class _Snapshot:
    """The revocations read so far. They are only added, never removed, so other threads can read concurrently."""

    def __init__(self) -> None:
        self.last_id = 0
        self.created_at = monotonic()
        self.read_seconds = 0.0
        """How long the full read took."""
        self._revoked_ids = RevokedIds()
        self._users_revoked_before: dict[tuple[str | None, str], float] = {}
        self._all_revoked_before = 0.0

    def add(self, batch: Sequence[Revocation]) -> None:
        """Add revocations, of which there is at least one, in the order of their ids."""
        self._revoked_ids.update(revocation.ended for revocation in batch if revocation.ended)
        for revocation in batch:
            if revocation.issued_before:
                self._add_limit(revocation, revocation.issued_before.timestamp())
        self.last_id = batch[-1].id

    def _add_limit(self, revocation: Revocation, before: float) -> None:
        if revocation.username_folded is None:
            self._all_revoked_before = max(before, self._all_revoked_before)
        else:
            user = (revocation.idp, revocation.username_folded)
            self._users_revoked_before[user] = max(before, self._users_revoked_before.get(user, 0))

    def compact(self) -> None:
        """Reduce the memory. All revocations have been added."""
        self._revoked_ids.compact()

    @property
    def size(self) -> int:
        return len(self._revoked_ids) + len(self._users_revoked_before)

    def is_revoked(self, claims: Claims) -> bool:
        session_id = claims.get("sid")
        if (session_id or claims["jti"]) in self._revoked_ids or claims["iat"] < self._all_revoked_before:
            return True
        # Sessions are revoked by their ids: a login in the same second as the revocation, but after it, is valid.
        if session_id or not self._users_revoked_before:
            return False
        user = casefold_name(claims["sub"])
        return any(claims["iat"] < self._users_revoked_before.get((idp, user), 0) for idp in (None, claims.get("idp")))


class RevocationList:
    """The revocations in force, at most about a second old. Thread-safe.

    The first call starts a thread that polls the database. While the database is unavailable, the last list that was
    read stays in force until it is older than the staleness limit.
    """

    def __init__(self, fetch: Callable[[int], list[Revocation]], staleness_seconds: float) -> None:
        """`fetch` returns the first revocations with an id greater than its argument, or raises DatabaseUnavailable."""
        self._fetch = fetch
        self._staleness_seconds = staleness_seconds
        self._snapshot = _Snapshot()
        self._read_at = -float("inf")
        reset_in_forks(self._reset)

    def _reset(self) -> None:
        """Discard the locks and the thread of the parent process."""
        self._refresh_lock = Lock()
        self._poll_lock = Lock()
        self._poll_began_at = self._poll_ended_at = monotonic()
        self._start_lock = Lock()
        self._first_attempt = Event()
        self._thread: Thread | None = None
        self._outage_logged = False

    def is_revoked(self, claims: Claims) -> bool:
        """Return whether a token with these claims is revoked.

        Raises SessionsUnavailable if the list is older than the staleness limit.
        """
        if monotonic() - self._read_at > 2 * POLL_INTERVAL:
            self._wait_for_first_attempt()
            self._poll_if_overdue()
            if self.age_seconds > self._staleness_seconds:
                raise SessionsUnavailable("the revocation list cannot be read")
        return self._snapshot.is_revoked(claims)

    def refresh(self) -> None:
        """Read the newest revocations immediately. Raises DatabaseUnavailable."""
        if not self._refresh_lock.acquire(timeout=UNAVAILABLE_AFTER):
            raise DatabaseUnavailable("another thread is still waiting for the database")
        try:
            started_at = monotonic()
            interval = max(FULL_READ_INTERVAL, self._snapshot.read_seconds / MAX_FULL_READ_SHARE)
            is_full_read_due = started_at - self._snapshot.created_at > interval
            snapshot = _Snapshot() if is_full_read_due else self._snapshot
            is_full_read = snapshot.last_id == 0
            while batch := self._fetch(snapshot.last_id):
                snapshot.add(batch)
            if is_full_read:
                snapshot.compact()
            self._snapshot = snapshot
            self._read_at = started_at
            if is_full_read:
                snapshot.read_seconds = monotonic() - started_at
        finally:
            self._refresh_lock.release()
        self._start_thread()

    @property
    def age_seconds(self) -> float:
        """The seconds since the list was read; infinite before the first time."""
        return monotonic() - self._read_at

    @property
    def size(self) -> int:
        """The number of revocations in the list."""
        return self._snapshot.size

    @property
    def last_id(self) -> int:
        """The id of the newest revocation in the list, 0 if there is none."""
        return self._snapshot.last_id

    @property
    def is_unavailable(self) -> bool:
        """Whether the database has not responded for so long that a request should not wait for it."""
        if self.age_seconds > UNAVAILABLE_AFTER:
            self._wait_for_first_attempt()
        return self.age_seconds > UNAVAILABLE_AFTER

    def poll_once(self) -> None:
        """Refresh the list, and log when an outage begins and when it ends."""
        with self._poll_lock:
            self._poll()

    def _poll_if_overdue(self) -> None:
        """Poll in this thread if the other one did not run, for example because the process was suspended."""
        if not self._is_poll_overdue():
            return
        # The other thread may have continued a moment before this one. A poll that takes longer waits for the database.
        patience = max(0.0, self._poll_began_at + POLL_INTERVAL - monotonic())
        if self._poll_lock.acquire(timeout=patience):
            try:
                if self._is_poll_overdue():
                    self._poll()
            finally:
                self._poll_lock.release()

    def _is_poll_overdue(self) -> bool:
        return monotonic() - self._poll_ended_at > 2 * POLL_INTERVAL

    def _poll(self) -> None:
        self._poll_began_at = monotonic()
        try:
            self.refresh()
            if self._outage_logged:
                log.info("the revocation list can be read again")
            self._outage_logged = False
        except DatabaseUnavailable as error:
            if not self._outage_logged:
                log.warning("the revocation list cannot be read; the last one stays in force: %s", error)
            self._outage_logged = True
        except Exception:
            log.exception("the revocation list cannot be read")  # the thread must survive it
        finally:
            self._poll_ended_at = monotonic()
            self._first_attempt.set()

    def _wait_for_first_attempt(self) -> None:
        self._start_thread()
        self._first_attempt.wait(UNAVAILABLE_AFTER)

    def _start_thread(self) -> None:
        """Start the thread if it does not run: at first, and after a fork."""
        with self._start_lock:
            if self._thread is None or not self._thread.is_alive():
                poll = partial(_poll_repeatedly, weakref.ref(self))
                self._thread = Thread(target=poll, name="revocations", daemon=True)
                self._thread.start()


def _poll_repeatedly(reference: "weakref.ref[RevocationList]") -> None:
    """Poll until no other reference to the list exists."""
    while revocations := reference():
        revocations.poll_once()
        del revocations
        time.sleep(POLL_INTERVAL)
