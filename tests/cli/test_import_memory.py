"""The memory use of an import does not grow with its file."""

from pathlib import Path

from database.user_editor import UserEditor
from tests.support.foreign_hashes import WEAK
from tests.support.forked_flask import ForkedFlask

FEW, MANY = 15_000, 150_000
# KiB. The rows of MANY would take about 100 MB as objects. SQLite's cache of 64 MiB is full with MANY, not with FEW.
MAX_GROWTH = {"sqlite": (40 + 64) * 1024, "postgresql": 40 * 1024}


def import_memory(sqlite_cli: ForkedFlask, folder: Path, rows: range) -> int:
    """Import these users; return the maximum memory of the process, in KiB."""
    with (folder / "users.csv").open("w") as file:
        file.write("username,email,password_hash,roles\n")
        for number in rows:
            file.write(f'user{number},user{number}@example.org,{WEAK["bcrypt"]},"user,editor"\n')
    sqlite_cli.start("users", "import", "users.csv")
    code, kibibytes = sqlite_cli.wait()
    assert code == 0
    return kibibytes


def test_import_of_ten_times_as_many_users_takes_little_more_memory(
    any_db_cli: ForkedFlask, any_db_editor: UserEditor, tmp_path: Path
) -> None:
    few = import_memory(any_db_cli, tmp_path, range(FEW))
    many = import_memory(any_db_cli, tmp_path, range(FEW, FEW + MANY))
    assert any_db_editor.users.count() == FEW + MANY
    assert many - few < MAX_GROWTH[any_db_editor._engine.name]  # noqa: SLF001 - the kind of database
