"""What an import has in memory does not grow with its file."""

from pathlib import Path

from database.user_editor import UserEditor
from tests.support.foreign_hashes import WEAK
from tests.support.forked_flask import Forked

FEW, MANY = 15_000, 150_000
# KiB more, when the rows of MANY would have some 100 MB as objects; SQLite's cache of 64 MB is not full with a FEW.
ALLOWED = {"sqlite": (40 + 64) * 1024, "postgresql": 40 * 1024}


def memory_of(flask: Forked, folder: Path, rows: range) -> int:
    """Import these users; returns the most memory that it took, in KiB."""
    with (folder / "users.csv").open("w") as file:
        file.write("username,email,password_hash,roles\n")
        for number in rows:
            file.write(f'user{number},user{number}@example.org,{WEAK["bcrypt"]},"user,editor"\n')
    flask.start("users", "import", "users.csv")
    code, kibibytes = flask.wait()
    assert code == 0
    return kibibytes


def test_ten_times_as_many_users_take_little_more_memory(
    anywhere: Forked, any_table: UserEditor, tmp_path: Path
) -> None:
    few = memory_of(anywhere, tmp_path, range(FEW))
    many = memory_of(anywhere, tmp_path, range(FEW, FEW + MANY))
    assert any_table.users.count() == FEW + MANY
    assert many - few < ALLOWED[any_table._engine.name]  # noqa: SLF001 - only it knows
