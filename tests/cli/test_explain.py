"""`flask explain` shows what a login would be granted, and changes nothing."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app import create_app
from database.user_editor import UserEditor
from services.context import services_of
from tests.cli.conftest import contents
from tests.support.custom_providers import MINIMAL, RECORDING, calls, program, write
from tests.support.flask_program import FlaskProgram, error_line
from tests.support.fork_server import ForkServer
from tests.support.forked_flask import ForkedFlask
from tests.support.stores import SECRET_KEY, engine_of, hashed, user_table, users_file
from tests.support.users import SAME_EMAIL_USERS, SAMPLE_USERS, ZOE, SampleUser

O_BRIEN = SAMPLE_USERS[1]
IN_FILE = [ZOE, O_BRIEN, SampleUser("gone", "gone@example.org", "a third password")]
IN_TABLE = [
    SampleUser("ZOÉ", "zoe@example.org", "another password", ("admin", "editor")),
    SampleUser("brian", "O'BRIEN@example.org", "another password", ("user",)),
    SampleUser("newcomer", "new@example.org", "another password", ("user",)),
]


@pytest.fixture
def cli(fork_server: ForkServer, tmp_path: Path, any_db_url: str) -> ForkedFlask:
    """Return the program on a users file, with each kind of database."""
    environ = users_file(tmp_path / "users.toml", IN_FILE) | {"DATABASE_URL": any_db_url}
    user_table(any_db_url, IN_TABLE)
    return ForkedFlask(fork_server, tmp_path, SECRET_KEY=SECRET_KEY, **environ | {"AUTH_PROVIDER": "static"})


on_sqlite = pytest.mark.parametrize("migrated_database", ["sqlite"], indirect=True)


def explain_json(cli: FlaskProgram, *arguments: str, code: int = 0, **environ: str) -> dict[str, Any]:
    """Return the JSON output, after a check that it contains no secret."""
    ended = cli("explain", "--json", *arguments, **environ)
    assert (ended.returncode, ended.stderr) == (code, "")
    members: dict[str, Any] = json.loads(ended.stdout)
    for secret in (SECRET_KEY, hashed(ZOE.password), ZOE.password, "argon2"):
        assert secret not in ended.stdout
    return members


@on_sqlite
def test_user_is_explained(cli: ForkedFlask) -> None:
    ended = cli("explain", " Zoe@Example.org ")
    assert (ended.returncode, ended.stderr) == (0, "")
    lines = [" ".join(line.split()) for line in ended.stdout.splitlines()]
    assert "static accepts zoé (user 1 in users.toml)" in lines
    assert 'roles ["admin", "user"]' in lines
    assert 'sub "zoé"' in lines
    assert "GET /api/protected_route_admin admin yes" in lines
    assert "GET /api/protected_route_super_admin super_admin no" in lines
    assert "GET /api/protected_route any user yes" in lines
    assert "\x1b" not in ended.stdout


@on_sqlite
def test_json_has_the_claims_of_a_token_and_the_routes_that_it_allows(cli: ForkedFlask, any_db_url: str) -> None:
    members = explain_json(cli, "zoé", AUTH_PROVIDER="database")
    app = create_app({"SECRET_KEY": SECRET_KEY, "AUTH_PROVIDER": "database", "DATABASE_URL": any_db_url})
    client = app.test_client()
    answer = client.post("/api/auth", json={"email": "zoé", "password": "another password"}).json
    assert answer
    claims = services_of(app).issuer.decode(answer["data"])
    assert members["claims"] == {name: claims[name] for name in claims if name not in {"iat", "exp", "jti", "sid"}}
    headers = {"Authorization": f"Bearer {answer['data']}"}
    simple = [route for route in members["routes"] if "<" not in route["path"] and "GET" in route["methods"]]
    assert len(simple) > 4
    for route in simple:
        assert (client.get(route["path"], headers=headers).status_code != 403) == route["allowed"]


@on_sqlite
def test_first_provider_that_knows_the_user_decides(cli: ForkedFlask) -> None:
    members = explain_json(cli, "zoé", AUTH_PROVIDER="static,database")
    assert [(result["provider"], result["outcome"]) for result in members["providers"]] == [
        ("static", "accepted"),
        ("database", "skipped"),
    ]
    assert members["user"]["idp"] == "static"
    members = explain_json(cli, "newcomer", AUTH_PROVIDER="static,database")
    assert [result["outcome"] for result in members["providers"]] == ["unknown", "accepted"]
    assert members["user"]["idp"] == "database"


@on_sqlite
def test_user_with_the_username_of_an_earlier_provider_is_shadowed(cli: ForkedFlask, tmp_path: Path) -> None:
    users_file(tmp_path / "users.toml", [SampleUser("ZOÉ", "other@example.org", ZOE.password)])
    members = explain_json(cli, "zoe@example.org", AUTH_PROVIDER="static,database")
    assert [result["outcome"] for result in members["providers"]] == ["unknown", "denied"]
    assert (members["user"], members["reason"], members["routes"]) == (None, "shadowed", [])


@on_sqlite
def test_unknown_and_ambiguous_logins_have_different_reasons_and_exit_codes(cli: ForkedFlask, tmp_path: Path) -> None:
    members = explain_json(cli, "nobody", code=1)
    assert (members["user"], members["reason"], members["claims"]) == (None, "unknown_user", None)
    ended = cli("explain", "nobody")
    assert (ended.returncode, ended.stdout.splitlines()[-1]) == (
        1,
        "The login would be denied: no user has this login.",
    )
    same_email = [replace(user, email="shared@example.org", username=user.password) for user in SAME_EMAIL_USERS]
    users_file(tmp_path / "users.toml", same_email)
    assert explain_json(cli, "shared@example.org")["reason"] == "ambiguous"


def test_groups_and_role_rules_are_shown_with_near_misses(fork_server: ForkServer, tmp_path: Path) -> None:
    write(tmp_path, "acme", RECORDING)
    asked = program(fork_server, tmp_path, "acme:Recording")
    lines = [" ".join(line.split()) for line in asked("explain", "wile").stdout.splitlines()]
    assert "cn=all cn=readers" in lines
    assert "cn=readers reader yes" in lines
    assert lines[lines.index("cn=Admins admin no") + 1] == "near miss: the user is in cn=admins,ou=old"
    (result,) = explain_json(asked, "wile")["providers"]
    assert result["rules"][1]["near_misses"] == ["the user is in cn=admins,ou=old"]
    assert calls(tmp_path) == ["explain", "explain"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("explain", "wile"),
        ("explain", "--json", "wile", "--compare-with", "acme:Hiding"),
        ("explain", "--json", "--all", "--compare-with", "acme:Recording"),
        ("doctor", "--user", "wile"),
        ("doctor", "--json", "--user", "wile"),
    ],
)
def test_record_id_and_credential_stamp_are_not_shown(
    fork_server: ForkServer, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    write(tmp_path, "acme", RECORDING)
    shown = program(fork_server, tmp_path, "acme:Hiding")(*arguments)
    assert "wile" in shown.stdout
    assert not any(word in shown.stdout + shown.stderr for word in ("hidden", "record_id", "credential_stamp"))


def test_name_of_a_record_that_is_not_text_is_shown_with_escapes(fork_server: ForkServer, tmp_path: Path) -> None:
    # The LDAP provider returns octets of a DN that are not UTF-8 as lone surrogates.
    write(tmp_path, "acme", RECORDING.replace("uid=wile,", "uid=\\udcff,"))
    asked = program(fork_server, tmp_path, "acme:Recording")
    (result,) = explain_json(asked, "wile")["providers"]
    assert result["record"] == "uid=\udcff,ou=people"
    assert "accepts wile (uid=?,ou=people)" in asked("explain", "wile").stdout


def test_provider_without_capabilities_is_unsupported(fork_server: ForkServer, tmp_path: Path) -> None:
    write(tmp_path, "acme", MINIMAL)
    asked = program(fork_server, tmp_path, "acme:Minimal", **users_file(tmp_path / "users.toml", [ZOE]))
    chain = "acme:Minimal,static"
    results = explain_json(asked, "zoé", AUTH_PROVIDER=chain)["providers"]
    assert [result["outcome"] for result in results] == ["unsupported", "accepted"]
    assert "acme:Minimal cannot list its users" in error_line(
        asked("explain", "--all", "--compare-with", "static", AUTH_PROVIDER=chain)
    )
    assert "cannot look users up" in error_line(asked("explain", "zoé", "--compare-with", "acme:Minimal"))
    alone = asked("explain", "zoé", "--json", AUTH_PROVIDER="acme:Minimal")
    assert (alone.returncode, json.loads(alone.stdout)["reason"]) == (1, None)  # not that the user is unknown


def test_all_users_are_compared_with_another_provider(cli: ForkedFlask) -> None:
    members = explain_json(cli, "--all", "--compare-with", "database")
    assert members["counts"] == {"same": 1, "changed": 1, "locked_out": 1}
    by_name = {user["username"]: user for user in members["users"]}
    assert (by_name["zoé"]["gains"], by_name["zoé"]["loses"]) == (["editor"], ["user"])
    assert by_name["zoé"]["matched_by"] == "username"
    assert by_name["o'brien"]["outcome"] == "same"
    assert (by_name["o'brien"]["matched_by"], by_name["o'brien"]["other_username"]) == ("email", "brian")
    assert (by_name["gone"]["outcome"], by_name["gone"]["loses"]) == ("locked_out", ["user"])
    shown = cli("explain", "--all", "--compare-with", "database")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "has the username brian there" in shown.stdout
    assert "Of 3 users, 1 would keep their roles; 1 would have other roles; 1 could no longer log in." in shown.stdout
    assert "newcomer" not in shown.stdout
    assert shown.stdout.endswith("Users who exist only in database are not listed.\n")
    back = explain_json(cli, "--all", "--compare-with", "static", AUTH_PROVIDER="database")
    assert back["counts"] == {"same": 1, "changed": 1, "locked_out": 1}


def test_one_user_is_compared_without_a_change(cli: ForkedFlask, any_db_url: str) -> None:
    table = UserEditor(engine_of({"DATABASE_URL": any_db_url}), "tests")
    table.set_active("brian", False)
    before = contents(table)
    comparison = explain_json(cli, "zoé", "--compare-with", "database")["compared_with"]
    assert (comparison["outcome"], comparison["gains"], comparison["loses"]) == ("changed", ["editor"], ["user"])
    assert explain_json(cli, "gone", "--compare-with", "database")["compared_with"]["reason"] == "unknown_user"
    assert explain_json(cli, "o'brien", "--compare-with", "database")["compared_with"]["reason"] == "disabled"
    assert explain_json(cli, "brian", AUTH_PROVIDER="database")["reason"] == "disabled"
    assert "With database instead:" in cli("explain", "zoé", "--compare-with", "database").stdout
    explain_json(cli, "--all", "--compare-with", "database")
    assert contents(table) == before


@on_sqlite
def test_same_username_with_another_email_has_a_note(cli: ForkedFlask, tmp_path: Path) -> None:
    users_file(tmp_path / "users.toml", [SampleUser("zoé", "other@example.org", ZOE.password, ("admin", "editor"))])
    (user,) = explain_json(cli, "--all", "--compare-with", "database")["users"]
    note = "has the email zoe@example.org there: check that this is the same person"
    assert (user["outcome"], user["note"]) == ("same", note)


@on_sqlite
def test_each_user_of_a_chain_is_compared_once(cli: ForkedFlask) -> None:
    counts = explain_json(cli, "--all", "--compare-with", "static", AUTH_PROVIDER="static,database")["counts"]
    assert sum(counts.values()) == len({*(person.username.casefold() for person in [*IN_FILE, *IN_TABLE])})


@on_sqlite
def test_progress_is_shown_at_a_terminal(cli: ForkedFlask) -> None:
    code, shown = cli.run_at_terminal("explain", "--all", "--compare-with", "database")
    assert code == 0
    assert all(label in shown for label in ("Listing", "Listing database", "Comparing", "100%"))
    assert "\x1b[32myes\x1b[0m" in cli.run_at_terminal("explain", "zoé")[1]


@on_sqlite
@pytest.mark.parametrize(
    "arguments",
    [(), ("--all",), ("zoé", "--all"), ("zoé", "--all", "--compare-with", "database"), ("--compare-with", "database")],
)
def test_wrong_usage_is_a_one_line_error(cli: ForkedFlask, arguments: tuple[str, ...]) -> None:
    assert error_line(cli("explain", *arguments)) == "Error: expected a LOGIN, or --all with --compare-with PROVIDER"


@on_sqlite
@pytest.mark.parametrize("arguments", [("zoé",), ("--all",), ()])
def test_old_option_name_is_an_error_with_the_new_name(cli: ForkedFlask, arguments: tuple[str, ...]) -> None:
    assert error_line(cli("explain", *arguments, "--against", "database")) == "Error: --against is now --compare-with"
    assert "--against" not in cli("explain", "--help").stdout


@on_sqlite
def test_invalid_other_provider_is_reported_with_its_variables(cli: ForkedFlask) -> None:
    assert error_line(cli("explain", "zoé", "--compare-with", "ldop")).startswith(
        "  --compare-with names ldop, an unknown provider. Did you mean ldap? Set it to static, database"
    )
    ended = cli("explain", "zoé", "--compare-with", "ldap")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "LDAP_URL is not set" in ended.stderr


@pytest.mark.parametrize(
    "arguments", [("zoé",), ("--all", "--compare-with", "static"), ("zoé", "--compare-with", "database")]
)
def test_unavailable_provider_is_a_one_line_error(
    fork_server: ForkServer, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    environ = users_file(tmp_path / "users.toml", [ZOE])
    environ["AUTH_PROVIDER"] = "static" if arguments[-1] == "database" else "database"
    environ["DATABASE_URL"] = "postgresql://latchkey:hunter2@127.0.0.1:1/users"
    ended = ForkedFlask(fork_server, tmp_path, SECRET_KEY=SECRET_KEY, **environ)("explain", *arguments)
    assert error_line(ended).startswith("Error: database is unavailable: ")
    assert "hunter2" not in ended.stderr


@on_sqlite
def test_login_whose_token_would_be_too_long_is_reported(cli: ForkedFlask, tmp_path: Path) -> None:
    many = SampleUser("zoé", "zoe@example.org", ZOE.password, tuple(f"role-{number}" for number in range(800)))
    users_file(tmp_path / "users.toml", [many])
    assert "The login would fail: the access token would be invalid: too long." in cli("explain", "zoé").stdout
    assert explain_json(cli, "zoé")["reason"] == "the access token would be invalid: too long"
