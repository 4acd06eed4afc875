"""The refusal to start in debug mode on an address that other hosts can reach."""

from ipaddress import ip_address

from config.errors import ConfigurationError, Problem


def require_local_debugging(host: str, is_debug_mode: bool) -> None:
    """Raise ConfigurationError in debug mode, unless `host` is a loopback address or a Unix socket.

    The debugger of werkzeug runs any code that its page receives, and an error response shows the source.
    """
    if is_debug_mode and not _is_local(host):
        found = "switches the debug mode on, and the service listens on an address that other hosts can reach"
        raise ConfigurationError([Problem("FLASK_DEBUG", found, "Unset it, or listen on 127.0.0.1")])


def _is_local(host: str) -> bool:
    if host.startswith(("unix:", "/")):
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"
