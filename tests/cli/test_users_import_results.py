"""Results of an import: the report, the file of rejected rows, and conflicts of names."""

import json
import stat
from pathlib import Path
from typing import Any

import pytest

from database.user_editor import UserEditor
from tests.cli.conftest import contents
from tests.cli.test_users_import import FormatUsers, as_csv, formats
from tests.support.flask_program import error_line
from tests.support.foreign_hashes import STRONG, UNUSABLE, WEAK
from tests.support.forked_flask import ForkedFlask
from tests.support.stores import all_users

SSHA = WEAK["ssha"]
MIXED = {"alice": STRONG, "new": STRONG, "weak": SSHA, "unsalted": UNUSABLE, "plain": "hunter2", "plainer": "hunter3"}
NO_SALT = "the password hash has no salt"
PLAIN = "the password hash is plain text or has an unknown scheme"


def run_import(sqlite_cli: ForkedFlask, *arguments: str) -> tuple[int, dict[str, Any]]:
    ended = sqlite_cli("users", "import", *arguments, "--json")
    assert ended.stderr == ""
    result: dict[str, Any] = json.loads(ended.stdout)
    return ended.returncode, result


def usernames(table: UserEditor) -> list[str]:
    return [row.username for row in all_users(table.users)]


@pytest.fixture
def mixed(any_db_editor: UserEditor, tmp_path: Path) -> UserEditor:
    """Return a table that contains one user of the file already."""
    any_db_editor.add("Alice", "alice@example.org", STRONG, ["admin", "user", "editor"])
    (tmp_path / "users.csv").write_text(as_csv(MIXED))
    return any_db_editor


@pytest.mark.parametrize("arguments", [("--dry-run",), ("--dry-run", "--keep-going"), ()])
def test_dry_run_and_import_with_rejected_rows_change_nothing(
    any_db_cli: ForkedFlask, mixed: UserEditor, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    before, files = contents(mixed), set(tmp_path.glob("*.csv*"))
    code, result = run_import(any_db_cli, "users.csv", *arguments)
    assert (code, contents(mixed), set(tmp_path.glob("*.csv*"))) == (1, before, files)
    assert result == {
        "accepted": 2, "weak": 1, "no_password": 0, "rejected": 3, "existing": 1, "different": 0, "imported": 0,
        "reasons": [
            {"reason": PLAIN, "kind": "rejected", "rows": 2, "first": 6},
            {"reason": NO_SALT, "kind": "rejected", "rows": 1, "first": 5},
        ],
        "rows": [
            {"position": line, "kind": "rejected", "reason": reason, "other": None}
            for line, reason in ((5, NO_SALT), (6, PLAIN), (7, PLAIN))
        ],
        "ignored": [], "groups": 0, "unresolved_members": 0,
        "dry_run": bool(arguments), "rejected_file": None,
    }  # fmt: skip


def test_report_is_a_table(any_db_cli: ForkedFlask, mixed: UserEditor) -> None:
    ended = any_db_cli("users", "import", "users.csv", "--dry-run")
    assert (ended.returncode, ended.stderr) == (1, "")
    assert ended.stdout == (
        "ACCEPTED  WEAK  NO PASSWORD  REJECTED  EXISTING  DIFFERENT\n"
        "2         1     0            3         1         0\n\n"
        "LINE  RESULT    REASON\n"
        f"5     rejected  {NO_SALT}\n"
        f"6     rejected  {PLAIN}\n"
        f"7     rejected  {PLAIN}\n\n"
        "To import users without a usable password hash, who then need a new password, add --without-password\n\n"
        "Dry run: nothing was changed.\n"
    )
    ended = any_db_cli("users", "import", "users.csv")
    assert ended.stdout.endswith(
        "\nNo user was imported. Fix the rejected rows, or import the other users: --keep-going\n"
    )
    assert usernames(mixed) == ["Alice"]


def test_dry_run_of_a_valid_file_changes_nothing(any_db_cli: ForkedFlask, mixed: UserEditor, tmp_path: Path) -> None:
    (tmp_path / "users.csv").write_text(as_csv({"new": STRONG}))
    before = contents(mixed)
    code, result = run_import(any_db_cli, "users.csv", "--dry-run", "--role", "new role")
    assert (code, result["accepted"], result["dry_run"], contents(mixed)) == (0, 1, True, before)


def test_keep_going_imports_the_accepted_users(any_db_cli: ForkedFlask, mixed: UserEditor, tmp_path: Path) -> None:
    code, result = run_import(any_db_cli, "users.csv", "--keep-going")
    assert (code, result["imported"], result["rejected_file"]) == (1, 2, "users.rejected.csv")
    assert usernames(mixed) == ["Alice", "new", "weak"]
    file = tmp_path / "users.rejected.csv"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert sorted(path.name for path in tmp_path.iterdir() if "csv" in path.name) == ["users.csv", file.name]
    assert [line.split(",")[0] for line in file.read_text().splitlines()] == [
        "username",
        "unsalted",
        "plain",
        "plainer",
    ]
    assert mixed.users.require("alice").roles == ("admin", "editor", "user")


@formats
def test_fixed_file_of_rejected_rows_is_imported(
    *,
    sqlite_cli: ForkedFlask,
    sqlite_editor: UserEditor,
    tmp_path: Path,
    name: str,
    file: str,
    format_users: FormatUsers,
) -> None:
    broken = "{SSHA}broken"
    (tmp_path / file).write_text(format_users({"new": STRONG, "zoé": broken, "bob": SSHA}))
    ended = sqlite_cli("users", "import", file, "--keep-going")
    rejected = Path(ended.stdout.partition("The rejected rows are in ")[2].partition(". ")[0])
    text = (tmp_path / rejected).read_text()
    assert usernames(sqlite_editor) == ["bob", "new"]
    fixed = format_users({"zoé": SSHA}) if name == "ldif" else text.replace(broken, SSHA)
    (tmp_path / rejected).write_text(fixed)
    again = sqlite_cli("users", "import", str(rejected))
    assert (again.returncode, again.stderr) == (0, "")
    assert usernames(sqlite_editor) == ["bob", "new", "zoé"]
    assert sqlite_editor.users.require("zoé").password_hash == SSHA


def test_rejected_option_names_the_file_which_is_not_overwritten(
    sqlite_cli: ForkedFlask, sqlite_editor: UserEditor, tmp_path: Path
) -> None:
    (tmp_path / "users.csv").write_text(as_csv(MIXED))
    (tmp_path / "mine").write_text("mine")
    error = error_line(sqlite_cli("users", "import", "users.csv", "--keep-going", "--rejected", "mine"))
    assert error == "Error: mine exists. Move it, or choose another file: --rejected"
    assert ((tmp_path / "mine").read_text(), usernames(sqlite_editor)) == ("mine", [])
    error = error_line(sqlite_cli("users", "import", "users.csv", "--keep-going", "--rejected", "no/such/folder"))
    assert ("No such file or directory" in error, usernames(sqlite_editor)) == (True, [])
    assert run_import(sqlite_cli, "users.csv", "--keep-going", "--rejected", "others")[1]["rejected_file"] == "others"
    assert usernames(sqlite_editor) == ["alice", "new", "weak"]


def test_import_without_rejected_rows_writes_no_file(
    sqlite_cli: ForkedFlask, sqlite_editor: UserEditor, tmp_path: Path
) -> None:
    (tmp_path / "users.csv").write_text(as_csv({"new": STRONG}))
    assert run_import(sqlite_cli, "users.csv", "--keep-going")[1]["rejected_file"] is None
    assert [path.name for path in tmp_path.glob("*.csv*")] == ["users.csv"]
    assert usernames(sqlite_editor) == ["new"]


@pytest.mark.parametrize("existing", ["users.rejected.csv.part", ".users.rejected.csv.part", ".users.rejected.csv"])
def test_existing_file_with_a_similar_name_is_unchanged(
    sqlite_cli: ForkedFlask, sqlite_editor: UserEditor, tmp_path: Path, existing: str
) -> None:
    (tmp_path / "users.csv").write_text(as_csv(MIXED))
    (tmp_path / existing).write_text("other content")
    (tmp_path / existing).chmod(0o644)
    assert run_import(sqlite_cli, "users.csv", "--keep-going")[0] == 1
    file = tmp_path / "users.rejected.csv"
    assert (stat.S_IMODE(file.stat().st_mode), len(usernames(sqlite_editor))) == (0o600, 3)
    assert (tmp_path / existing).read_text() == "other content"


def test_content_is_kept_if_the_file_cannot_get_its_name(
    sqlite_cli: ForkedFlask, sqlite_editor: UserEditor, tmp_path: Path
) -> None:
    (tmp_path / "users.csv").write_text(as_csv(MIXED))
    (tmp_path / "users.rejected.csv").symlink_to("missing")
    error = error_line(sqlite_cli("users", "import", "users.csv", "--keep-going"))
    kept = [path for path in tmp_path.iterdir() if path.name.startswith(".users")]
    assert "users.rejected.csv" in error
    assert [path.read_text().count("hunter") for path in kept] == [2] * bool(usernames(sqlite_editor))


def test_repeated_import_changes_nothing(any_db_cli: ForkedFlask, any_db_editor: UserEditor, tmp_path: Path) -> None:
    (tmp_path / "users.csv").write_text(as_csv({"zoé": STRONG, "bob": SSHA}))
    assert run_import(any_db_cli, "users.csv", "--role", "a")[0] == 0
    before = contents(any_db_editor)
    code, result = run_import(any_db_cli, "users.csv", "--role", "a")
    assert (code, result["accepted"], result["existing"], contents(any_db_editor)) == (0, 0, 2, before)
    assert any_db_cli("users", "import", "users.csv").stdout.endswith("\nImported 0 users.\n")
    code, result = run_import(any_db_cli, "users.csv", "--role", "b")
    assert (code, result["different"], result["reasons"][0]["reason"]) == (0, 2, "the user lacks a role")
    assert contents(any_db_editor) == before


CONFLICTS = [
    ("ALICE", "another@example.org", "the username is that of a user with another email"),
    ("Alice", "", None),
    ("known", "Alice@example.org", "the email belongs to another user"),
    ("alice@Example.org", "", "the username is the email of another user"),
    ("known-too", "alice", "the email is the username of another user"),
    ("Zoé", "zoe@example.org", ""),
    ("zoÉ", "", "an earlier row has the same username"),
    ("third", "ZOE@example.org", "an earlier row has the same email"),
    ("zoe@example.org", "", "the username is the email of an earlier row"),
    ("fourth", "ZOÉ", "the email is the username of an earlier row"),
    ("self@example.org", "Self@example.org", ""),
    ("ＦＵＬＬ", "", ""),
    ("straße", "", ""),
    ("STRASSE", "", "an earlier row has the same username"),
]


def test_name_of_another_user_is_rejected(any_db_cli: ForkedFlask, any_db_editor: UserEditor, tmp_path: Path) -> None:
    any_db_editor.add("alice", "alice@example.org", STRONG)
    lines = [f'{username},{email},"{STRONG}"' for username, email, _ in CONFLICTS]
    (tmp_path / "users.csv").write_text("\n".join(["username,email,password_hash", *lines]))
    code, result = run_import(any_db_cli, "users.csv", "--keep-going")
    given = [(username, reason) for username, _, reason in CONFLICTS]
    assert (code, result["existing"]) == (1, 1)
    first = {reason: line for line, (_, reason) in reversed([*enumerate(given, 2)]) if reason}
    assert {each["reason"]: each["first"] for each in result["reasons"]} == first
    assert {*usernames(any_db_editor)} == {"alice", *(username for username, reason in given if reason == "")}


def test_report_has_ten_reasons_and_json_has_all(sqlite_cli: ForkedFlask, tmp_path: Path) -> None:
    lines = ["u,h,x" + ",x" * (number % 12) for number in range(21)]
    (tmp_path / "users.csv").write_text("\n".join(["username,password_hash", *lines]))
    output = sqlite_cli("users", "import", "users.csv", "--dry-run").stdout
    assert output.count("the row has ") == 10
    assert "To write every rejected row to a file: --dry-run --rejected FILE\n" in output
    assert "… and 2 more reasons. To list all: --json\n" in output
    assert len(run_import(sqlite_cli, "users.csv", "--dry-run")[1]["reasons"]) == 12


def test_only_roles_of_imported_users_are_created(any_db_cli: ForkedFlask, mixed: UserEditor, tmp_path: Path) -> None:
    rows = [
        ("new", SSHA, "taken"),
        ("alice", SSHA, "known"),
        ("plain", "hunter2", "rejected"),
        ("new", SSHA, "twice"),
    ]
    lines = ["username,password_hash,roles", *(",".join(row) for row in rows)]
    (tmp_path / "users.csv").write_text("\n".join(lines))
    assert run_import(any_db_cli, "users.csv", "--keep-going")[1]["imported"] == 1
    assert {row[1] for row in contents(mixed)["latchkey_roles"]} == {"admin", "editor", "user", "taken"}


@pytest.mark.parametrize(
    ("row", "member"), [("ro\u200bot,x@example.org", "username"), ("x,\u202eroot@example.org", "email")]
)
def test_row_with_an_invisible_character_in_a_name_is_rejected(
    sqlite_cli: ForkedFlask, tmp_path: Path, row: str, member: str
) -> None:
    (tmp_path / "users.csv").write_text(f'username,email,password_hash\n{row},"{STRONG}"\n')
    ended = sqlite_cli("users", "import", "users.csv")
    assert f"the {member} must not contain invisible, private-use or unassigned characters" in ended.stdout
    assert ended.returncode == 1
