"""`/health/…`: whether the process lives, and whether it can serve. For whoever starts, stops and balances it."""

from flask import Flask, Response

from api.responses import NO_STORE, answer
from services.auth_guard import public
from services.context import current_services


class NotReady(Exception):
    """The service cannot do its work now; the text says why, and is for the log."""


def init(app: Flask) -> None:
    @app.route("/health/live")
    @public
    def live() -> Response:
        return answer(message="Alive", headers=[NO_STORE])

    @app.route("/health/ready")
    @public
    def ready() -> Response:
        if problem := current_services().schema_problem():
            raise NotReady(str(problem))
        return answer(message="Ready", headers=[NO_STORE])
