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


class ApplicationFails(CommandError):
    """The application raises an exception at its start. `reason` is the message without its remedy."""

    def __init__(self, error: Exception) -> None:
        self.reason = f"the application fails with {describe_exception(error)}"
        super().__init__(f"{self.reason}. For the traceback, run: flask run")


def services_of_application(app: Flask) -> Services:
    """Return the services of an application; those that the configuration describes if it has none.

    Raises ConfigurationError.
    """
    services: Services | None = app.extensions.get(EXTENSION)
    return services or create_services(Settings.of_process())


def load_application() -> Flask:
    """Return the application of `flask --app`; without the option, Latchkey's.

    Raises the click exceptions that its start raises, and ApplicationFails in place of any other exception.
    """
    logging.disable(logging.WARNING)  # the command reports what the start would log
    try:
        with redirect_stdout(sys.stderr):
            return click.get_current_context().ensure_object(ScriptInfo).load_app()
    except click.ClickException as error:
        if isinstance(error, NoAppException) and isinstance(error.__context__, ImportError):
            raise ApplicationFails(error.__context__) from None  # Flask's message is a traceback
        raise
    except Exception as error:  # noqa: BLE001 - a user's application can raise any exception
        raise ApplicationFails(error) from None
    finally:
        logging.disable(logging.NOTSET)
