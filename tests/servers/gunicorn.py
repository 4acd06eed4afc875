"""Gunicorn with the settings of a deployment."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from tests.servers.process import free_port, listens, running
from tests.support.log_scan import open_log
from tests.support.stores import SECRET_KEY

ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def gunicorn(
    environ: Mapping[str, str],
    workers: int = 1,
    log_level: str = "error",
    log: IO[bytes] | None = None,
    *,
    port: int | None = None,
    prefix: Sequence[str] = (),
) -> Iterator[str]:
    """Run the service in this environment, by default with the SECRET_KEY of the tests; yield its URL.

    `log` receives its standard error; by default, the log of the test run does. `port` is a free one by default.
    `prefix` is a command that starts the command after it.
    """
    port = port or free_port()
    # Variables, empty ones too, take precedence over the development configuration of this clone.
    variables = {"PATH": os.defpath, "SECRET_KEY": SECRET_KEY, "DATABASE_URL": "", "PORT": str(port)}
    variables["EXAMPLE_ROUTES"] = "true"
    command = [*prefix, sys.executable, "-m", "gunicorn", "--workers", str(workers), "--log-level", log_level]
    with log or open_log() as stderr:
        process = subprocess.Popen(command, cwd=ROOT, env={**variables, **environ}, stderr=stderr)
    with running(process, lambda: listens(port)):
        yield f"http://127.0.0.1:{port}"
