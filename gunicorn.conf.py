"""The configuration of a deployment. The command is `gunicorn`, without arguments."""

import os
import shutil
import signal
from collections.abc import Callable
from functools import partial
from importlib import import_module
from tempfile import gettempdir, mkdtemp
from typing import Any

from click import ClickException
from flask.helpers import get_debug_flag
from gunicorn.errors import AppImportError
from gunicorn.glogging import Logger
from gunicorn.workers.base_async import AsyncWorker

from audit.formats import formatter
from cli.gunicorn_worker import BufferingWorker
from cli.listening import require_free_address
from cli.worker_start import leave_report_to_others, load_when_valid, mark_as_serving, request_report
from config.errors import ConfigurationError, Problem, collect_errors
from config.service_settings import LogSettings, ServerSettings
from config.settings import Settings
from services import start_report
from services.chain import MAX_LOOKUPS
from services.debug_mode import require_local_debugging
from services.factory import (
    METRICS_DIRECTORY,
    create_services,
    max_concurrent_logins,
    require_current_schema,
    require_safe_start,
)
from services.server_threads import GREENLETS
from services.worker_count import worker_count

MEMORY = "/dev/shm"  # noqa: S108 - a file system, in which gunicorn creates files with unpredictable names
OTHER_THREADS = 16
"""Threads for requests that neither log in nor look a user up, such as guarded routes and health checks."""


def _worker_directory() -> str:
    """Return a directory for the file with which a worker shows that it runs. Raises ConfigurationError.

    A file in memory, because a busy disk would delay it, and because the other file systems may be read-only.
    """
    if os.access(MEMORY, os.W_OK):
        return MEMORY
    try:
        return gettempdir()
    except FileNotFoundError:
        remedy = f"Set it to a directory on a writable file system, or mount one at {MEMORY}"
        raise ConfigurationError([Problem("TMPDIR", "is not a writable directory", remedy)]) from None


def _check_configuration() -> tuple[ServerSettings, LogSettings, int, str, bool]:
    """Return the settings that gunicorn needs, the directory of its workers, and whether there are metrics.

    Raises ConfigurationError.
    """
    settings = Settings.of_process()
    server, log, max_logins, directory, services, *_ = collect_errors(
        lambda: settings.server,
        lambda: settings.log,
        lambda: max_concurrent_logins(settings),
        _worker_directory,
        lambda: create_services(settings),
        lambda: require_safe_start(settings, settings.server.host, get_debug_flag()),
        lambda: require_current_schema(settings),
    )
    return server, log, max_logins, directory, services.metrics_token is not None


start_report.log.disabled = True  # the first worker logs what the main process finds, too
try:
    # Before the workers start, so that an invalid configuration is one message and not a traceback per worker.
    _server, _log, _max_logins, worker_tmp_dir, _has_metrics = _check_configuration()
except ConfigurationError as error:
    error.show()
    raise SystemExit(error.exit_code) from None


# What every worker imports. It is imported before the workers are forked, so that they share its memory: 12 MiB each.
# Without app.py, which a reload reads again.
for _module in (
    *("api.application", "api.documentation", "api.installation", "api.routes", "services.route_map"),
    *("services.tokens.signing", "passlib.hash", "passlib.handlers.argon2"),
):
    import_module(_module)


_METRICS_PREFIX = "latchkey-metrics-"
_metrics_directory: str | None = None
"""The directory in which the workers share their metrics; `None` if the operator has named one, or without metrics."""
# A new directory for each main process, also for one that replaces another with its environment (SIGUSR2).
if _has_metrics and _METRICS_PREFIX in os.environ.get(METRICS_DIRECTORY, _METRICS_PREFIX):
    _metrics_directory = os.environ[METRICS_DIRECTORY] = mkdtemp(prefix=_METRICS_PREFIX, dir=worker_tmp_dir)


class _Logger(Logger):  # type: ignore[misc]  # gunicorn has no types
    """Writes gunicorn's own lines in LOG_FORMAT."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        for handler in self.error_log.handlers:
            handler.setFormatter(formatter(_log.format))


logger_class = _Logger
wsgi_app = "app:create_app()"
bind = _server.address
# Logins and lookups can wait for a provider in all their threads, and guarded routes still respond.
worker_class = BufferingWorker
threads = _max_logins + MAX_LOOKUPS + OTHER_THREADS
workers = worker_count()
# Gunicorn would create a socket in the home directory, through which a running server can be reconfigured.
control_socket_disable = True
# Gunicorn would read the scheme of URLs, SCRIPT_NAME and PATH_INFO from headers of a local client or proxy, and of any
# client if it listens on a Unix socket.
forwarded_allow_ips = ""
secure_scheme_headers: dict[str, str] = {}
forwarder_headers = ""


def on_starting(server: Any) -> None:
    """Refuse an unsafe command line, and prepare for a configuration that becomes invalid later."""
    try:
        if issubclass(server.cfg.worker_class, AsyncWorker):
            raise GREENLETS
        for address in server.cfg.address:  # of --bind, which takes precedence over HOST
            host = address[0] if isinstance(address, tuple) else f"unix:{address}"
            require_local_debugging(host, get_debug_flag())
            if isinstance(address, tuple) and not _inherits_sockets(server):
                require_free_address(*address)
    except ClickException as error:
        error.show()
        raise SystemExit(error.exit_code) from None
    request_report()
    server.handle_hup = partial(_reload_if_valid, server, server.handle_hup)


def _inherits_sockets(server: Any) -> bool:
    """Return whether the previous main process, or systemd, has opened the sockets, or other servers share them."""
    return server.cfg.reuse_port or not os.environ.keys().isdisjoint({"GUNICORN_FD", "LISTEN_FDS"})


def _reload_if_valid(server: Any, reload: Callable[[], None]) -> None:
    try:
        _check_configuration()
    except ConfigurationError as error:
        found = "Not reloaded, so the workers continue with the last configuration. %s"
        server.log.error(found, " ".join(error.lines))  # noqa: TRY400 - the problems need no traceback
    else:
        request_report()
        reload()


def post_fork(_server: Any, worker: Any) -> None:
    """Let a worker wait while the configuration is invalid: gunicorn stops if a worker cannot start."""
    worker.load_wsgi = partial(_load, worker, worker.load_wsgi)


def _load(worker: Any, load: Callable[[], None]) -> None:
    """Load the application when the configuration is valid. The main process alone handles Ctrl-C.

    A terminal sends it to the workers too.
    """
    # Gunicorn's handlers of both signals acquire a lock that the worker may already hold, and then hang for 30 seconds.
    # While the application is loaded, they raise SystemExit anywhere.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGQUIT, worker.handle_exit)
    leave_report_to_others()
    try:
        load_when_valid(worker, load)
    except ClickException as error:  # such as InvalidGuard, whose message has the file and the line
        raise AppImportError(f"Error: {error.format_message()}") from None


def when_ready(server: Any) -> None:
    """Warn if options of the command line leave fewer threads than logins and lookups can occupy."""
    if server.cfg.threads <= _max_logins + MAX_LOOKUPS:
        server.log.warning(
            "a worker has %d threads, and %d logins and %d lookups of a slow provider can occupy all of them: "
            "set --threads to %d",
            server.cfg.threads,
            _max_logins,
            MAX_LOOKUPS,
            threads,
        )


def post_worker_init(_worker: Any) -> None:
    """Report that this worker serves requests."""
    mark_as_serving()


def child_exit(_server: Any, worker: Any) -> None:
    """Forget the gauges of a worker that has ended. Its counts remain."""
    if _has_metrics:
        from prometheus_client.multiprocess import mark_process_dead

        mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]


def on_exit(_server: Any) -> None:
    """Remove the directory of the metrics, but not one that the operator has named."""
    if _metrics_directory:
        shutil.rmtree(_metrics_directory, ignore_errors=True)
