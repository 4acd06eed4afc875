"""`/health/…`: liveness and readiness probes for orchestrators and load balancers."""

from collections.abc import Iterator

from flask import Blueprint, Response

from api.description import describe
from api.models import Message, Readiness
from api.responses import respond
from config.http_error import NO_STORE, Unavailable
from database.errors import DatabaseUnavailable
from services.auth_guard import public
from services.context import Services, current_services


class NotReady(Unavailable):
    """The service cannot handle requests now. The text is the reason, for the log only."""

    error_code = "not_ready"
    message = "Not ready: the schema of the database is not current"


def init(endpoints: Blueprint) -> None:
    @endpoints.route("/health/live")
    @public
    @describe("Health", "Show whether the process runs", Message)
    def live() -> Response:
        return respond(Message(message="Alive"), [NO_STORE])

    @endpoints.route("/health/ready")
    @public
    @describe("Health", "Show whether the service can handle requests", Readiness, NotReady, DatabaseUnavailable)
    def ready() -> Response:
        services = current_services()
        if problem := services.schema_problem():
            raise NotReady(str(problem))
        return respond(Readiness(message="Ready", unavailable=[*_unavailable(services)]), [NO_STORE])


def _unavailable(services: Services) -> Iterator[str]:
    """Yield what could not be used when a login of this process last needed it. Nothing is asked for a probe."""
    yield from (link.name for link in services.chain.links if not link.last_call.is_available)
    if services.throttle.has_lost_storage:
        yield "redis"
