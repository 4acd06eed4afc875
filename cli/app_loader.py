"""The application that `flask` serves, for commands that need its routes."""

import logging
import sys
import sysconfig
import traceback
from contextlib import redirect_stdout

import click
from flask import Flask
from flask.cli import NoAppException, ScriptInfo

from cli.terminal import CommandError
from config.settings import Settings
from services.context import EXTENSION, Services
from services.factory import create_services

_LIBRARIES = (*{sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib")}, "<")
"""Where the code of Python and of the installed packages begins."""


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
            raise CommandError(_describe(error.__context__)) from None  # Flask's message is a traceback
        raise
    except Exception as error:  # noqa: BLE001 - a user's application can raise any exception
        raise CommandError(_describe(error)) from None
    finally:
        logging.disable(logging.NOTSET)


def _describe(error: Exception) -> str:
    """Return what has failed, and where in the user's code. A message that may have a setting's value is not shown."""
    if isinstance(error, SyntaxError):
        return (
            f"the application fails with {type(error).__name__} at {error.filename}, line {error.lineno}: {error.msg}"
        )
    frames = traceback.extract_tb(error.__traceback__)
    at = next((frame for frame in reversed(frames) if not frame.filename.startswith(_LIBRARIES)), frames[-1])
    message = f": {error}" if isinstance(error, (ImportError, NameError)) else ""
    return f"the application fails with {type(error).__name__} at {at.filename}, line {at.lineno}{message}"
