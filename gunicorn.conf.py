"""The configuration of a deployment. The command is `gunicorn`, without arguments."""

import os
import signal
from typing import Any

from config.errors import ConfigurationError, collect_errors
from config.settings import Settings
from services.chain import MAX_LOOKUPS
from services.factory import create_services, max_concurrent_logins, require_current_schema

OTHER_THREADS = 16
"""Threads for requests that neither log in nor look a user up, such as guarded routes and health checks."""

try:
    _settings = Settings.of_process()
    # Built before the workers start, so that an invalid configuration is one message and not a traceback per worker.
    _server, _max_logins, *_ = collect_errors(
        lambda: _settings.server,
        lambda: max_concurrent_logins(_settings),
        lambda: create_services(_settings),
        lambda: require_current_schema(_settings),
    )
except ConfigurationError as error:
    error.show()
    raise SystemExit(error.exit_code) from None

wsgi_app = "app:create_app()"
bind = _server.address
# Logins and lookups can wait for a provider in all their threads, and guarded routes still respond.
worker_class = "gthread"
threads = _max_logins + MAX_LOOKUPS + OTHER_THREADS
workers = os.cpu_count()
# Gunicorn would create a socket in the home directory, through which a running server can be reconfigured.
control_socket_disable = True
# Gunicorn would read the scheme of URLs, SCRIPT_NAME and PATH_INFO from headers of a local client or proxy, and of any
# client if it listens on a Unix socket.
forwarded_allow_ips = ""
secure_scheme_headers: dict[str, str] = {}
forwarder_headers = ""


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


def post_worker_init(worker: Any) -> None:
    """Ignore Ctrl-C, which a terminal sends to the workers too: the main process stops them."""
    # Gunicorn's handlers of both signals acquire a lock that the worker may already hold, and then hang for 30 seconds.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGQUIT, worker.handle_exit)
