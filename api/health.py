"""`/health/…`: liveness and readiness probes for orchestrators and load balancers."""

from flask import Flask, Response

from api.responses import NO_STORE, json_response
from services.auth_guard import public
from services.context import current_services


class NotReady(Exception):
    """The service cannot handle requests now. The text is the reason, for the log only."""


def init(app: Flask) -> None:
    @app.route("/health/live")
    @public
    def live() -> Response:
        return json_response(message="Alive", headers=[NO_STORE])

    @app.route("/health/ready")
    @public
    def ready() -> Response:
        if problem := current_services().schema_problem():
            raise NotReady(str(problem))
        return json_response(message="Ready", headers=[NO_STORE])
