"""`Upgrade: websocket` in a request to a route that is not a WebSocket is ignored."""

from wsgiref.types import WSGIEnvironment

from flask import Flask
from werkzeug.exceptions import HTTPException
from werkzeug.routing.exceptions import WebsocketMismatch


def init(app: Flask) -> None:
    """Let such requests reach their route, as RFC 9110 §7.8 permits. Werkzeug responds to them with 400.

    A proxy sends the header of the client's request to `/api/auth/verify`. Routes that are WebSockets, such as those of
    flask-sock, receive it unchanged.
    """
    serve = app.wsgi_app

    def serve_without_upgrade(environ: WSGIEnvironment, start_response: object) -> object:
        if "HTTP_UPGRADE" in environ and _is_mismatch(app, environ):
            del environ["HTTP_UPGRADE"]
        return serve(environ, start_response)  # type: ignore[arg-type]

    app.wsgi_app = serve_without_upgrade  # type: ignore[method-assign, assignment]


def _is_mismatch(app: Flask, environ: WSGIEnvironment) -> bool:
    """Return whether the path and the method have only routes that are not WebSockets."""
    try:
        adapter = app.create_url_adapter(app.request_class(environ))
        if adapter is not None:
            adapter.match()
    except WebsocketMismatch:
        return True
    except HTTPException:
        return False
    return False
