"""Create the application from the settings: its services and its endpoints."""

import logging
import sys
from collections.abc import Mapping

from click import ClickException
from flask import Flask

from api import documentation, errors, paths, routes
from api.installation import install, open_services
from audit.formats import log_to_standard_error
from config.errors import ConfigurationError, collect_errors
from config.settings import Settings
from services.route_map import unmarked_routes

log = logging.getLogger(__name__)


def create_app(environ: Mapping[str, str] | None = None) -> Flask:
    """Create the application from the variables in `environ`; `None` means those of the process.

    Raises ConfigurationError with every problem of the configuration.
    """
    settings = Settings.of_process() if environ is None else Settings(environ)
    _configure_logging(settings)
    services = open_services(settings)
    app = Flask("latchkey", static_folder=None)
    paths.init(app)
    errors.init(app)
    install(app, services)
    routes.init(app)
    if settings.api.documentation:
        documentation.init(app)
    for route in unmarked_routes(app):
        found = "%s is not guarded: add @auth_guard() or @public between @app.route and the view function %s"
        log.warning(found, route, route.view)
    return app


def _configure_logging(settings: Settings) -> None:
    """Log to standard error. If LOG_FORMAT is invalid, log text until the start fails."""
    try:
        log_to_standard_error(settings.log.format)
    except ConfigurationError:
        log_to_standard_error("text")


def main() -> None:
    """Start a development server on HOST and PORT."""
    try:
        settings = Settings.of_process()
        server, app = collect_errors(lambda: settings.server, create_app)
        app.run(server.host, server.port)
    except ClickException as error:
        error.show()
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
