"""Run the `flask` program in a fork of the fork server, for shells: `python fork_client.py SOCKET ARGUMENT…`.

It imports little, so that it starts fast.
"""

import json
import os
import socket
import sys
from collections.abc import Mapping, Sequence


def connect(
    address: str, arguments: Sequence[str], files: Sequence[int], folder: str, environ: Mapping[str, str]
) -> socket.socket:
    """Send a run to the fork server. Return the connection, which receives the process id, and how the run ends."""
    umask = os.umask(0)
    os.umask(umask)
    run = {"arguments": arguments, "folder": folder, "environ": {**environ}, "umask": umask}
    message = json.dumps(run).encode() + b"\n"
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(address)
    sent = socket.send_fds(connection, [message], files)
    connection.sendall(message[sent:])
    return connection


if __name__ == "__main__":
    with connect(sys.argv[1], sys.argv[2:], [0, 1, 2], os.getcwd(), os.environ).makefile() as messages:
        messages.readline()
        code, _ = json.loads(messages.readline())
    sys.exit(code if code >= 0 else 128 - code)
