"""Users as comma-separated values."""

import csv
from io import StringIO

import pytest
from hypothesis import given
from hypothesis.strategies import booleans, builds, characters, lists, none, text

from services.user_import.formats import EXPORT_FORMATS, UserFields
from services.user_import.formats.findings import Findings
from tests.support.user_file_formats import (
    HASH,
    USERS,
    read_entries,
    read_errors,
    read_users,
    unreadable_reason,
    write_rejected,
)

HEADER = "username,email,password_hash,roles,active\n"
PRINTABLE = text(characters(exclude_categories=["C", "Z"], include_characters=' ,"\\'), min_size=1)
ANY = text(characters(exclude_categories=["Cs"]))
ROLES = lists(PRINTABLE.map(str.strip).filter(bool)).map(tuple)


def exported(users: list[UserFields]) -> str:
    """Return the content of an exported file."""
    file = StringIO(newline="")
    write = EXPORT_FORMATS["csv"](file)
    for user in users:
        write(user)
    return file.getvalue()


def test_exported_users_are_read() -> None:
    assert read_users("csv", exported(USERS)) == USERS


@given(lists(builds(UserFields, ANY, none() | ANY.filter(bool), none() | ANY.filter(bool), ROLES, booleans())))
def test_export_keeps_any_text(users: list[UserFields]) -> None:
    assert read_users("csv", exported(users)) == users


FORMULAS = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(1)",
    "\t=1",
    "\r=1",
    "\n=1",
    " =1",
    "'=1",
    "''",
    "'",
    "\uff1d1",
    "\uff0b1",
    "\uff0d1",
    "\uff201",
]


@pytest.mark.parametrize("name", FORMULAS)
def test_spreadsheet_evaluates_no_exported_cell_as_a_formula(name: str) -> None:
    users = [UserFields(name, name, name, ("=role",), active=True)]
    content = exported(users)
    (row,) = [*csv.reader(StringIO(content, newline=""))][1:]
    assert [cell[:1] for cell in row[:4]] == ["'"] * 4
    assert read_users("csv", content) == users


@pytest.mark.parametrize("name", FORMULAS)
def test_spreadsheet_evaluates_no_rejected_cell_as_a_formula(name: str) -> None:
    content = write_rejected("csv", exported([UserFields(name, None, HASH, (), active=True)]), reason=name)
    row = [*csv.reader(StringIO(content, newline=""))][1]
    assert (row[0][:1], row[-1][:1]) == ("'", "'")
    assert [user.username for user in read_users("csv", content)] == [name]


@pytest.mark.parametrize("name", ["'zoé", "O'Hara", "zoé'", "'s Gravenhage", "a=b", "a-b", "1+1"])
def test_apostrophe_in_a_file_of_other_software_is_kept(name: str) -> None:
    assert [
        user.username for user in read_users("csv", f"username,password_hash\n{name},{HASH.replace(',', ';')}\n")
    ] == [name]


def test_export_without_users_has_the_header() -> None:
    assert exported([]) == HEADER.replace("\n", "\r\n")


def test_columns_are_in_any_order_and_one_is_required() -> None:
    assert read_users("csv", "password_hash, username\nhash,zoé\n") == [
        UserFields("zoé", None, "hash", (), active=True)
    ]
    assert read_users("csv", "active,username,rejected,password_hash\nno,zoé,a reason,hash\n") == [
        UserFields("zoé", None, "hash", (), active=False)
    ]
    assert read_users("csv", "username\nzoé\n") == [UserFields("zoé", None, None, (), active=True)]


@pytest.mark.parametrize("delimiter", [";", "\t", ","])
@pytest.mark.parametrize("first_line", ["", "sep={}\r\n"])
def test_spreadsheet_of_another_country_is_read_and_its_rejected_rows_keep_the_delimiter(
    delimiter: str, first_line: str
) -> None:
    content = first_line.format(delimiter) + delimiter.join(["User Name", "Email", "Password Hash", "ROLES"])
    content += "\r\n" + delimiter.join(["zoé", "z", "hash", '"a,b"']) + "\r\nbob\r\n"
    entries = read_entries("csv", content)
    assert entries[0].fields == UserFields("zoé", "z", "hash", ("a", "b"), active=True)
    assert [entry.position for entry in entries] == [2 + bool(first_line), 3 + bool(first_line)]
    again = write_rejected("csv", content)
    assert delimiter.join(["bob", "the reason"]) in again
    assert read_entries("csv", again)[0].fields == entries[0].fields


def test_additional_columns_are_ignored_with_their_names() -> None:
    findings = Findings()
    (entry,) = read_entries("csv", "phone,username,,city\n1,x,,y\n", findings)
    assert entry.fields == UserFields("x", None, None, (), active=True)
    assert [*findings.ignored] == ["phone", "city"]


@pytest.mark.parametrize(
    ("column", "active", "denied", "malformed"),
    [
        ("is_active", "t", "f", "maybe"),
        ("Enabled", "True", "False", "WAHR"),
        ("accountNonLocked", "", "0", "2"),
        ("locked", "no", "yes", "x"),
        ("Is Suspended", "", "1", "-"),
        ("deleted_at", "NULL", "2026-01-01 10:00:00", None),
        ("locked_until", "2001-01-01", "2999-01-01T00:00:00Z", "tomorrow"),
        ("expires_at", "2999-01-01", "2001-01-01T00:00:00+01:00", "31.12.2026"),
        ("status", "Active", "locked out", "married"),
        ("userAccountControl", "512", "514", None),
        ("nsAccountLock", "", "true", None),
        ("accountExpires", "9223372036854775807", "132223104000000000", None),
    ],
)
def test_column_with_the_state_of_an_account_is_never_ignored(
    column: str, active: str, denied: str, malformed: str | None
) -> None:
    for format_name, content in (
        ("csv", f"username,{column}\nx,{{}}\n"),
        ("jsonl", f'{{{{"username": "x", "{column}": "{{}}"}}}}'),
    ):
        states = [read_users(format_name, content.format(value))[0].active for value in (active, denied)]
        assert states == [True, False]
        if malformed:
            assert read_errors(format_name, content.format(malformed))[0][1].startswith(f"`{column}` is n")


@pytest.mark.parametrize(
    ("cell", "active"),
    [("", True), ("true", True), ("Yes", True), ("1", True), (" FALSE ", False), ("no", False), ("0", False)],
)
def test_active_has_several_spellings(cell: str, active: bool) -> None:
    assert [user.active for user in read_users("csv", f"{HEADER}zoé,,hash,,{cell}\n")] == [active]


@pytest.mark.parametrize(
    ("cell", "roles"),
    [
        ("", ()),
        ("admin", ("admin",)),
        ('" admin , user,"', ("admin", "user")),
        ('"admin, ""head, deputy"""', ("admin", "head, deputy")),
    ],
)
def test_roles_are_comma_separated(cell: str, roles: tuple[str, ...]) -> None:
    assert [user.roles for user in read_users("csv", f"{HEADER}zoé,,hash,{cell},\n")] == [roles]


@pytest.mark.parametrize(
    ("row", "error"),
    [
        ("zoé,zoe@example.org,hash,", "the row has 4 cells, not 5"),
        ("smith, john,,hash,,", "the row has 6 cells, not 5: write a cell that contains a comma in double quotes"),
        ("zoé,,hash,,disabled", "`active` is neither true nor false"),
        ('zoé,,hash,"""admin"" user",', "`roles` is not a comma-separated list of names"),
    ],
)
def test_row_after_an_invalid_row_is_read(row: str, error: str) -> None:
    content = f"{HEADER}{row}\nnext,,hash,,\n"
    assert read_errors("csv", content) == [(2, error)]
    assert [entry.fields.username for entry in read_entries("csv", content) if entry.fields] == ["next"]


def test_position_is_the_line_on_which_the_row_begins() -> None:
    content = f'{HEADER}"a\r\nb",,hash,,\r\n\r\nc,,hash,,\r\n"d\n\ne",,hash,,\nf,,hash,,'
    entries = read_entries("csv", content)
    assert [entry.position for entry in entries] == [2, 5, 6, 9]
    assert [entry.fields.username for entry in entries if entry.fields] == ["a\r\nb", "c", "d\n\ne", "f"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "the file is empty"),
        ("\n", "the file is empty"),
        (f"zoé,{HASH}\n", "it lacks username"),
        ("user:password_hash\nzoé:hash", "it lacks username"),
        ("username,password_hash,User Name\n", "two columns have the name username"),
        (f"{HEADER}zoé,,hash,,\n\n\"o'brien,,hash,,\nx,,hash,,\n", "the row that begins on line 4 is not CSV"),
        (f'{HEADER}zoé,,"ha"sh,,\n', "the row that begins on line 2 is not CSV"),
        (f"{HEADER}zoé,,{'x' * 140_000},,\n", "the row that begins on line 2 is not CSV"),
        (f"{HEADER}zoé,,hash,,\r{HEADER}", "the row that begins on line 2 is not CSV"),
    ],
)
def test_file_of_another_format_is_unreadable(content: str, reason: str) -> None:
    message = unreadable_reason("csv", content)
    assert reason in message
    assert HASH not in message


def test_rejected_row_keeps_its_columns_and_has_the_reason_last() -> None:
    again = write_rejected("csv", 'roles,username,password_hash\n,o\'brien,hash\n"a,b","x\ny",\n')
    assert again == (
        'roles,username,password_hash,rejected\r\n,o\'brien,hash,the reason\r\n"a,b","x\ny",,the reason\r\n'
    )


def test_row_rejected_again_has_only_the_new_reason() -> None:
    content = f"{HEADER}zoé,,hash,,\ntoo,few\nt,o,o,m,a,n,y\n"
    once = write_rejected("csv", content)
    assert write_rejected("csv", once, "another") == once.replace("the reason", "another")


def test_row_too_short_for_a_reason_has_too_few_cells() -> None:
    assert read_errors("csv", "username,rejected,password_hash\nzoé\n") == [(2, "the row has 1 cell, not 2")]


@pytest.mark.parametrize("row", ["zoé,hash,no", "zoé,zoe@example.org,hash,,no,more", "zoé,hash", "zoé"])
def test_rejected_row_with_too_many_or_too_few_cells_stays_invalid(row: str) -> None:
    content = f"{HEADER}{row}\n"
    assert read_errors("csv", write_rejected("csv", content)) == read_errors("csv", content)


def test_fixed_rows_are_read() -> None:
    again = write_rejected("csv", f"{HEADER}zoé,hash,,no\no'brien,,hash,,never\n")
    fixed = again.replace("zoé,hash", "zoé,,hash").replace("never", "no")
    assert read_users("csv", fixed) == [
        UserFields("zoé", None, "hash", (), active=False),
        UserFields("o'brien", None, "hash", (), active=False),
    ]
