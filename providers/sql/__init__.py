"""The provider `database`: users in an SQL table."""

from providers.sql.provider import DatabaseProvider, open_database

__all__ = ["DatabaseProvider", "open_database"]
