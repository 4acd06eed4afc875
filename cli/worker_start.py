"""The start of a gunicorn worker: it waits for a valid configuration, because its exit would stop all workers."""

import fcntl
import json
import os
import select
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from tempfile import TemporaryFile
from typing import Any

from config.errors import ConfigurationError
from services import start_report

RETRY_SECONDS = 1.0

_BODY = json.dumps({"status": 503, "message": "Not ready", "code": "not_ready"}).encode()
_HEAD = (
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nContent-Length: %d\r\nRetry-After: 5\r\n"
    b"Cache-Control: no-store\r\nConnection: close\r\n\r\n"
)
_RESPONSE = _HEAD % len(_BODY) + _BODY


def _unnamed_file() -> int:
    """Return the descriptor of a file without a name: in memory, because the file system may be read-only."""
    # macOS has no such files.
    return os.memfd_create("serving") if sys.platform == "linux" else os.dup(TemporaryFile().fileno())


# Each worker that serves requests holds a shared lock on this file, until the kernel ends the process.
_serving = _unnamed_file()


# A pipe with one octet for each start or reload. The first worker that reads it reports the start.
_reports, _reports_due = os.pipe()
os.set_blocking(_reports, False)


def request_report() -> None:
    """Let the next worker that loads the application report what is in force. Called by the main process."""
    os.write(_reports_due, b"1")


def leave_report_to_others() -> None:
    """Log about the start in this worker, unless another worker does."""
    try:
        os.read(_reports, 1)
    except BlockingIOError:
        start_report.log.disabled = True
    else:
        start_report.log.disabled = False


def mark_as_serving() -> None:
    """Let the workers that wait know, until this process ends, that a worker serves requests."""
    fcntl.lockf(_serving, fcntl.LOCK_SH)


def load_when_valid(worker: Any, load: Callable[[], None]) -> None:
    """Call `load` until it no longer raises ConfigurationError.

    Meanwhile the worker leaves all connections to the other workers. If none of them serves requests, it responds with
    503.
    """
    logged: list[str] = []
    while worker.alive:
        try:
            load()
        except ConfigurationError as error:
            if error.lines != logged:
                logged = error.lines
                found = "A new worker waits until the configuration is valid. %s"
                worker.log.error(found, " ".join(logged))  # noqa: TRY400 - the problems need no traceback
        else:
            return
        worker.notify()
        _reject_unserved(worker.sockets)
        time.sleep(RETRY_SECONDS)
    sys.exit(0)


def _reject_unserved(listeners: list[Any]) -> None:
    """Respond with 503 to the waiting connections if no worker serves requests."""
    with suppress(OSError):  # another process has the lock
        fcntl.lockf(_serving, fcntl.LOCK_EX | fcntl.LOCK_NB)
        try:
            until = time.monotonic() + RETRY_SECONDS
            while time.monotonic() < until and (waiting := select.select(listeners, [], [], 0)[0]):
                _reject(waiting[0])
        finally:
            fcntl.lockf(_serving, fcntl.LOCK_UN)


def _reject(listener: Any) -> None:
    with suppress(OSError):
        connection, _ = listener.accept()
        with connection:
            connection.settimeout(RETRY_SECONDS)
            connection.recv(65536)  # closing a connection with unread data would discard the response
            connection.sendall(_RESPONSE)
