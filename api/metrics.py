"""`/metrics`: metrics for Prometheus, which sends METRICS_TOKEN as bearer token."""

from hmac import compare_digest

from flask import Flask, Response

from audit.events import observe_events_with
from config.http_error import NO_STORE
from services.auth_guard import bearer_token, public
from services.context import Services
from services.tokens.issuer import InvalidToken

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def init(app: Flask, services: Services) -> None:
    """Count events from now on, and add `/metrics`. Without METRICS_TOKEN, nothing is counted."""
    token = services.metrics_token
    if token is None:
        return
    from services.metrics import Metrics

    metrics = Metrics(services, services.metrics_directory)
    observe_events_with(metrics.observe)

    @app.route("/metrics")
    @public
    def read_metrics() -> Response:
        if not compare_digest(bearer_token().encode(), token.get_secret_value().encode()):
            raise InvalidToken("it is not METRICS_TOKEN")
        return Response(metrics.text(), headers=[NO_STORE], content_type=CONTENT_TYPE)
