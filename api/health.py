"""`/health/…`: liveness and readiness probes for orchestrators and load balancers."""

from flask import Blueprint, Response

from api.description import describe
from api.models import Message
from api.responses import respond
from config.http_error import NO_STORE, Unavailable
from database.errors import DatabaseUnavailable
from services.auth_guard import public
from services.context import current_services


class NotReady(Unavailable):
    """The service cannot handle requests now. The text is the reason, for the log only."""

    error_code = "not_ready"
    message = "Not ready"


def init(endpoints: Blueprint) -> None:
    @endpoints.route("/health/live")
    @public
    @describe("Health", "Show whether the process runs", Message)
    def live() -> Response:
        return respond(Message(message="Alive"), [NO_STORE])

    @endpoints.route("/health/ready")
    @public
    @describe("Health", "Show whether the service can handle requests", Message, NotReady, DatabaseUnavailable)
    def ready() -> Response:
        if problem := current_services().schema_problem():
            raise NotReady(str(problem))
        return respond(Message(message="Ready"), [NO_STORE])
