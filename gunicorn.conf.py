"""How `gunicorn` serves Latchkey in a deployment; `gunicorn` alone is the whole command."""

import os
import signal
from typing import Any

from config.errors import ConfigurationError, collect_errors
from config.settings import Settings
from passwords.hashing import CAPACITY
from services.factory import create_services, require_current_schema

try:
    _settings = Settings.of_process()
    # All of it, so that a bad configuration is one message here and not a traceback from each worker.
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
# More threads than the hash pool takes logins: a flood of them is told to come back, and guarded routes go on.
worker_class = "gthread"
threads = CAPACITY + 32
workers = os.cpu_count()
# A socket in the home folder, by which a running server can be changed: nobody here needs it.
control_socket_disable = True


def post_worker_init(worker: Any) -> None:
    """Leave Ctrl-C, which reaches the workers too, to the one process that knows them all."""
    # Gunicorn's own handlers of these take a lock that may be held already, and then hang for 30 seconds.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGQUIT, worker.handle_exit)
