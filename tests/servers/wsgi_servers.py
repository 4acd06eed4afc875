"""The application behind each server that can serve WSGI, with the server's default settings."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from sysconfig import get_path
from tempfile import TemporaryDirectory

from tests.servers.process import free_port, running, status_of
from tests.servers.reverse_proxies import load_apache_modules
from tests.support.log_scan import open_log
from tests.support.newcomer import block
from tests.support.stores import SECRET_KEY

ROOT = Path(__file__).resolve().parents[2]

_GUNICORN = ["gunicorn", "--bind={address}", "--workers={workers}", "--log-level=error", "{factory}()"]
_UVICORN = ["uvicorn", "--host=127.0.0.1", "--port={port}", "--workers={workers}", "--log-level=error"]

COMMANDS: Mapping[str, list[str]] = {
    "gunicorn-gthread": _GUNICORN,
    "gunicorn-sync": [*_GUNICORN, "--worker-class=sync", "--threads=1"],
    "waitress": ["waitress-serve", "--listen={address}", "--call", "{factory}"],
    "granian": [
        "granian", "--interface=wsgi", "--factory", "--host=127.0.0.1", "--port={port}", "--blocking-threads=8",
        "--workers={workers}", "--no-log", "--workers-kill-timeout=10", "{factory}",
    ],
    "uwsgi": [
        "uwsgi", "--http-socket={address}", "--module={factory}()", "--need-app", "--master", "--threads=8",
        "--processes={workers}", "--die-on-term", "--worker-reload-mercy=10", "--disable-logging",
    ],
    "cheroot": ["cheroot", "--bind={address}", "tests.servers.served_application:wsgi"],
    "hypercorn": ["hypercorn", "--bind={address}", "--workers={workers}", "wsgi:tests.servers.served_application:wsgi"],
    "flask-run": ["flask", "--app", "{factory}", "run", "--port={port}"],
    "uvicorn-asgiref": [*_UVICORN, "tests.servers.served_application:asgiref"],
    "uvicorn-a2wsgi": [*_UVICORN, "tests.servers.served_application:a2wsgi"],
    "mod_wsgi": ["/usr/sbin/apache2", "-DFOREGROUND", "-f", "{home}/apache.conf"],
}  # fmt: skip
"""The command of each server. `{factory}` is the module and the name of a function that returns the application.

`flask-run` serves only Flask applications. A worker of granian that starts may miss the signal to stop. uWSGI
waits a minute by default for a worker that does not stop, as long as `running` waits for the server.
"""

WSGI_SERVERS = tuple(COMMANDS)
SINGLE_PROCESS = ("waitress", "cheroot", "flask-run")
"""The servers that have one process, whatever the number of workers."""

_APACHE = load_apache_modules("mpm_event", "authz_core", "wsgi")
_APACHE += """
ServerName localhost
DefaultRuntimeDir {home}
PidFile {home}/apache.pid
ErrorLog /dev/stderr
WSGISocketPrefix {home}/wsgi
WSGICallableObject wsgi
Listen {address}
"""
# Apache does not start a daemon process as root. Without root it could not read what belongs to root.
_UNPRIVILEGED = [
    "setpriv",
    "--reuid=65534",
    "--clear-groups",
    "--inh-caps=+dac_override",
    "--ambient-caps=+dac_override",
]


@contextmanager
def wsgi_server(
    name: str,
    environ: Mapping[str, str],
    factory: str = "app:create_app",
    options: tuple[str, ...] = (),
    workers: int = 1,
) -> Iterator[str]:
    """Run an application, by default this service, behind a server of WSGI_SERVERS; yield its URL.

    The environment has the SECRET_KEY of the tests by default. `options` are more options of the server. Gunicorn reads
    gunicorn.conf.py, so that it needs a valid environment for any application.
    """
    port = free_port()
    # Variables, empty ones too, take precedence over the development configuration of this clone.
    variables = {"PATH": os.defpath, "PYTHONPATH": str(ROOT), "SECRET_KEY": SECRET_KEY, "DATABASE_URL": ""}
    variables["EXAMPLE_ROUTES"] = "true"
    variables |= {"SERVED_FACTORY": factory, "PORT": str(port), **environ}
    with TemporaryDirectory() as home, open_log() as log:
        fields = {"port": port, "address": f"127.0.0.1:{port}", "factory": factory, "workers": workers, "home": home}
        command = _mod_wsgi(fields) if name == "mod_wsgi" else _command(name, fields, options)
        process = subprocess.Popen(command, cwd=ROOT, env=variables, stdout=log, stderr=log)
        with running(process, lambda: status_of(port) is not None):
            yield f"http://127.0.0.1:{port}"


def _command(name: str, fields: Mapping[str, object], options: tuple[str, ...]) -> list[str]:
    program, *arguments = (part.format_map(fields) for part in COMMANDS[name])
    return [str(Path(sys.executable).with_name(program)), *options, *arguments]


def _mod_wsgi(fields: Mapping[str, object]) -> list[str]:
    """Write the documented configuration, with the packages and the place of this test; return the command."""
    home = Path(str(fields["home"]))
    site = block("docs/other-servers.md", "apache", "WSGIPassAuthorization")
    for documented, used in {
        "processes=2": f"processes={fields['workers']}",
        "user=latchkey home=/opt/latchkey": f"home={home}",
        # The environment of the tests may be of another Python 3.11 than Debian's.
        "python-home=/opt/latchkey/.venv python-path=/opt/latchkey": f"python-path={ROOT}:{get_path('platlib')}",
        "/opt/latchkey/latchkey_wsgi.py": f"{ROOT}/tests/servers/served_application.py",
        "/opt/latchkey": str(ROOT),
    }.items():
        assert documented in site
        site = site.replace(documented, used)
    (home / "apache.conf").write_text(_APACHE.format_map(fields) + site)
    home.chmod(0o777)
    prefix = _UNPRIVILEGED if os.geteuid() == 0 else []
    return [*prefix, *(part.format_map(fields) for part in COMMANDS["mod_wsgi"])]
