"""A server that does not run threads, or replaces them, is refused by its name: revocations would not be read."""

import os
import subprocess
import sys
from collections.abc import Mapping
from sysconfig import get_path

import pytest

from tests.servers.gunicorn import ROOT
from tests.servers.process import free_port, running, status_of
from tests.support.stores import SECRET_KEY

GEVENT = "  gevent replaces the threads that Latchkey needs. Use a server with threads: gunicorn's gthread.\n"
UWSGI = "uWSGI does not run threads. Set its option enable-threads."

# Debian's version, in which threads are disabled by default.
UWSGI_COMMAND = ["/usr/bin/uwsgi-core", "--plugin=python3", "--module=app:create_app()", "--need-app", "--die-on-term"]


@pytest.fixture
def environ(static_environ: Mapping[str, str]) -> dict[str, str]:
    own = {"PATH": os.defpath, "SECRET_KEY": SECRET_KEY, "DATABASE_URL": "", "PORT": str(free_port())}
    return {**own, **static_environ, "PYTHONPATH": os.pathsep.join([str(ROOT), get_path("platlib")])}


def refusal(command: list[str], environ: Mapping[str, str]) -> tuple[int, str]:
    """Return the exit code and the errors of a command that must end by itself."""
    ended = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, check=False, text=True, timeout=60)
    return ended.returncode, ended.stderr


def test_gunicorn_with_gevent_is_refused(environ: dict[str, str]) -> None:
    code, errors = refusal([sys.executable, "-m", "gunicorn", "--worker-class=gevent", "--log-level=error"], environ)
    assert (code, errors) == (2, f"Error: the configuration is invalid.\n{GEVENT}")


def test_threads_replaced_by_gevent_are_refused_behind_any_server(environ: dict[str, str]) -> None:
    program = "from gevent import monkey; monkey.patch_all(); import app; app.main()"
    code, errors = refusal([sys.executable, "-c", program], environ)
    assert (code, errors) == (2, f"Error: the configuration is invalid.\n{GEVENT}")


def test_uwsgi_without_threads_is_refused(environ: dict[str, str]) -> None:
    code, errors = refusal([*UWSGI_COMMAND, f"--http-socket=127.0.0.1:{environ['PORT']}"], environ)
    assert code != 0
    assert UWSGI in errors


def test_uwsgi_with_threads_is_accepted(environ: dict[str, str]) -> None:
    port = int(environ["PORT"])
    command = [*UWSGI_COMMAND, "--enable-threads", f"--http-socket=127.0.0.1:{port}"]
    process = subprocess.Popen(command, cwd=ROOT, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with running(process, lambda: status_of(port, "/health/ready") == 200):
        pass
