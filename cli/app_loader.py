"""The application that `flask` serves, for commands that need its routes."""

import logging
import sys
from contextlib import redirect_stdout

import click
from flask import Flask
from flask.cli import NoAppException, ScriptInfo

from cli.terminal import CommandError
from config.settings import Settings
from providers.faults import describe_exception
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
    except click.ClickException as error:
        if isinstance(error, NoAppException) and isinstance(error.__context__, ImportError):
            raise _failure(error.__context__) from None  # Flask's message is a traceback
        raise
    except Exception as error:  # noqa: BLE001 - a user's application can raise any exception
        raise _failure(error) from None
    finally:
        logging.disable(logging.NOTSET)


def _failure(error: Exception) -> CommandError:
    return CommandError(f"the application fails with {describe_exception(error)}")
