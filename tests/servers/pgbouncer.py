"""PgBouncer in front of a PostgreSQL server, with transaction pooling."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from tests.servers.postgres import as_owner, give_to_owner
from tests.servers.process import free_port, listens, running

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
"""


@contextmanager
def pgbouncer(home: Path, server: str, pool_size: int = 4) -> Iterator[str]:
    """Run PgBouncer for the server with this URL; yield the URL of PgBouncer, without the name of a database.

    Each database has at most `pool_size` server connections.
    """
    upstream, port = urlsplit(server), free_port()
    configuration = home / "pgbouncer.ini"
    fields = {"host": upstream.hostname, "server_port": upstream.port, "port": port, "pool_size": pool_size}
    configuration.write_text(_CONFIGURATION.format_map(fields))
    give_to_owner(home)
    # Debian installs it in /usr/sbin, which is not in the PATH of every user.
    command = [*as_owner(), "/usr/sbin/pgbouncer", "--quiet", str(configuration)]
    process = subprocess.Popen(command, cwd="/", stderr=subprocess.DEVNULL)
    with running(process, lambda: listens(port)):
        yield f"postgresql://app@127.0.0.1:{port}/"
