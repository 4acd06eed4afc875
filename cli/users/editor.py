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
    """Return the user table, not yet connected. Raises ConfigurationError if DATABASE_URL is missing or invalid."""
    return UserTable(open_engine(Settings.of_process().database))


def open_editor() -> UserEditor:
    """Return the editor of the user table, not yet connected. Raises ConfigurationError, see open_user_table."""
    settings = Settings.of_process()
    return UserEditor(open_engine(settings.database), operator_name(settings.environ))


def operator_name(environ: Mapping[str, str]) -> str:
    """Return the operator's name for audit events: the system account, and the account that ran sudo, if any."""
    try:
        account = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # in a container, the user id may have no account
        account = str(os.getuid())
    # A caller can put terminal control characters into SUDO_USER, and other operators' terminals show it later.
    sudo_user = printable(environ.get("SUDO_USER", ""))
    return f"cli:{sudo_user} as {account}" if sudo_user else f"cli:{account}"
