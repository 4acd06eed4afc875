"""The user table in DATABASE_URL, for reading, and for editing in the name of the operator at the terminal."""

from cli.operator import begin_change
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
    return UserEditor(open_engine(settings.database), begin_change(settings))
