"""The debug mode is refused on an address that other hosts can reach, with each way to start the service."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from app import create_app
from config.errors import ConfigurationError
from services.debug_mode import require_local_debugging
from tests.servers.process import free_port, running, status_of
from tests.support.newcomer import Newcomer
from tests.support.stores import SECRET_KEY

REFUSAL = (
    "Error: the configuration is invalid.\n  The debug mode is on, and the service listens on 0.0.0.0, which other "
    "hosts can reach. Unset FLASK_DEBUG, run flask without --debug and --debugger, or listen on 127.0.0.1.\n"
)
ANY_ADDRESS = ["0.0.0.0", "::"]  # noqa: S104 - must be refused
SWITCHES = {"--debug", "--debugger"}
FLASK_RUN = ["-m", "flask", "run", "--no-reload"]
COMMANDS = {
    "flask run": [*FLASK_RUN, "--debug", "--host={host}", "--port={port}"],
    "flask run --debugger": [*FLASK_RUN, "--debugger", "--host={host}", "--port={port}"],
    "flask run, variable": [*FLASK_RUN, "--host={host}", "--port={port}"],
    "python app.py": ["app.py"],
    "gunicorn": ["-m", "gunicorn", "--workers=1", "--log-level=error"],
    "gunicorn --bind": ["-m", "gunicorn", "--workers=1", "--log-level=error", "--bind={host}:{port}"],
    "make run": ["-m", "cli.run"],
}


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the clone: `make run` writes a development configuration, which other tests would read."""
    return Newcomer(tmp_path_factory.mktemp("clone"), free_port()).folder


@pytest.fixture(params=COMMANDS)
def start(request: pytest.FixtureRequest, static_environ: Mapping[str, str], clone: Path) -> "Start":
    return Start(request.param, static_environ, clone)


class Start:
    """A start of the service with one of COMMANDS."""

    def __init__(self, name: str, static_environ: Mapping[str, str], clone: Path) -> None:
        self.port = free_port()
        self._clone = clone
        self.name = name
        self._environ = {
            **static_environ, "PATH": os.defpath, "SECRET_KEY": SECRET_KEY, "DATABASE_URL": "", "PORT": str(self.port)
        }  # fmt: skip

    def process(self, host: str, debug: str, stderr: int) -> subprocess.Popen[bytes]:
        template = COMMANDS[self.name]
        environ = self._environ | ({} if "{host}" in " ".join(template) else {"HOST": host})
        if not SWITCHES.intersection(template):
            environ["FLASK_DEBUG"] = debug
        options = [part for part in template if part not in SWITCHES or debug == "1"]
        command = [sys.executable, *(part.format(host=host, port=self.port) for part in options)]
        return subprocess.Popen(command, cwd=self._clone, env=environ, stdout=subprocess.DEVNULL, stderr=stderr)


def test_debug_mode_on_a_public_address_is_refused(start: Start) -> None:
    process = start.process(ANY_ADDRESS[0], "1", subprocess.PIPE)
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 2
    assert errors.decode().endswith(REFUSAL)


@pytest.mark.parametrize(("host", "debug"), [("127.0.0.1", "1"), (ANY_ADDRESS[0], "0")])
def test_debug_mode_on_loopback_and_a_public_address_without_it_are_accepted(
    start: Start, host: str, debug: str
) -> None:
    with running(start.process(host, debug, subprocess.DEVNULL), lambda: status_of(start.port, "/health/live") == 200):
        pass


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "::1", "[::1]", "localhost", "unix:/run/x.sock", "/run/x"])
def test_local_addresses_are_accepted(host: str) -> None:
    require_local_debugging(host, is_debug_mode=True)


@pytest.mark.parametrize("host", [*ANY_ADDRESS, "", "192.0.2.7", "localhost.example.org", "127.0.0.1.example.org"])
def test_public_addresses_are_refused_in_debug_mode_only(host: str) -> None:
    require_local_debugging(host, is_debug_mode=False)
    with pytest.raises(ConfigurationError, match="The debug mode is on"):
        require_local_debugging(host, is_debug_mode=True)


def test_service_behind_another_server_is_refused_by_its_host(
    static_environ: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    environ = {**static_environ, "SECRET_KEY": SECRET_KEY, "HOST": "192.0.2.7"}
    assert create_app(environ)
    monkeypatch.setenv("FLASK_DEBUG", "1")
    with pytest.raises(ConfigurationError, match="FLASK_DEBUG"):
        create_app(environ)
    assert create_app({**environ, "HOST": "127.0.0.1"}).debug
