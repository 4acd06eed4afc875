"""A real PostgreSQL cluster in a temporary directory."""

import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.servers.process import free_port, wait_until
from tests.servers.workers import children

# initdb does not run as root; Debian's package creates this user.
_OWNER = "postgres" if os.geteuid() == 0 else None
_FAST = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off"


@dataclass(frozen=True)
class Cluster:
    """A cluster that can be stopped, killed and frozen."""

    home: Path
    port: int
    options: str = ""
    """Options of the command line, in addition to those that make tests fast."""

    @property
    def url(self) -> str:
        """The URL of the server, to which a database name must be appended."""
        return f"postgresql://app@127.0.0.1:{self.port}/"

    def start(self) -> None:
        """Start the server, and wait until it accepts connections."""
        options = f"-h 127.0.0.1 -p {self.port} -k {self.home} {_FAST} {self.options}"
        log = str(self.home / "log")
        _run("pg_ctl", "-D", str(self.home / "data"), "-w", "-t", "120", "-l", log, "-o", options, "start")

    def stop(self, mode: str) -> None:
        """Stop the server: `fast` ends the transactions in progress, `immediate` leaves them to the next start."""
        _run("pg_ctl", "-D", str(self.home / "data"), "-w", "-m", mode, "stop")

    def kill(self) -> None:
        """Kill all processes, the postmaster first."""
        processes = self.processes()
        for process in processes:
            with suppress(ProcessLookupError):  # it has noticed the death of the postmaster
                os.kill(process, signal.SIGKILL)
        wait_until(lambda: not any(Path(f"/proc/{process}").exists() for process in processes))

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Suspend all processes during the block."""
        processes = self.processes()
        for process in processes:
            os.kill(process, signal.SIGSTOP)
        try:
            yield
        finally:
            for process in processes:
                os.kill(process, signal.SIGCONT)

    def limit_files(self, size: int) -> None:
        """Let the running processes, and those that they start, write to files up to this size only, in bytes."""
        for process in self.processes():  # a process may have ended
            subprocess.run([*as_owner(), "prlimit", "--pid", str(process), f"--fsize={size}"], check=False, cwd="/")

    def is_running(self) -> bool:
        """Return whether the postmaster has not ended. It deletes its file at the end."""
        return (self.home / "data/postmaster.pid").exists()

    def processes(self) -> list[int]:
        """Return the ids of the running processes, the postmaster first."""
        postmaster = int((self.home / "data/postmaster.pid").read_text().splitlines()[0])
        return [postmaster, *children(postmaster)]


@contextmanager
def postgres(home: Path) -> Iterator[str]:
    """Run a cluster; yield the URL of its server, to which a database name must be appended."""
    with cluster(home) as running:
        yield running.url


@contextmanager
def cluster(home: Path, options: str = "", *initdb: str) -> Iterator[Cluster]:
    """Run a cluster that was created with these options of initdb. It must run when the context ends."""
    give_to_owner(home)
    created = ("-A", "trust", "-U", "app", "-E", "UTF8", "--locale=C", "--no-sync", *initdb)
    _run("initdb", "-D", str(home / "data"), *created)
    running = Cluster(home, free_port(), options)
    running.start()
    try:
        yield running
    finally:
        running.stop("immediate")


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
