"""Create the application from the settings: its services and its endpoints."""

import logging
import sys
from collections.abc import Mapping

import click
from flask import Flask
from flask.cli import FlaskGroup
from flask.helpers import get_debug_flag

from api import auth, errors, health, identity, oauth, paths, response_headers, routes, users, well_known
from audit.formats import log_to_standard_error
from config.errors import ConfigurationError, collect_errors
from config.settings import Settings
from services.auth_guard import unmarked_routes
from services.context import register_services
from services.factory import create_services, require_current_schema, require_safe_start
from services.server_threads import require_threads

log = logging.getLogger(__name__)


def create_app(environ: Mapping[str, str] | None = None) -> Flask:
    """Create the application from the variables in `environ`; `None` means those of the process.

    Raises ConfigurationError with every problem of the configuration.
    """
    settings = Settings.of_process() if environ is None else Settings(environ)
    _configure_logging(settings)
    _, services, *_ = collect_errors(
        lambda: settings.log,
        lambda: create_services(settings),
        lambda: _require_safe_start(settings),
        require_threads,
        lambda: None if _is_command_lookup() else require_current_schema(settings),
    )
    app = Flask("latchkey", static_folder=None)
    register_services(app, services)
    for endpoints in (response_headers, paths, errors, auth, identity, users, oauth, well_known, health, routes):
        endpoints.init(app)
    for route in unmarked_routes(app):
        log.warning("%s is not guarded: add @auth_guard() or @public between @app.route and the view function", route)
    return app


def _require_safe_start(settings: Settings) -> None:
    if not _is_command_lookup():
        # `flask run` listens on the address of its option --host. The address of other servers is not known here.
        context = click.get_current_context(silent=True)
        host = context.params.get("host") if context else None
        require_safe_start(settings, host or settings.server.host, get_debug_flag())


def _is_command_lookup() -> bool:
    """Return whether the command line creates the application only to list its commands, as `flask --help` does."""
    context = click.get_current_context(silent=True)
    return context is not None and isinstance(context.command, FlaskGroup)


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
        server, app = collect_errors(lambda: settings.server, lambda: create_app(settings.environ))
        app.run(server.host, server.port)
    except ConfigurationError as error:
        error.show()
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
