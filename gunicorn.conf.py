"""The configuration of a deployment. The command is `gunicorn`, without arguments."""

import os
import signal
from typing import Any

from config.errors import ConfigurationError, collect_errors
from config.settings import Settings
from passwords.hashing import CAPACITY
from services.factory import create_services, require_current_schema

try:
    _settings = Settings.of_process()
    # Built before the workers start, so that an invalid configuration is one message and not a traceback per worker.
    _server, *_ = collect_errors(
        lambda: _settings.server,
        lambda: create_services(_settings),
        lambda: require_current_schema(_settings),
    )
except ConfigurationError as error:
    error.show()
    raise SystemExit(error.exit_code) from None

wsgi_app = "app:create_app()"
bind = _server.address
# More threads than the hash pool accepts logins, so that a flood of logins leaves threads for guarded routes.
worker_class = "gthread"
threads = CAPACITY + 32
workers = os.cpu_count()
# Gunicorn would create a socket in the home directory, through which a running server can be reconfigured.
control_socket_disable = True


def post_worker_init(worker: Any) -> None:
    """Ignore Ctrl-C, which a terminal sends to the workers too: the main process stops them."""
    # Gunicorn's handlers of both signals acquire a lock that the worker may already hold, and then hang for 30 seconds.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGQUIT, worker.handle_exit)
