"""PgBouncer in front of a PostgreSQL server, with transaction pooling."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from tests.servers.postgres import as_owner, give_to_owner
from tests.servers.process import free_port, listens, wait_until
from tests.servers.workers import children

# PgBouncer itself waits 15 seconds between two attempts to connect to a server that is down.
_CONFIGURATION = """
[databases]
* = host={host} port={server_port} user=app

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = {pool_size}
server_login_retry = 1
"""


@dataclass
class PgBouncer:
    """A pooler that can be killed and started again."""

    home: Path
    port: int
    process: "subprocess.Popen[bytes]" = field(init=False)

    @property
    def url(self) -> str:
        """The URL, to which the name of a database must be appended."""
        return f"postgresql://app@127.0.0.1:{self.port}/"

    def start(self) -> None:
        """Start it, and wait until it accepts connections."""
        # Debian installs it in /usr/sbin, which is not in the PATH of every user.
        command = [*as_owner(), "/usr/sbin/pgbouncer", "--quiet", str(self.home / "pgbouncer.ini")]
        self.process = subprocess.Popen(command, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(lambda: listens(self.port))

    def kill(self) -> None:
        """Kill it, and wait until it accepts no connections."""
        for process in (*children(self.process.pid), self.process.pid):  # a child if another user runs it
            os.kill(process, signal.SIGKILL)
        self.process.wait()
        wait_until(lambda: not listens(self.port))


@contextmanager
def running_pgbouncer(home: Path, server: str, pool_size: int = 4) -> Iterator[PgBouncer]:
    """Run PgBouncer for the server with this URL. Each database has at most `pool_size` server connections."""
    upstream = urlsplit(server)
    pooler = PgBouncer(home, free_port())
    fields = {"host": upstream.hostname, "server_port": upstream.port, "port": pooler.port, "pool_size": pool_size}
    (home / "pgbouncer.ini").write_text(_CONFIGURATION.format_map(fields))
    give_to_owner(home)
    pooler.start()
    try:
        yield pooler
    finally:
        pooler.kill()


@contextmanager
def pgbouncer(home: Path, server: str, pool_size: int = 4) -> Iterator[str]:
    """Run PgBouncer as `running_pgbouncer` does; yield its URL, without the name of a database."""
    with running_pgbouncer(home, server, pool_size) as pooler:
        yield pooler.url
