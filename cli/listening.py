"""The check before a server starts that it can listen on its address."""

import errno
import socket

from cli.terminal import CommandError

_REMEDIES = {
    errno.EADDRINUSE: "Another program uses the port, on macOS often AirPlay Receiver. "
    "Set PORT to another one, for example: PORT=5001 make run",
    errno.EACCES: "Set PORT to 1024 or more, or give the service the right to use the port",
}
_WRONG_HOST = "Set HOST to an address of this machine, such as 127.0.0.1, or to 0.0.0.0 for all of them"


def require_free_address(host: str, port: int) -> None:
    """Raise CommandError, of one line, if a server cannot listen on the address."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        socket.create_server((host, port), family=family).close()
    except (OSError, UnicodeError) as error:  # a UnicodeError is an invalid host name
        number, text = (error.errno, error.strerror or "") if isinstance(error, OSError) else (None, "")
        reason = text.partition(" (while ")[0] or "it is not a host name or address"
        shown = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        raise CommandError(f"cannot listen on {shown}: {reason}. {_REMEDIES.get(number or 0, _WRONG_HOST)}") from None
