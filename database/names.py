"""The names of the tables. They have a prefix, because a database can have tables of other applications too."""

PREFIX = "latchkey_"
VERSION_TABLE = f"{PREFIX}alembic_version"
"""The table with the schema revision. Alembic's default name belongs to the migrations of other applications."""


def include_name(name: str | None, kind: str, _parents: object) -> bool:
    """Return False for the tables of Latchkey: the option `include_name` of another application's migrations.

    Without it, `alembic revision --autogenerate`, and Flask-Migrate's `flask db migrate`, would drop these tables.
    """
    return kind != "table" or not (name or "").startswith(PREFIX)
