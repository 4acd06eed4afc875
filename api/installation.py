"""Latchkey in a Flask application: its services, its endpoints, and the headers of its responses.

```python
app = Flask(__name__)
install(app, open_services())
```
"""

import click
from flask import Blueprint, Flask
from flask.cli import FlaskGroup, NoAppException
from flask.helpers import get_debug_flag
from werkzeug.serving import is_running_from_reloader

from api import (
    auth,
    cors,
    errors,
    health,
    identity,
    metrics,
    oauth,
    paths,
    response_headers,
    row_ids,
    sessions,
    tokens,
    upgrades,
    users,
    well_known,
)
from config.environment import is_shell_completion
from config.errors import ConfigurationError, collect_errors
from config.settings import Settings
from services.context import Services, register_services
from services.factory import create_services, require_current_schema, require_safe_start
from services.server_threads import require_threads
from services.start_report import report_start

BLUEPRINT = "latchkey"


def open_services(settings: Settings | None = None) -> Services:
    """Return the services that the settings configure; `None` means those of the process.

    Raises ConfigurationError with every problem of the configuration.
    """
    settings = settings or Settings.of_process()
    services: Services
    try:
        services, *_ = collect_errors(
            lambda: create_services(settings),
            lambda: settings.log,
            lambda: settings.api,
            lambda: _require_safe_start(settings),
            require_threads,
            lambda: None if _is_command_lookup() else require_current_schema(settings),
        )
    except ConfigurationError as error:
        if _is_command_lookup():
            raise NoAppException(error.message) from None  # Flask prints this one without a traceback
        raise
    if not _is_command():
        report_start(settings, services)
    return services


def install(app: Flask, services: Services) -> None:
    """Give an application the services that its guards use, and the endpoints of Latchkey.

    The endpoints are a blueprint, which has its own error responses. Those of the application do not change. All
    responses of the application get the headers `X-Request-ID` and `X-Content-Type-Options`.
    """
    register_services(app, services)
    response_headers.init(app)
    upgrades.init(app)
    cors.init(app, services.cors_origins)
    metrics.init(app, services)
    endpoints = Blueprint(BLUEPRINT, __name__)
    for module in (paths, errors, row_ids, auth, sessions, identity, users, tokens, oauth, well_known, health):
        module.init(endpoints)
    app.register_blueprint(endpoints)


def _require_safe_start(settings: Settings) -> None:
    if not _is_command_lookup():
        # `flask run` listens on the address of its option --host. The address of other servers is not known here.
        context = click.get_current_context(silent=True)
        options = context.params if context else {}
        is_debug_mode = get_debug_flag() or bool(options.get("debugger"))
        require_safe_start(settings, options.get("host") or settings.server.host, is_debug_mode)


def is_development_server() -> bool:
    """Return whether `flask run` creates the application."""
    context = click.get_current_context(silent=True)
    return context is not None and context.info_name == "run"


def _is_command() -> bool:
    """Return whether a command other than `flask run` creates the application, or the process that only restarts it."""
    context = click.get_current_context(silent=True)
    if context is None:
        return is_shell_completion()
    reloads = get_debug_flag() if context.params.get("reload") is None else context.params["reload"]
    return not is_development_server() or (reloads and not is_running_from_reloader())


def _is_command_lookup() -> bool:
    """Return whether the command line creates the application only to list its commands, as `flask --help` does."""
    context = click.get_current_context(silent=True)
    return is_shell_completion() if context is None else isinstance(context.command, FlaskGroup)
