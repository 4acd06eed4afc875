"""Whether the WSGI server runs the threads of the application, which read revocations and watch providers."""

import sys

from config.errors import ConfigurationError, Problem

GREENLETS = ConfigurationError(
    [Problem("gevent", "replaces the threads that Latchkey needs", "Use a server with threads: gunicorn's gthread")]
)
NO_THREADS = ConfigurationError([Problem("uWSGI", "does not run threads", "Set its option enable-threads")])


def require_threads() -> None:
    """Raise ConfigurationError if threads of this process do not run, or are replaced with greenlets."""
    uwsgi = sys.modules.get("uwsgi")  # only in processes of uWSGI
    if uwsgi and not uwsgi.has_threads:
        raise NO_THREADS
    monkey = sys.modules.get("gevent.monkey")
    if monkey and monkey.is_module_patched("threading"):
        raise GREENLETS
