"""Users as comma-separated values."""

from io import StringIO

import pytest
from hypothesis import given
from hypothesis.strategies import booleans, builds, characters, lists, none, text

from services.user_import.formats import EXPORTS, UserFields
from tests.support.user_file_formats import HASH, USERS, faults, read, refuse, unreadable, users

HEADER = "username,email,password_hash,roles,active\n"
PRINTABLE = text(characters(exclude_categories=["C", "Z"], include_characters=' ,"\\'), min_size=1)
ANY = text(characters(exclude_categories=["Cs"]))
ROLES = lists(PRINTABLE.map(str.strip).filter(bool)).map(tuple)


def exported(people: list[UserFields]) -> str:
    """Return the file that an export makes."""
    file = StringIO(newline="")
    write = EXPORTS["csv"](file)
    for person in people:
        write(person)
    return file.getvalue()


def test_what_is_exported_can_be_read() -> None:
    assert users("csv", exported(USERS)) == USERS


@given(lists(builds(UserFields, ANY, none() | ANY.filter(bool), ANY, ROLES, booleans())))
def test_no_text_is_lost_on_the_way(people: list[UserFields]) -> None:
    assert users("csv", exported(people)) == people


def test_an_export_of_nobody_has_the_header() -> None:
    assert exported([]) == HEADER.replace("\n", "\r\n")


def test_columns_stand_in_any_order_and_two_are_enough() -> None:
    assert users("csv", "password_hash, username\nhash,zoé\n") == [UserFields("zoé", None, "hash", (), active=True)]
    assert users("csv", "active,username,refused,password_hash\nno,zoé,a reason,hash\n") == [
        UserFields("zoé", None, "hash", (), active=False)
    ]


@pytest.mark.parametrize(
    ("cell", "active"),
    [("", True), ("true", True), ("Yes", True), ("1", True), (" FALSE ", False), ("no", False), ("0", False)],
)
def test_active_has_several_spellings(cell: str, active: bool) -> None:
    assert [user.active for user in users("csv", f"{HEADER}zoé,,hash,,{cell}\n")] == [active]


@pytest.mark.parametrize(
    ("cell", "roles"),
    [
        ("", ()),
        ("admin", ("admin",)),
        ('" admin , user,"', ("admin", "user")),
        ('"admin, ""head, deputy"""', ("admin", "head, deputy")),
    ],
)
def test_roles_are_separated_by_commas(cell: str, roles: tuple[str, ...]) -> None:
    assert [user.roles for user in users("csv", f"{HEADER}zoé,,hash,{cell},\n")] == [roles]


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ("zoé,zoe@example.org,hash,", "it has 4 cells, not 5"),
        ("smith, john,,hash,,", "it has 6 cells, not 5"),
        ("zoé,,hash,,disabled", "`active` is neither true nor false"),
        ('zoé,,hash,"""admin"" user",', "`roles` is not a list of names separated by commas"),
    ],
)
def test_a_faulty_row_does_not_hide_the_next(row: str, fault: str) -> None:
    content = f"{HEADER}{row}\nnext,,hash,,\n"
    assert faults("csv", content) == [(2, fault)]
    assert [entry.fields.username for entry in read("csv", content) if entry.fields] == ["next"]


def test_a_row_is_told_by_the_line_on_which_it_begins() -> None:
    content = f'{HEADER}"a\r\nb",,hash,,\r\n\r\nc,,hash,,\r\n"d\n\ne",,hash,,\nf,,hash,,'
    entries = read("csv", content)
    assert [entry.place for entry in entries] == [2, 5, 6, 9]
    assert [entry.fields.username for entry in entries if entry.fields] == ["a\r\nb", "c", "d\n\ne", "f"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "there is no username and no password_hash"),
        (f"zoé,{HASH}\n", "there is no username and no password_hash"),
        ("username;password_hash\nzoé;hash", "there is no username and no password_hash"),
        ("username,email\nzoé,zoe@example.org", "there is no password_hash"),
        ("username,password_hash,pho\x1bne\n", r"there is no use for a column 'pho\x1bne'"),
        ("username,password_hash,username\n", "two columns have the same name"),
        (f"{HEADER}zoé,,hash,,\n\n\"o'brien,,hash,,\nx,,hash,,\n", "the row that begins on line 4 is not CSV"),
        (f'{HEADER}zoé,,"ha"sh,,\n', "the row that begins on line 2 is not CSV"),
        (f"{HEADER}zoé,,{'x' * 140_000},,\n", "the row that begins on line 2 is not CSV"),
        (f"{HEADER}zoé,,hash,,\r{HEADER}", "the row that begins on line 2 is not CSV"),
    ],
)
def test_a_file_that_is_something_else_is_refused_whole(content: str, reason: str) -> None:
    told = unreadable("csv", content)
    assert reason in told
    assert HASH not in told


def test_a_refused_row_keeps_its_columns_and_gets_the_reason_last() -> None:
    again = refuse("csv", 'roles,username,password_hash\n,o\'brien,hash\n"a,b","x\ny",\n')
    assert again == (
        'roles,username,password_hash,refused\r\n,o\'brien,hash,the reason\r\n"a,b","x\ny",,the reason\r\n'
    )


def test_a_row_refused_again_has_the_new_reason_alone() -> None:
    content = f"{HEADER}zoé,,hash,,\ntoo,few\nt,o,o,m,a,n,y\n"
    once = refuse("csv", content)
    assert refuse("csv", once, "another") == once.replace("the reason", "another")


def test_a_row_too_short_to_have_a_reason_is_told_as_any_other() -> None:
    assert faults("csv", "username,refused,password_hash\nzoé\n") == [(2, "it has 1 cells, not 2")]


@pytest.mark.parametrize("row", ["zoé,hash,no", "zoé,zoe@example.org,hash,,no,more", "zoé,hash", "zoé"])
def test_a_row_with_cells_too_many_or_too_few_stays_so_until_it_is_mended(row: str) -> None:
    content = f"{HEADER}{row}\n"
    assert faults("csv", refuse("csv", content)) == faults("csv", content)


def test_mended_rows_are_read() -> None:
    again = refuse("csv", f"{HEADER}zoé,hash,,no\no'brien,,hash,,never\n")
    mended = again.replace("zoé,hash", "zoé,,hash").replace("never", "no")
    assert users("csv", mended) == [
        UserFields("zoé", None, "hash", (), active=False),
        UserFields("o'brien", None, "hash", (), active=False),
    ]
