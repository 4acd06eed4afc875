"""What comes of an import: nobody or all_users, what is told of it, and the file of who was refused."""

import json
import stat
from pathlib import Path
from typing import Any

import pytest

from database.user_editor import UserEditor
from tests.cli.conftest import contents
from tests.cli.test_users_import import Written, as_csv, formats
from tests.support.flask_program import refusal
from tests.support.foreign_hashes import STRONG, UNUSABLE, WEAK
from tests.support.forked_flask import Forked
from tests.support.stores import all_users

SSHA = WEAK["ssha"]
MIXED = {"alice": STRONG, "new": STRONG, "weak": SSHA, "unsalted": UNUSABLE, "plain": "hunter2", "plainer": "hunter3"}
NO_SALT = "the password hash has no salt"
PLAIN = "the password hash is plain text or has an unknown scheme"


def imported(flask: Forked, *arguments: str) -> tuple[int, dict[str, Any]]:
    ended = flask("users", "import", *arguments, "--json")
    assert ended.stderr == ""
    told: dict[str, Any] = json.loads(ended.stdout)
    return ended.returncode, told


def names(table: UserEditor) -> list[str]:
    return [row.username for row in all_users(table.users)]


@pytest.fixture
def mixed(any_table: UserEditor, tmp_path: Path) -> UserEditor:
    """A table in which one user of a file is already."""
    any_table.add("Alice", None, "hash", ["admin"])
    (tmp_path / "users.csv").write_text(as_csv(MIXED))
    return any_table


@pytest.mark.parametrize("arguments", [("--dry-run",), ("--dry-run", "--keep-going"), ()])
def test_a_dry_run_and_a_refused_row_change_nothing_and_tell_all(
    anywhere: Forked, mixed: UserEditor, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    before, files = contents(mixed), set(tmp_path.glob("*.csv*"))
    code, told = imported(anywhere, "users.csv", *arguments)
    assert (code, contents(mixed), set(tmp_path.glob("*.csv*"))) == (1, before, files)
    assert told == {
        "accepted": 2, "weak": 1, "rejected": 3, "existing": 1, "imported": 0,
        "reasons": [
            {"reason": PLAIN, "rows": 2, "first": 6},
            {"reason": NO_SALT, "rows": 1, "first": 5},
        ],
        "dry_run": bool(arguments), "rejected_file": None,
    }  # fmt: skip


def test_a_person_is_told_the_same(anywhere: Forked, mixed: UserEditor) -> None:
    ended = anywhere("users", "import", "users.csv", "--dry-run")
    assert (ended.returncode, ended.stderr) == (1, "")
    assert ended.stdout == (
        "ACCEPTED  WEAK  REJECTED  EXISTING\n"
        "2         1     3         1\n\n"
        "REJECTED  FIRST   REASON\n"
        f"2         line 6  {PLAIN}\n"
        f"1         line 5  {NO_SALT}\n\n"
        "Dry run: nothing was changed.\n"
    )
    ended = anywhere("users", "import", "users.csv")
    assert ended.stdout.endswith(
        "\nNo user was imported. Fix the rejected rows, or import the other users: --keep-going\n"
    )
    assert names(mixed) == ["Alice"]


def test_a_dry_run_of_a_good_file_changes_nothing_either(anywhere: Forked, mixed: UserEditor, tmp_path: Path) -> None:
    (tmp_path / "users.csv").write_text(as_csv({"new": STRONG}))
    before = contents(mixed)
    code, told = imported(anywhere, "users.csv", "--dry-run", "--role", "new role")
    assert (code, told["accepted"], told["dry_run"], contents(mixed)) == (0, 1, True, before)


def test_the_others_are_imported_if_told_to_keep_going(anywhere: Forked, mixed: UserEditor, tmp_path: Path) -> None:
    code, told = imported(anywhere, "users.csv", "--keep-going")
    assert (code, told["imported"], told["rejected_file"]) == (1, 2, "users.rejected.csv")
    assert names(mixed) == ["Alice", "new", "weak"]
    file = tmp_path / "users.rejected.csv"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert sorted(path.name for path in tmp_path.iterdir() if "csv" in path.name) == ["users.csv", file.name]
    assert [line.split(",")[0] for line in file.read_text().splitlines()] == [
        "username",
        "unsalted",
        "plain",
        "plainer",
    ]
    assert mixed.users.require("alice").password_hash == "hash"


@formats
def test_the_refused_ones_are_mended_and_fed_again_as_told(
    *, flask: Forked, table: UserEditor, tmp_path: Path, name: str, file: str, written: Written
) -> None:
    broken = "{SSHA}broken"
    (tmp_path / file).write_text(written({"new": STRONG, "zoé": broken, "bob": SSHA}))
    ended = flask("users", "import", file, "--keep-going")
    refused = Path(ended.stdout.partition("The rejected rows are in ")[2].partition(". ")[0])
    text = (tmp_path / refused).read_text()
    assert names(table) == ["bob", "new"]
    mended = written({"zoé": SSHA}) if name == "ldif" else text.replace(broken, SSHA)
    (tmp_path / refused).write_text(mended)
    again = flask("users", "import", str(refused))
    assert (again.returncode, again.stderr) == (0, "")
    assert names(table) == ["bob", "new", "zoé"]
    assert table.users.require("zoé").password_hash == SSHA


def test_another_file_may_be_named_and_none_is_overwritten(flask: Forked, table: UserEditor, tmp_path: Path) -> None:
    (tmp_path / "users.csv").write_text(as_csv(MIXED))
    (tmp_path / "mine").write_text("mine")
    told = refusal(flask("users", "import", "users.csv", "--keep-going", "--rejected", "mine"))
    assert told == "Error: mine exists. Move it, or choose another file: --rejected"
    assert ((tmp_path / "mine").read_text(), names(table)) == ("mine", [])
    told = refusal(flask("users", "import", "users.csv", "--keep-going", "--rejected", "no/such/folder"))
    assert ("No such file or directory" in told, names(table)) == (True, [])
    assert imported(flask, "users.csv", "--keep-going", "--rejected", "others")[1]["rejected_file"] == "others"
    assert names(table) == ["alice", "new", "weak"]


def test_without_refused_ones_there_is_no_file(flask: Forked, table: UserEditor, tmp_path: Path) -> None:
    (tmp_path / "users.csv").write_text(as_csv({"new": STRONG}))
    assert imported(flask, "users.csv", "--keep-going")[1]["rejected_file"] is None
    assert [path.name for path in tmp_path.glob("*.csv*")] == ["users.csv"]
    assert names(table) == ["new"]


@pytest.mark.parametrize("left", ["users.rejected.csv.part", ".users.rejected.csv.part", ".users.rejected.csv"])
def test_what_else_is_there_neither_disturbs_nor_lends_its_mode(
    flask: Forked, table: UserEditor, tmp_path: Path, left: str
) -> None:
    (tmp_path / "users.csv").write_text(as_csv(MIXED))
    (tmp_path / left).write_text("somebody else's")
    (tmp_path / left).chmod(0o644)
    assert imported(flask, "users.csv", "--keep-going")[0] == 1
    file = tmp_path / "users.rejected.csv"
    assert (stat.S_IMODE(file.stat().st_mode), len(names(table))) == (0o600, 3)
    assert (tmp_path / left).read_text() == "somebody else's"


def test_a_name_that_leads_nowhere_is_taken_and_what_was_written_is_kept(
    flask: Forked, table: UserEditor, tmp_path: Path
) -> None:
    (tmp_path / "users.csv").write_text(as_csv(MIXED))
    (tmp_path / "users.rejected.csv").symlink_to("nowhere")
    told = refusal(flask("users", "import", "users.csv", "--keep-going"))
    kept = [path for path in tmp_path.iterdir() if path.name.startswith(".users")]
    assert "users.rejected.csv" in told
    assert [path.read_text().count("hunter") for path in kept] == [2] * bool(names(table))


def test_the_same_import_once_more_changes_nothing(anywhere: Forked, any_table: UserEditor, tmp_path: Path) -> None:
    (tmp_path / "users.csv").write_text(as_csv({"zoé": STRONG, "bob": SSHA}))
    assert imported(anywhere, "users.csv", "--role", "a")[0] == 0
    before = contents(any_table)
    code, told = imported(anywhere, "users.csv", "--role", "b")
    assert (code, told["accepted"], told["existing"], contents(any_table)) == (0, 0, 2, before)
    assert anywhere("users", "import", "users.csv").stdout.endswith("\nImported 0 users.\n")


CONFLICTS = [
    ("ALICE", "another@example.org", None),
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


def test_nobody_gets_a_name_of_somebody_else(anywhere: Forked, any_table: UserEditor, tmp_path: Path) -> None:
    any_table.add("alice", "alice@example.org", "hash")
    lines = [f'{username},{email},"{STRONG}"' for username, email, _ in CONFLICTS]
    (tmp_path / "users.csv").write_text("\n".join(["username,email,password_hash", *lines]))
    code, told = imported(anywhere, "users.csv", "--keep-going")
    given = [(username, why) for username, _, why in CONFLICTS]
    assert (code, told["existing"]) == (1, 1)
    first = {why: place for place, (_, why) in reversed([*enumerate(given, 2)]) if why}
    assert {each["reason"]: each["first"] for each in told["reasons"]} == first
    assert {*names(any_table)} == {"alice", *(username for username, why in given if why == "")}


def test_of_many_reasons_a_person_is_told_ten_and_a_script_all(flask: Forked, tmp_path: Path) -> None:
    lines = ["u,h,x" + ",x" * number for number in range(12)]
    (tmp_path / "users.csv").write_text("\n".join(["username,password_hash", *lines]))
    told = flask("users", "import", "users.csv", "--dry-run").stdout
    assert told.count("the row has ") == 10
    assert "… and 2 more reasons. To list all: --json\n" in told
    assert len(imported(flask, "users.csv", "--dry-run")[1]["reasons"]) == 12


def test_roles_of_whoever_is_not_imported_are_not_made(anywhere: Forked, mixed: UserEditor, tmp_path: Path) -> None:
    rows = [
        ("new", SSHA, "taken"),
        ("alice", SSHA, "known"),
        ("plain", "hunter2", "refused"),
        ("new", SSHA, "twice"),
    ]
    lines = ["username,password_hash,roles", *(",".join(row) for row in rows)]
    (tmp_path / "users.csv").write_text("\n".join(lines))
    assert imported(anywhere, "users.csv", "--keep-going")[1]["imported"] == 1
    assert {row[1] for row in contents(mixed)["roles"]} == {"admin", "taken"}
