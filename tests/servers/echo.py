"""An application behind a reverse proxy that responds with the request that it received."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BufferedIOBase
from threading import Thread


@dataclass(frozen=True)
class Echo:
    """A running application."""

    port: int
    requests: list[tuple[str, str]] = field(default_factory=list)
    """The path and the body of each request."""


@contextmanager
def echo() -> Iterator[Echo]:
    """Run the application."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            chunked = self.headers.get("Transfer-Encoding") == "chunked"
            length = int(self.headers.get("Content-Length", 0))
            body = (_read_chunks(self.rfile) if chunked else self.rfile.read(length)).decode()
            running.requests.append((self.path, body))
            response = json.dumps({"headers": self.headers.items(), "path": self.path, "body": body}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(response)))
            self.end_headers()
            self.wfile.write(response)

        do_POST = do_GET  # noqa: N815 - the name that http.server requires

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        running = Echo(server.server_port)
        thread = Thread(target=server.serve_forever, args=[0.05])
        thread.start()
        try:
            yield running
        finally:
            server.shutdown()
            thread.join()


def _read_chunks(stream: BufferedIOBase) -> bytes:
    """Return the content of a body with the transfer coding `chunked` (RFC 9112 §7.1)."""
    content = b""
    while size := int(stream.readline(), 16):
        content += stream.read(size)
        stream.readline()
    stream.readline()
    return content
