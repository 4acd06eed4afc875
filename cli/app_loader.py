"""The application that `flask` serves, for commands that look at its routes."""

import logging
import sys
import traceback
from contextlib import redirect_stdout

import click
from flask import Flask
from flask.cli import ScriptInfo

from cli.terminal import CommandError


def load_application() -> Flask:
    """Return the application of `flask --app`, which is ours unless somebody says otherwise.

    Raises the click exception that its start raises, Refused for whatever else keeps it from starting.
    """
    logging.disable(logging.WARNING)  # whoever asked is told what a start only logs
    try:
        with redirect_stdout(sys.stderr):
            return click.get_current_context().ensure_object(ScriptInfo).load_app()
    except click.ClickException:
        raise
    except Exception as error:  # noqa: BLE001 - it is anybody's application
        # The message may hold a value; the place is enough to find the fault.
        at = traceback.extract_tb(error.__traceback__)[-1]
        raise CommandError(
            f"the application fails with {type(error).__name__} at {at.filename}, line {at.lineno}"
        ) from None
    finally:
        logging.disable(logging.NOTSET)
