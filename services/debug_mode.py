"""The refusal to start in debug mode on an address that other hosts can reach."""

from config.errors import ConfigurationError, Problem
from config.local_host import is_local_host


def require_local_debugging(host: str, is_debug_mode: bool) -> None:
    """Raise ConfigurationError in debug mode, unless `host` is a loopback address or a Unix socket.

    The debugger of werkzeug runs any code that its page receives, and an error response shows the source.
    """
    is_local = host.startswith(("unix:", "/")) or is_local_host(host)
    if is_debug_mode and not is_local:
        found = f"is on, and the service listens on {host}, which other hosts can reach"
        remedy = "Unset FLASK_DEBUG, run flask without --debug and --debugger, or listen on 127.0.0.1"
        raise ConfigurationError([Problem("The debug mode", found, remedy)])
