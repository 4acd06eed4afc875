"""The revocations in force, in memory: a request is checked without a query."""

import logging
import os
import time
import weakref
from collections.abc import Callable
from threading import Event, Lock, Thread
from time import monotonic

from config.text import casefold_name
from database.errors import DatabaseUnavailable
from database.revocation_table import Revocation
from services.sessions.errors import SessionsUnavailable
from services.tokens.claims import Claims

log = logging.getLogger(__name__)

INTERVAL = 1.0  # seconds between two looks at the database
OUT = 5.0  # seconds without an answer, after which nobody need wait for the database
REREAD = 60.0  # seconds after which everything is read anew, and what has run out is forgotten


class _Snapshot:
    """What is revoked. It only ever grows."""

    def __init__(self) -> None:
        self.last = 0
        self.read_at = monotonic()
        self._ended: set[str] = set()
        self._users_before: dict[tuple[str | None, str], float] = {}
        self._everybody_before = 0.0

    def take(self, revocation: Revocation) -> None:
        if revocation.ended:
            self._ended.add(revocation.ended)
        elif revocation.issued_before:
            before = revocation.issued_before.timestamp()
            if revocation.username_folded is None:
                self._everybody_before = max(before, self._everybody_before)
            else:
                user = (revocation.idp, revocation.username_folded)
                self._users_before[user] = max(before, self._users_before.get(user, 0))
        self.last = revocation.id

    def is_revoked(self, claims: Claims) -> bool:
        session = claims.get("sid")
        if (session or claims["jti"]) in self._ended or claims["iat"] < self._everybody_before:
            return True
        if session or not self._users_before:
            return False
        user = casefold_name(claims["sub"])
        return any(claims["iat"] < self._users_before.get((idp, user), 0) for idp in (None, claims.get("idp")))


_existing: "weakref.WeakSet[Revocations]" = weakref.WeakSet()


class Revocations:
    """What is revoked, as the database said a second ago. Thread-safe.

    A thread of its own keeps it up to date, from the first question on. While the database cannot be asked,
    what was known last goes on to count, for `trusted` seconds.
    """

    def __init__(self, fetch: Callable[[int], list[Revocation]], trusted: float) -> None:
        """`fetch` returns the revocations with ids above the one given, or raises DatabaseUnavailable."""
        self._fetch = fetch
        self._trusted = trusted
        self._known = _Snapshot()
        self._known_at = -float("inf")
        self.reset_after_fork()
        _existing.add(self)

    def reset_after_fork(self) -> None:
        """Begin anew, with a thread and locks of this process."""
        self._fetching = Lock()
        self._starting = Lock()
        self._tried = Event()
        self._thread: Thread | None = None
        self._told = False

    def is_revoked(self, claims: Claims) -> bool:
        """Return whether a token with these claims is revoked. Raises SessionsUnavailable if that cannot be known."""
        if monotonic() - self._known_at > 2 * INTERVAL:
            self._start()
            self._tried.wait(OUT)
            if monotonic() - self._known_at > self._trusted:
                raise SessionsUnavailable("revocations cannot be read")
        return self._known.is_revoked(claims)

    def refresh(self) -> None:
        """Read what is new, at once; DatabaseUnavailable if that cannot be done."""
        if not self._fetching.acquire(timeout=OUT):
            raise DatabaseUnavailable("somebody else is waiting for it")
        try:
            asked_at = monotonic()
            known = _Snapshot() if monotonic() - self._known.read_at > REREAD else self._known
            for revocation in self._fetch(known.last):
                known.take(revocation)
            self._known = known
            self._known_at = asked_at
        finally:
            self._fetching.release()
        self._start()

    @property
    def last_id(self) -> int:
        """The id of the newest revocation that is known."""
        return self._known.last

    @property
    def is_unavailable(self) -> bool:
        """Whether the database has not answered for so long that nobody need wait for it."""
        if monotonic() - self._known_at > OUT:
            self._start()
            self._tried.wait(OUT)
        return monotonic() - self._known_at > OUT

    def _start(self) -> None:
        """Start the thread where there is none: at first, and after a fork."""
        with self._starting:
            if self._thread is None or not self._thread.is_alive():
                self._thread = Thread(target=_keep, args=[weakref.ref(self)], name="revocations", daemon=True)
                self._thread.start()

    def try_to_refresh(self) -> None:
        """Do as `catch_up`, and log an outage once."""
        try:
            self.refresh()
            if self._told:
                log.info("revocations can be read again")
            self._told = False
        except DatabaseUnavailable as error:
            if not self._told:
                log.warning("revocations cannot be read; what was known last counts on: %s", error)
            self._told = True
        except Exception:
            log.exception("revocations cannot be read")  # and the thread goes on
        finally:
            self._tried.set()


def _keep(reference: "weakref.ref[Revocations]") -> None:
    """Keep it up to date for as long as somebody else holds it."""
    while revocations := reference():
        revocations.try_to_refresh()
        del revocations
        time.sleep(INTERVAL)


def _reset_all_after_fork() -> None:
    for revocations in _existing:
        revocations.reset_after_fork()


# A forked server worker inherits no thread, and perhaps a lock that nobody will release.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_reset_all_after_fork)
