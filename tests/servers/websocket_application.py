"""The application of docs/your-own-application.md with a WebSocket. Its workers wait for a request for 3 seconds."""

import socket

from flask import Flask, request

from app import create_app as create_service
from cli import gunicorn_worker
from tests.support.newcomer import block


def create_app() -> Flask:
    """Return the application. A worker calls this function before it waits for requests."""
    gunicorn_worker.REQUEST_SECONDS = 3.0
    app = create_service()
    exec(block("docs/your-own-application.md", "python", "Sock"), {"app": app, "__name__": __name__})  # noqa: S102
    app.add_url_rule("/keep-socket", view_func=keep_socket)
    app.add_url_rule("/close-socket", view_func=close_socket)
    return app


_kept: list[socket.socket] = []


def keep_socket() -> str:
    """Respond, and keep the socket of the connection, as the thread of a WebSocket does."""
    _kept.append(request.environ["gunicorn.socket"])
    return "kept"


def close_socket() -> str:
    """Close the socket that is kept, as the thread of a WebSocket does when it ends."""
    _kept.pop().close()
    return "closed"
