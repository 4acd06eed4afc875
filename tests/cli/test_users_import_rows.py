"""Imported rows: users who differ from the table or from each other, groups, and users without a password."""

from pathlib import Path

import pytest

from database.user_editor import UserEditor
from tests.cli.conftest import client_of, contents, log_in
from tests.cli.test_users_import import as_csv
from tests.cli.test_users_import_results import SSHA, run_import
from tests.support.flask_program import error_line
from tests.support.foreign_hashes import PASSWORD, STRONG, UNUSABLE
from tests.support.forked_flask import ForkedFlask
from tests.support.stores import all_users


def test_duplicate_is_reported_with_both_lines(sqlite_cli: ForkedFlask, tmp_path: Path) -> None:
    rows = ["zoé,zoe@example.org", "bob,", "ZOÉ,", "zoé,", "x,Zoe@example.org"]
    lines = [f'{row},"{STRONG}"' for row in rows]
    (tmp_path / "users.csv").write_text("\n".join(["username,email,password_hash", *lines]))
    ended = sqlite_cli("users", "import", "users.csv", "--dry-run", "--rejected", "bad.csv")
    for line, reason in ((4, "username"), (5, "username"), (6, "email")):
        assert f"{line}     rejected  an earlier row has the same {reason} (line 2)\n" in ended.stdout
    assert ended.stdout.endswith("\nDry run: nothing was changed. The rejected rows are in bad.csv.\n")
    assert (tmp_path / "bad.csv").read_text().count("(line 2)") == 3


def test_another_person_of_the_same_username_does_not_vanish(
    any_db_cli: ForkedFlask, any_db_editor: UserEditor, tmp_path: Path
) -> None:
    content = f"zoé:{STRONG}\nzoé:{SSHA}\n"
    (tmp_path / "a.htpasswd").write_text(content)
    assert run_import(any_db_cli, "a.htpasswd", "--keep-going")[1]["imported"] == 1
    assert SSHA in (tmp_path / "a.rejected.htpasswd").read_text()
    code, result = run_import(any_db_cli, "a.rejected.htpasswd")
    assert (code, result["existing"], result["different"]) == (0, 0, 1)
    assert result["rows"] == [
        {"position": 2, "kind": "different", "reason": "the user has another password", "other": None}
    ]
    any_db_editor.set_active("zoé", False)
    (tmp_path / "a.htpasswd").write_text(f"zoé:{STRONG}\n")
    assert run_import(any_db_cli, "a.htpasswd")[1]["reasons"][0]["reason"] == "the user is disabled"


def test_hash_that_a_login_has_replaced_is_not_another_password(
    any_db_cli: ForkedFlask, any_db_editor: UserEditor, migrated_database: str, tmp_path: Path
) -> None:
    (tmp_path / "users.csv").write_text(as_csv({"zoé": SSHA}))
    run_import(any_db_cli, "users.csv")
    assert log_in(client_of(migrated_database), "zoé", PASSWORD) == 200
    assert any_db_editor.users.require("zoé").password_hash != SSHA
    assert run_import(any_db_cli, "users.csv")[1]["existing"] == 1


def test_user_without_a_usable_hash_is_rejected_or_cannot_log_in_until_they_have_a_password(
    any_db_cli: ForkedFlask, any_db_editor: UserEditor, migrated_database: str, tmp_path: Path
) -> None:
    (tmp_path / "users.csv").write_text(
        "username,password_hash,roles,disabled\nnone,,admin,\nplain,hunter2,,\nunsalted," + UNUSABLE + ",,yes\n"
    )
    assert run_import(any_db_cli, "users.csv")[1]["rejected"] == 3
    code, result = run_import(any_db_cli, "users.csv", "--without-password")
    assert (code, result["imported"], result["no_password"]) == (0, 3, 3)
    assert {row.password_hash for row in all_users(any_db_editor.users)} == {"!"}
    client = client_of(migrated_database)
    assert [log_in(client, name, "!") for name in ("none", "plain")] == [400, 400]
    assert any_db_cli("users", "set-password", "none", stdin=f"{PASSWORD * 2}\n").returncode == 0
    assert any_db_cli("users", "set-password", "unsalted", stdin=f"{PASSWORD * 2}\n").returncode == 0
    assert [log_in(client, name, PASSWORD * 2) for name in ("none", "unsalted")] == [200, 400]


def test_administrator_without_a_password_is_not_the_other_administrator(
    sqlite_cli: ForkedFlask, sqlite_editor: UserEditor, tmp_path: Path
) -> None:
    sqlite_editor.add("alice", None, STRONG, ["admin"])
    (tmp_path / "users.csv").write_text("username,roles\nbob,admin\n")
    shown = " ".join(sqlite_cli("users", "import", "users.csv", "--without-password", "--dry-run").stdout.split())
    assert "until they set one with the code of: flask users reset LOGIN" in shown
    assert run_import(sqlite_cli, "users.csv", "--without-password")[1]["imported"] == 1
    assert "cannot remove the last active administrator" in error_line(sqlite_cli("users", "disable", "alice"))


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_exported_users_have_the_same_state_after_an_import(
    sqlite_cli: ForkedFlask, sqlite_editor: UserEditor, options: tuple[str, ...]
) -> None:
    for name, password_hash, active in (("a", STRONG, True), ("b", STRONG, False), ("c", "!", True), ("d", "!", False)):
        sqlite_editor.add(name, f"{name}@example.org", password_hash, ["user"], active)
    before = [(row.username, row.password_hash, row.active, row.roles) for row in all_users(sqlite_editor.users)]
    file = f"users.{'jsonl' if options else 'csv'}"
    assert sqlite_cli("users", "export", "--output", file, *options).returncode == 0
    for name in "abcd":
        sqlite_editor.delete(name)
    assert run_import(sqlite_cli, file, "--without-password")[1]["imported"] == 4
    assert [
        (row.username, row.password_hash, row.active, row.roles) for row in all_users(sqlite_editor.users)
    ] == before


LDIF = (
    "dn: cn=staff,ou=groups,dc=x\ncn: staff\nmember: uid=zoé, ou=people,dc=X\nmember: cn=inner,dc=x\n\n"
    "dn: uid=zoé,ou=people,dc=x\nuid: zoé\nuserPassword: {hash}\n\n"
    "dn: uid=bob,ou=people,dc=x\nuid: bob\nuserPassword: {hash}\nshadowExpire: 1\n\n"
    "dn: cn=unix,dc=x\ncn: unix\nmemberUid: ZOÉ\nmemberUid: bob\nmemberUid: gone\n\n"
)


def test_ldif_groups_are_reported_or_become_roles(
    any_db_cli: ForkedFlask, any_db_editor: UserEditor, tmp_path: Path
) -> None:
    (tmp_path / "a.ldif").write_text(LDIF.replace("{hash}", STRONG))
    output = any_db_cli("users", "import", "a.ldif", "--dry-run").stdout
    assert "Not imported: 2 groups. To give their members roles, add --group-roles\n" in output
    code, result = run_import(any_db_cli, "a.ldif", "--group-roles", "--role", "unix")
    assert (code, result["imported"], result["groups"], result["unresolved_members"]) == (0, 2, 2, 2)
    assert [(row.username, row.roles, row.active) for row in all_users(any_db_editor.users)] == [
        ("bob", ("unix",), False),
        ("zoé", ("staff", "unix"), True),
    ]
    before = contents(any_db_editor)["latchkey_roles"]
    (tmp_path / "b.ldif").write_text(LDIF.replace("{hash}", STRONG).replace("cn: unix", "cn: a;b"))
    code, result = run_import(any_db_cli, "b.ldif", "--group-roles", "--keep-going")
    assert (code, contents(any_db_editor)["latchkey_roles"], result["rejected_file"]) == (1, before, "b.rejected.ldif")
    assert "cn: a;b" in (tmp_path / "b.rejected.ldif").read_text()


def test_additional_columns_are_reported(sqlite_cli: ForkedFlask, tmp_path: Path) -> None:
    (tmp_path / "users.csv").write_text(f'username;password_hash;phone;\x1bcity\nzoé;"{STRONG}";1;x\n')
    ended = sqlite_cli("users", "import", "users.csv")
    assert (ended.returncode, "\nNot imported: phone, ?city.\n" in ended.stdout) == (0, True)


def test_role_with_a_comma_or_semicolon_is_rejected(sqlite_cli: ForkedFlask, tmp_path: Path) -> None:
    (tmp_path / "users.csv").write_text(f'username;password_hash;roles\nzoé;"{STRONG}";"a;b"\n')
    assert "the role must not contain a comma or a semicolon" in sqlite_cli("users", "import", "users.csv").stdout
    for arguments in (
        ("import", "users.csv", "--role", "a,b"),
        ("add", "zoé", "--role", "a,b"),
        ("add-role", "zoé", "a;b"),
    ):
        assert "must not contain a comma or a semicolon" in error_line(sqlite_cli("users", *arguments))
