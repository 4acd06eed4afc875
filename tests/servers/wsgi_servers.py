"""The application behind each server that can serve WSGI, with the server's default settings."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.servers.process import free_port, running, status_of
from tests.support.log_scan import open_log
from tests.support.stores import SECRET_KEY

ROOT = Path(__file__).resolve().parents[2]

_GUNICORN = ["gunicorn", "--bind={address}", "--workers=1", "--log-level=error", "{factory}()"]
_UVICORN = ["uvicorn", "--host=127.0.0.1", "--port={port}", "--log-level=error"]

COMMANDS: Mapping[str, list[str]] = {
    "gunicorn-gthread": _GUNICORN,
    "gunicorn-sync": [*_GUNICORN, "--worker-class=sync", "--threads=1"],
    "waitress": ["waitress-serve", "--listen={address}", "--call", "{factory}"],
    "granian": [
        "granian", "--interface=wsgi", "--factory", "--host=127.0.0.1", "--port={port}", "--blocking-threads=8",
        "--no-log", "{factory}",
    ],
    "uwsgi": [
        "uwsgi", "--http-socket={address}", "--module={factory}()", "--need-app", "--master", "--threads=8",
        "--die-on-term", "--disable-logging",
    ],
    "cheroot": ["cheroot", "--bind={address}", "tests.servers.served_application:wsgi"],
    "hypercorn": ["hypercorn", "--bind={address}", "wsgi:tests.servers.served_application:wsgi"],
    "flask-run": ["flask", "--app", "{factory}", "run", "--port={port}"],
    "uvicorn-asgiref": [*_UVICORN, "tests.servers.served_application:asgiref"],
    "uvicorn-a2wsgi": [*_UVICORN, "tests.servers.served_application:a2wsgi"],
}  # fmt: skip
"""The command of each server. `{factory}` is the module and the name of a function that returns the application.

`flask-run` serves only Flask applications.
"""

WSGI_SERVERS = tuple(COMMANDS)


@contextmanager
def wsgi_server(
    name: str, environ: Mapping[str, str], factory: str = "app:create_app", options: tuple[str, ...] = ()
) -> Iterator[str]:
    """Run an application, by default this service, behind a server of WSGI_SERVERS; yield its URL.

    The environment has the SECRET_KEY of the tests by default. `options` are more options of the server. Gunicorn reads
    gunicorn.conf.py, so that it needs a valid environment for any application.
    """
    port = free_port()
    fields = {"port": port, "address": f"127.0.0.1:{port}", "factory": factory}
    program, *arguments = (part.format_map(fields) for part in COMMANDS[name])
    command = [str(Path(sys.executable).with_name(program)), *options, *arguments]
    # Variables, empty ones too, take precedence over the development configuration of this clone.
    variables = {"PATH": os.defpath, "PYTHONPATH": str(ROOT), "SECRET_KEY": SECRET_KEY, "DATABASE_URL": ""}
    variables |= {"SERVED_FACTORY": factory, "PORT": str(port)}
    with open_log() as log:
        process = subprocess.Popen(command, cwd=ROOT, env={**variables, **environ}, stdout=log, stderr=log)
    with running(process, lambda: status_of(port) is not None):
        yield f"http://127.0.0.1:{port}"
