"""Create the application from the settings: its services and its endpoints."""

import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

from click import ClickException
from flask import Flask
from werkzeug.serving import is_running_from_reloader

from api import documentation, errors, routes
from api.application import Application
from api.installation import install, is_development_server, open_services
from audit.formats import log_to_standard_error
from config.errors import ConfigurationError, collect_errors
from config.settings import Settings
from services.route_map import unmarked_routes
from services.start_report import report_unmarked_routes

ROOT = Path(__file__).resolve().parent
"""The folder in which Flask looks for the folders `templates` and `static`."""
MODULES: tuple[ModuleType, ...] = ()
"""Your own modules with routes. Each has a function `init(app)`, as api/routes.py has."""


def create_app(environ: Mapping[str, str] | None = None) -> Flask:
    """Create the application from the variables in `environ`; `None` means those of the process.

    It has the example routes unless it serves a deployment: without EXAMPLE_ROUTES, only `flask run`, `python app.py`
    and tests, which pass `environ`, have them. Raises ConfigurationError with every problem of the configuration.
    """
    if environ is not None:
        return _create_app(Settings(environ), is_development=True)
    return _create_app(Settings.of_process(), is_development_server())


def _create_app(settings: Settings, is_development: bool) -> Flask:
    _configure_logging(settings)
    services, examples = collect_errors(lambda: open_services(settings), lambda: settings.examples.routes)
    static_folder = "static" if (ROOT / "static").is_dir() else None
    app = Application("latchkey", root_path=str(ROOT), static_folder=static_folder)
    errors.init(app)
    install(app, services)
    if is_development if examples is None else examples:
        routes.init(app)
    if settings.api.documentation:
        documentation.init(app)
    for module in MODULES:
        module.init(app)
    report_unmarked_routes(unmarked_routes(app))
    return app


def _configure_logging(settings: Settings) -> None:
    """Log to standard error. If LOG_FORMAT is invalid, log text until the start fails."""
    try:
        log_to_standard_error(settings.log.format)
    except ConfigurationError:
        log_to_standard_error("text")


def main() -> None:
    """Start a development server on HOST and PORT."""
    from cli.listening import require_free_address

    try:
        settings = Settings.of_process()
        server, app = collect_errors(lambda: settings.server, lambda: _create_app(settings, is_development=True))
        if not is_running_from_reloader():  # the reloader's parent process already listens on the address
            require_free_address(server.host, server.port)
        app.run(server.host, server.port)
    except ClickException as error:
        error.show()
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
