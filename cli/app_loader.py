"""The application that `flask` serves, for commands that need its routes."""

import logging
import sys
import traceback
from contextlib import redirect_stdout

import click
from flask import Flask
from flask.cli import ScriptInfo

from cli.terminal import CommandError
from config.settings import Settings
from services.context import EXTENSION, Services
from services.factory import create_services


def services_of_application(app: Flask) -> Services:
    """Return the services of an application; those that the configuration describes if it has none.

    Raises ConfigurationError.
    """
    services: Services | None = app.extensions.get(EXTENSION)
    return services or create_services(Settings.of_process())


def load_application() -> Flask:
    """Return the application of `flask --app`; without the option, Latchkey's.

    Raises the click exceptions that its start raises, and CommandError in place of any other exception.
    """
    logging.disable(logging.WARNING)  # the command reports what the start would log
    try:
        with redirect_stdout(sys.stderr):
            return click.get_current_context().ensure_object(ScriptInfo).load_app()
    except click.ClickException:
        raise
    except Exception as error:  # noqa: BLE001 - a user's application can raise any exception
        # The message may contain a setting's value. The file and the line are enough to find the fault.
        at = traceback.extract_tb(error.__traceback__)[-1]
        raise CommandError(
            f"the application fails with {type(error).__name__} at {at.filename}, line {at.lineno}"
        ) from None
    finally:
        logging.disable(logging.NOTSET)
