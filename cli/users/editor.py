"""The user table in DATABASE_URL, for reading, and for editing in the name of the operator at the terminal."""

import os
import pwd
from collections.abc import Mapping

from cli.terminal import printable
from config.settings import Settings
from database.engine import open_engine
from database.user_editor import UserEditor
from database.user_table import UserTable


def open_user_table() -> UserTable:
    """Return the user table, not yet connected. Raises ConfigurationError if DATABASE_URL is not set or invalid."""
    return UserTable(open_engine(Settings.of_process().database))


def open_editor() -> UserEditor:
    """Return the editor of the user table, not yet connected. Raises ConfigurationError, see open_user_table."""
    settings = Settings.of_process()
    return UserEditor(open_engine(settings.database), operator_name(settings.environ))


def operator_name(environ: Mapping[str, str]) -> str:
    """Return the operator as audit events name them: the system account, and the account that ran sudo, if any."""
    try:
        account = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # in a container, the user id may have no account
        account = str(os.getuid())
    # Any caller can set the variable, and other operators' terminals show its value later.
    sudo_user = printable(environ.get("SUDO_USER", ""))
    return f"cli:{sudo_user} as {account}" if sudo_user else f"cli:{account}"
