"""A real PostgreSQL cluster in a temporary directory."""

import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers.process import free_port

# initdb does not run as root; Debian's package creates this user.
_OWNER = "postgres" if os.geteuid() == 0 else None
_FAST = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off"


@contextmanager
def postgres(home: Path) -> Iterator[str]:
    """Run a cluster; yield the URL of its server, to which a database name must be appended."""
    give_to_owner(home)
    port = free_port()
    _run("initdb", "-D", str(home / "data"), "-A", "trust", "-U", "app", "-E", "UTF8", "--locale=C", "--no-sync")
    options = f"-h 127.0.0.1 -p {port} -k {home} {_FAST}"
    _run("pg_ctl", "-D", str(home / "data"), "-w", "-l", str(home / "log"), "-o", options, "start")
    try:
        yield f"postgresql://app@127.0.0.1:{port}/"
    finally:
        _run("pg_ctl", "-D", str(home / "data"), "-w", "-m", "immediate", "stop")


def give_to_owner(directory: Path) -> None:
    """Make the user who runs the servers the owner of this directory."""
    if _OWNER:
        account = pwd.getpwnam(_OWNER)
        os.chown(directory, account.pw_uid, account.pw_gid)


def as_owner() -> list[str]:
    """Return what a command starts with to run as the user who runs the servers."""
    return [shutil.which("runuser") or "runuser", "-u", _OWNER, "--"] if _OWNER else []


def _run(program: str, *arguments: str) -> None:
    newest = max(Path("/usr/lib/postgresql").glob(f"*/bin/{program}"), key=lambda path: int(path.parts[4]))
    subprocess.run([*as_owner(), str(newest), *arguments], check=True, stdout=subprocess.DEVNULL, cwd="/")
