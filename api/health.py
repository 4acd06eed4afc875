"""`/health/…`: liveness and readiness probes for orchestrators and load balancers."""

from flask import Blueprint, Response

from api.responses import json_response
from config.http_error import NO_STORE, Unavailable
from services.auth_guard import public
from services.context import current_services


class NotReady(Unavailable):
    """The service cannot handle requests now. The text is the reason, for the log only."""

    error_code = "not_ready"
    message = "Not ready"


def init(endpoints: Blueprint) -> None:
    @endpoints.route("/health/live")
    @public
    def live() -> Response:
        return json_response(message="Alive", headers=[NO_STORE])

    @endpoints.route("/health/ready")
    @public
    def ready() -> Response:
        if problem := current_services().schema_problem():
            raise NotReady(str(problem))
        return json_response(message="Ready", headers=[NO_STORE])
