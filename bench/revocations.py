"""The guard with a million revocations in force: its cost, the memory and the load of a worker, and a new revocation.

The worker is this process. The figures of the guard are CPU time, with and without the revocations in turn.
"""

import logging
import resource
import secrets
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from sqlalchemy import Connection, text

from app import create_app
from bench.databases import create_empty, servers
from database.engine import limit_statements
from database.session_table import SessionTable
from services.context import Services
from services.tokens.claims import Claims
from tests.support.stores import SECRET_KEY, engine_of

MANY = 1_000_000
ROUNDS = 40
REQUESTS = 200
_INSERT = """
INSERT INTO latchkey_revocations (ended, expires_at)
SELECT {id}, {time} FROM {numbers}
"""
_SQLITE = {
    "id": "lower(hex(randomblob(16)))",
    "time": "datetime('now', '+1 hour') || '.000000'",
    "numbers": "(WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < :count) SELECT n FROM c)",
}
_POSTGRESQL = {
    "id": "replace(gen_random_uuid()::text, '-', '')",
    "time": "now() + interval '1 hour'",
    "numbers": "generate_series(1, :count)",
}
_PARTS = {"sqlite": _SQLITE, "postgresql": _POSTGRESQL}


def main() -> None:
    """Print the figures of each database. The first argument is the number of revocations."""
    many = int(sys.argv[1]) if len(sys.argv) > 1 else MANY
    logging.disable(logging.WARNING)
    with servers() as base_urls:
        for kind, base_url in base_urls.items():
            few, filled = (_Worker(create_empty(kind, base_url, name)) for name in ("few", "many"))
            with engine_of(filled.environ).begin() as connection:
                _fill(connection, kind, many)
            print(f"{kind:12} {many:,} revocations: {filled.load()}")
            print(f"{kind:12} guard: {_compare(few, filled)}; {filled.time_new_revocation()}")


def _fill(connection: Connection, kind: str, count: int) -> None:
    limit_statements(connection, None)
    connection.execute(text(_INSERT.format(**_PARTS[kind])), {"count": count})


class _Worker:
    """An application, its revocation list and a guarded request."""

    def __init__(self, environ: dict[str, str]) -> None:
        self.environ = {**environ, "AUTH_PROVIDER": "database", "SECRET_KEY": SECRET_KEY, "LOG_FORMAT": "json"}
        self._app = create_app(self.environ)
        self._services: Services = self._app.extensions["latchkey"]
        token = self._services.issuer.generate({"username": "zoe", "email": None, "roles": ["user"]})
        self._client_environ: dict[str, Any] = {"HTTP_AUTHORIZATION": f"Bearer {token}"}

    def load(self) -> str:
        """Read the list, twice, and return the seconds and the memory."""
        revocations = self._list()
        before, begin = _memory(), time.process_time()
        revocations.refresh()
        seconds, used = time.process_time() - begin, _memory() - before
        revocations._snapshot.created_at = -float("inf")  # noqa: SLF001 - so that all of it is read again
        revocations.refresh()
        peak = _peak() - before
        return f"read in {seconds:.1f} s of CPU time; {used:.0f} MB, and {peak:.0f} MB while it is read again"

    def guard(self) -> float:
        """Return the CPU seconds of a guarded request."""
        client = self._app.test_client()
        begin = time.process_time()
        for _ in range(REQUESTS):
            assert client.get("/api/protected_route", environ_overrides=self._client_environ).status == "200 OK"
        return (time.process_time() - begin) / REQUESTS

    def time_new_revocation(self) -> str:
        """Revoke a token as another process does, and return how long the worker does not know it."""
        name, now = secrets.token_hex(16), int(time.time())
        claims: Any = {"jti": name, "iat": now, "exp": now + 3600, "sub": "zoe"}
        revoked: Claims = claims
        self._list().is_revoked(revoked)
        SessionTable(engine_of(self.environ)).revoke_tokens(name, datetime.fromtimestamp(now + 3600, UTC))
        begin = time.monotonic()
        while not self._list().is_revoked(revoked):
            time.sleep(0.01)
        return f"a new revocation arrives after {time.monotonic() - begin:.1f} s"

    def _list(self) -> Any:
        assert self._services.sessions
        return self._services.sessions.revocations


def _compare(few: _Worker, many: _Worker) -> str:
    few.guard()
    ratios = [1 / (few.guard() / many.guard()) for _ in range(ROUNDS)]
    return f"{median(ratios):.3f} times the cost without them"


def _memory() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


if __name__ == "__main__":
    main()
