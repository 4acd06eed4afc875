"""Files that `flask users import` cannot read, and closed standard streams."""

import os
import shlex
import subprocess
from pathlib import Path

import pytest

from database.user_editor import UserEditor
from tests.cli.conftest import contents
from tests.cli.test_users_import import as_csv
from tests.support.flask_program import ENVIRON, FLASK, error_line
from tests.support.foreign_hashes import STRONG
from tests.support.forked_flask import ForkedFlask
from tests.support.stores import all_users

NO_FORMAT = "the file's name does not indicate its format. Add --format: csv, jsonl, htpasswd, django, ldif"
GOOD = as_csv({"zoé": STRONG})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("missing.csv",), "missing.csv cannot be used: No such file or directory"),
        (("folder.csv",), "folder.csv is a directory. Name a file"),
        (("..", "--format", "csv"), ".. is a directory. Name a file"),
        ((".", "--format", "csv"), ". is a directory. Name a file"),
        (("/", "--format", "csv"), "/ is a directory. Name a file"),
        (("",), ". is a directory. Name a file"),
        (("/proc/self/mem", "--format", "csv"), " cannot be used: Input/output error"),
        (("latin.csv",), "latin.csv cannot be read: line 3 is not UTF-8. Save it as UTF-8"),
        (("empty.csv",), "empty.csv cannot be read: the file is empty"),
        (("empty.jsonl",), "empty.jsonl cannot be read: no line is a JSON object"),
        (("empty.csv", "--format", "htpasswd"), "empty.csv cannot be read: no line has a colon"),
        (("empty.csv", "--format", "ldif"), "empty.csv cannot be read: no entry begins with `dn:`"),
        (("headless.csv",), "headless.csv cannot be read: the first line does not name the columns"),
        (("quote.csv",), "quote.csv cannot be read: the row that begins on line 3 is not CSV"),
        (("cut.json",), "cut.json cannot be read: "),
        (("users.xls",), NO_FORMAT),
        (("-",), NO_FORMAT),
    ],
)  # fmt: skip
@pytest.mark.parametrize("options", [("--keep-going",), ("--dry-run", "--json")])
def test_unreadable_file_is_an_error_and_changes_nothing(
    *,
    sqlite_cli: ForkedFlask,
    sqlite_editor: UserEditor,
    tmp_path: Path,
    arguments: tuple[str, ...],
    options: tuple[str, ...],
    message: str,
) -> None:
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "latin.csv").write_bytes(GOOD.encode() + "zoë,".encode("latin-1"))
    (tmp_path / "empty.csv").touch()
    (tmp_path / "empty.jsonl").touch()
    (tmp_path / "headless.csv").write_text(GOOD.partition("\n")[2])
    (tmp_path / "quote.csv").write_text(GOOD + 'bob,"')
    (tmp_path / "cut.json").write_text('[{"model": "auth.user", "fields": {')
    before, files = contents(sqlite_editor), set(tmp_path.glob("*.*"))
    assert message in error_line(sqlite_cli("users", "import", *arguments, *options))
    assert (contents(sqlite_editor), set(tmp_path.glob("*.*"))) == (before, files)


def test_file_with_a_special_name_is_imported(
    sqlite_cli: ForkedFlask, sqlite_editor: UserEditor, tmp_path: Path
) -> None:
    for name in ("-x.csv", "a b'\"$.csv", "日本.csv", os.fsdecode(b"\xff.csv")):
        (tmp_path / name).write_text(as_csv({f"user of {name!a}": STRONG, "rejected": "plain"}))
        assert sqlite_cli("users", "import", "--keep-going", "--", name).returncode == 1
        assert (tmp_path / name).with_suffix(".rejected.csv").exists()
    assert len(all_users(sqlite_editor.users)) == 4


@pytest.mark.parametrize(
    ("line", "output"),
    [
        ("import - --format csv <&-", "Error: cannot read users: standard input is closed"),
        ("change-roles --file - --add a <&-", "Error: cannot read users: standard input is closed"),
        ("add bob <&-", "Error: cannot read the password: standard input is closed"),
        ("import users.csv 2>&-", "Imported 1 user."),
        ("hash-report 2>&-", "Weak hashes: 0."),
        ("export --output new.csv 2>&- && cat new.csv", "username,"),
    ],
)
@pytest.mark.usefixtures("sqlite_editor")
def test_closed_stream_is_an_error_only_if_it_is_required(tmp_path: Path, line: str, output: str) -> None:
    (tmp_path / "users.csv").write_text(GOOD)
    assert output in run_in_shell(tmp_path, line)


@pytest.mark.usefixtures("sqlite_editor")
def test_reader_that_closes_the_pipe_causes_no_error(sqlite_cli: ForkedFlask, tmp_path: Path) -> None:
    (tmp_path / "users.csv").write_text(as_csv({f"user{number}": STRONG for number in range(3000)}))
    sqlite_cli("users", "import", "users.csv")
    for command in ("list --json", "export"):
        assert run_in_shell(tmp_path, f"{command} | head -c 1") in {"[", "u"}


def run_in_shell(folder: Path, line: str) -> str:
    """Run `flask users` and this line in a shell; return the standard output and standard error."""
    ended = subprocess.run(
        ["sh", "-c", f"{shlex.join(FLASK)} users {line}"],
        cwd=folder, env={**ENVIRON, "DATABASE_URL": f"sqlite:///{folder}/users.db"},
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, timeout=60,
    )  # fmt: skip
    return ended.stdout.decode()
