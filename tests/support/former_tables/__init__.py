"""Databases of the versions before the prefix: the statements of their migrations."""

from pathlib import Path

from sqlalchemy import Engine, text

FORMER_REVISIONS = ("0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008")
FORMER_HEAD = FORMER_REVISIONS[-1]


def create_former_tables(engine: Engine, revision: str) -> None:
    """Create the tables without a prefix, at this revision."""
    with engine.begin() as connection:
        for one in FORMER_REVISIONS[: FORMER_REVISIONS.index(revision) + 1]:
            for statement in former_migration(engine, one):
                connection.exec_driver_sql(statement)
        connection.execute(text("INSERT INTO alembic_version VALUES (:revision)"), {"revision": revision})


def former_migration(engine: Engine, revision: str) -> list[str]:
    """Return the statements of one migration."""
    script = (Path(__file__).parent / f"{engine.dialect.name}.sql").read_text("utf-8")
    return script.partition(f"-- {revision}\n")[2].partition("--")[0].splitlines()
