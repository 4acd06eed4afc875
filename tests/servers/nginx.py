"""A real nginx with a temporary configuration, run by an account without privileges."""

import os
import pwd
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.servers.process import free_port, listens, running

_UNPRIVILEGED = pwd.getpwnam("nobody") if os.geteuid() == 0 else None

CONFIGURATION = """
daemon off;
worker_processes 1;
pid {home}/nginx.pid;
error_log {home}/error.log warn;
events {{}}
http {{
    access_log off;
    client_body_temp_path {home}/body;
    proxy_temp_path {home}/proxy;
    fastcgi_temp_path {home}/fastcgi;
    uwsgi_temp_path {home}/uwsgi;
    scgi_temp_path {home}/scgi;
    server {{
        listen 127.0.0.1:{port};
{locations}
    }}
}}
"""


@contextmanager
def nginx(locations: str) -> Iterator[str]:
    """Run a server with these locations and yield its URL."""
    port = free_port()
    # pytest's directory is only accessible to its owner.
    with TemporaryDirectory() as home:
        path = Path(home, "nginx.conf")
        path.write_text(CONFIGURATION.format(home=home, port=port, locations=locations))
        process = _start(path)
        with running(process, lambda: listens(port)):
            yield f"http://127.0.0.1:{port}"


def _start(configuration: Path) -> subprocess.Popen[bytes]:
    home = configuration.parent
    command = ["nginx", "-p", str(home), "-c", str(configuration)]
    environ = {"PATH": "/usr/sbin:/usr/bin"}
    if _UNPRIVILEGED is None:
        return subprocess.Popen(command, env=environ, stderr=subprocess.DEVNULL)
    uid, gid = _UNPRIVILEGED.pw_uid, _UNPRIVILEGED.pw_gid
    os.chown(home, uid, gid)
    return subprocess.Popen(command, env=environ, stderr=subprocess.DEVNULL, user=uid, group=gid, extra_groups=[])
