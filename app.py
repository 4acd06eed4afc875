"""The application: everything is built here, once and in order."""

import logging
import sys
import time
from collections.abc import Mapping

import click
from flask import Flask, appcontext_popped, appcontext_pushed, current_app
from flask.cli import FlaskGroup

from api import auth, errors, health, identity, oauth, request_id, routes, users, well_known
from cli import db_commands, doctor_command, explain_command, keys_commands, tokens_commands, users_commands
from config.environment import read_environment
from config.errors import ConfigurationError, gather
from config.settings import ServerSettings
from services import context as current
from services.auth_guard import undecided_routes
from services.factory import assemble, require_fitting_database

log = logging.getLogger(__name__)


def create_app(environ: Mapping[str, str] | None = None) -> Flask:
    """Build the application from `environ`; `None` means the process's variables.

    Raises ConfigurationError, with every problem in it, if it cannot be built.
    """
    _configure_logging()
    known = read_environment() if environ is None else environ
    services, _ = gather(
        lambda: assemble(known), lambda: None if _commands_are_wanted() else require_fitting_database(known)
    )
    app = Flask("latchkey", static_folder=None)
    app.url_map.merge_slashes = False  # no redirects: a path has one spelling
    app.extensions["latchkey"] = services
    current.created(services)
    for door in (request_id, errors, auth, identity, users, oauth, well_known, health, routes):
        door.init(app)
    for commands in (
        users_commands,
        keys_commands,
        tokens_commands,
        db_commands,
        doctor_command,
        explain_command,
    ):  # for where the project is not installed, only its packages
        app.cli.add_command(commands)
    for route in undecided_routes(app):
        log.warning("%s is open to everybody: write @auth_guard() or @public between @app.route and its view", route)
    return app


def _commands_are_wanted() -> bool:
    """Say whether Flask's command line builds the application to find a command, such as the one that migrates."""
    context = click.get_current_context(silent=True)
    return context is not None and isinstance(context.command, FlaskGroup)


@appcontext_pushed.connect
def _entered(app: Flask, **_: object) -> None:
    current.entered(app.extensions.get("latchkey"))


@appcontext_popped.connect
def _left(_app: Flask, **_: object) -> None:
    current.entered(current_app.extensions.get("latchkey") if current_app else None)


def _configure_logging() -> None:
    """Log to standard error, in UTC, unless whoever runs us has set logging up already."""
    formatter = logging.Formatter("%(asctime)sZ %(levelname)s %(name)s: %(message)s")
    formatter.converter = time.gmtime
    handler = logging.StreamHandler()
    handler.setFormatter(formatter)
    logging.basicConfig(level=logging.INFO, handlers=[handler])


def main() -> None:
    """Serve for development, on HOST and PORT."""
    try:
        server = ServerSettings.read(read_environment())
        create_app().run(server.host, server.port)
    except ConfigurationError as error:
        error.show()
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
