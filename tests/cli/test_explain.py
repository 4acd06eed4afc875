"""`flask explain` as it is typed: it tells what a login gives, and changes nothing."""

import json
from pathlib import Path
from typing import Any

import pytest

from app import create_app
from database.user_editor import UserEditor
from tests.cli.conftest import contents
from tests.support.custom_providers import BARE, NOTING, notes, program, write
from tests.support.flask_program import Flask, refusal
from tests.support.forked_flask import Forked, Source
from tests.support.stores import SECRET_KEY, engine_of, hashed, user_table, users_file
from tests.support.users import SAME_EMAIL_USERS, SAMPLE_USERS, ZOE, SampleUser

O_BRIEN = SAMPLE_USERS[1]
IN_FILE = [ZOE, O_BRIEN, SampleUser("gone", "gone@example.org", "a password of whoever is gone")]
IN_TABLE = [
    SampleUser("ZOÉ", "zoe@example.org", "another password", ("admin", "editor")),
    SampleUser("brian", "O'BRIEN@example.org", "another password", ("user",)),
    SampleUser("newcomer", "new@example.org", "another password", ("user",)),
]


@pytest.fixture
def flask(source: Source, tmp_path: Path, there: str) -> Forked:
    """The program on a users file, beside each kind of database."""
    environ = users_file(tmp_path / "users.toml", IN_FILE) | {"DATABASE_URL": there}
    user_table(there, IN_TABLE)
    return Forked(source, tmp_path, SECRET_KEY=SECRET_KEY, **environ | {"AUTH_PROVIDER": "static"})


on_sqlite = pytest.mark.parametrize("empty_database", ["sqlite"], indirect=True)


def told(flask: Flask, *arguments: str, code: int = 0, **environ: str) -> dict[str, Any]:
    """Return what a script is told, once it is sure that no secret is among it."""
    ended = flask("explain", "--json", *arguments, **environ)
    assert (ended.returncode, ended.stderr) == (code, "")
    members: dict[str, Any] = json.loads(ended.stdout)
    for secret in (SECRET_KEY, hashed(ZOE.password), ZOE.password, "argon2"):
        assert secret not in ended.stdout
    return members


@on_sqlite
def test_a_user_is_explained(flask: Forked) -> None:
    ended = flask("explain", " Zoe@Example.org ")
    assert (ended.returncode, ended.stderr) == (0, "")
    lines = [" ".join(line.split()) for line in ended.stdout.splitlines()]
    assert "static knows zoé: user 1 in users.toml" in lines
    assert 'roles ["admin", "user"]' in lines
    assert 'sub "zoé"' in lines
    assert "GET /api/protected_route_admin admin yes" in lines
    assert "GET /api/protected_route_super_admin super_admin no" in lines
    assert "GET /api/protected_route any user yes" in lines
    assert "\x1b" not in ended.stdout


@on_sqlite
def test_what_a_script_is_told_is_what_a_token_says(flask: Forked, there: str) -> None:
    members = told(flask, "zoé", AUTH_PROVIDER="database")
    app = create_app({"SECRET_KEY": SECRET_KEY, "AUTH_PROVIDER": "database", "DATABASE_URL": there})
    client = app.test_client()
    answer = client.post("/api/auth", json={"email": "zoé", "password": "another password"}).json
    assert answer
    claims = app.extensions["latchkey"].issuer.decode(answer["data"])
    assert members["claims"] == {name: claims[name] for name in claims if name not in {"iat", "exp", "jti", "sid"}}
    headers = {"Authorization": f"Bearer {answer['data']}"}
    simple = [route for route in members["routes"] if "<" not in route["path"] and "GET" in route["methods"]]
    assert len(simple) > 4
    for route in simple:
        assert (client.get(route["path"], headers=headers).status_code != 403) == route["opens"]


@on_sqlite
def test_each_provider_is_told_and_the_first_that_knows_the_name_has_it(flask: Forked) -> None:
    members = told(flask, "zoé", AUTH_PROVIDER="static,database")
    assert [(link["provider"], link["answer"]) for link in members["providers"]] == [
        ("static", "known"),
        ("database", "passed_over"),
    ]
    assert members["user"]["idp"] == "static"
    members = told(flask, "newcomer", AUTH_PROVIDER="static,database")
    assert [link["answer"] for link in members["providers"]] == ["unknown", "known"]
    assert members["user"]["idp"] == "database"


@on_sqlite
def test_a_name_of_an_earlier_provider_is_not_to_be_had_by_another_address(flask: Forked, tmp_path: Path) -> None:
    users_file(tmp_path / "users.toml", [SampleUser("ZOÉ", "other@example.org", ZOE.password)])
    members = told(flask, "zoe@example.org", AUTH_PROVIDER="static,database")
    assert [link["answer"] for link in members["providers"]] == ["unknown", "refused"]
    assert (members["user"], members["reason"], members["routes"]) == (None, "shadowed", [])


@on_sqlite
def test_who_is_unknown_and_who_is_not_let_in_are_told_apart(flask: Forked, tmp_path: Path) -> None:
    members = told(flask, "nobody", code=1)
    assert (members["user"], members["reason"], members["claims"]) == (None, "unknown_user", None)
    ended = flask("explain", "nobody")
    assert (ended.returncode, ended.stdout.splitlines()[-1]) == (1, "Nobody would be let in: nobody has this login.")
    users_file(tmp_path / "users.toml", SAME_EMAIL_USERS)
    assert told(flask, "shared@example.org")["reason"] == "ambiguous"


def test_groups_and_rules_are_told_with_what_nearly_matched(tmp_path: Path) -> None:
    write(tmp_path, "acme", NOTING)
    asked = program(tmp_path, "acme:Noting")
    lines = [" ".join(line.split()) for line in asked("explain", "wile").stdout.splitlines()]
    assert "cn=all cn=readers" in lines
    assert "cn=readers reader yes" in lines
    assert lines[lines.index("cn=Admins admin no") + 1] == "nearly: they are in cn=admins,ou=old"
    (link,) = told(asked, "wile")["providers"]
    assert link["rules"][1]["near_misses"] == ["they are in cn=admins,ou=old"]
    assert notes(tmp_path) == ["explain", "explain"]


def test_a_provider_that_can_only_authenticate_cannot_say(tmp_path: Path) -> None:
    write(tmp_path, "acme", BARE)
    asked = program(tmp_path, "acme:Bare", **users_file(tmp_path / "users.toml", [ZOE]))
    chain = "acme:Bare,static"
    assert [link["answer"] for link in told(asked, "zoé", AUTH_PROVIDER=chain)["providers"]] == ["untold", "known"]
    assert "acme:Bare cannot list its users" in refusal(
        asked("explain", "--all", "--against", "static", AUTH_PROVIDER=chain)
    )
    assert "cannot be asked about users" in refusal(asked("explain", "zoé", "--against", "acme:Bare"))


def test_everybody_is_compared_with_another_store(flask: Forked) -> None:
    members = told(flask, "--all", "--against", "database")
    assert members["counts"] == {"same": 1, "changed": 1, "locked_out": 1}
    by_name = {user["username"]: user for user in members["users"]}
    assert (by_name["zoé"]["gains"], by_name["zoé"]["loses"]) == (["editor"], ["user"])
    assert by_name["zoé"]["matched_by"] == "username"
    assert by_name["o'brien"]["outcome"] == "same"
    assert (by_name["o'brien"]["matched_by"], by_name["o'brien"]["username_there"]) == ("email", "brian")
    assert (by_name["gone"]["outcome"], by_name["gone"]["loses"]) == ("locked_out", ["user"])
    shown = flask("explain", "--all", "--against", "database")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "is called brian there" in shown.stdout
    assert "Of 3 users 1 would keep the roles they have; 1 would have other roles; 1 could not" in shown.stdout
    assert "newcomer" not in shown.stdout
    assert shown.stdout.endswith("Who is only in database is not listed.\n")
    back = told(flask, "--all", "--against", "static", AUTH_PROVIDER="database")
    assert back["counts"] == {"same": 1, "changed": 1, "locked_out": 1}


def test_one_user_is_compared_and_nothing_is_written(flask: Forked, there: str) -> None:
    table = UserEditor(engine_of({"DATABASE_URL": there}), "tests")
    table.set_active("brian", False)
    before = contents(table)
    switch = told(flask, "zoé", "--against", "database")["against"]
    assert (switch["outcome"], switch["gains"], switch["loses"]) == ("changed", ["editor"], ["user"])
    assert told(flask, "gone", "--against", "database")["against"]["reason"] == "unknown_user"
    assert told(flask, "o'brien", "--against", "database")["against"]["reason"] == "disabled"
    assert told(flask, "brian", AUTH_PROVIDER="database")["reason"] == "disabled"
    assert "With database instead:" in flask("explain", "zoé", "--against", "database").stdout
    told(flask, "--all", "--against", "database")
    assert contents(table) == before


@on_sqlite
def test_the_same_name_with_another_address_is_doubted(flask: Forked, tmp_path: Path) -> None:
    users_file(tmp_path / "users.toml", [SampleUser("zoé", "other@example.org", ZOE.password, ("admin", "editor"))])
    (user,) = told(flask, "--all", "--against", "database")["users"]
    assert (user["outcome"], user["note"]) == ("same", "has another address there, zoe@example.org: is it them?")


@on_sqlite
def test_in_a_chain_everybody_is_compared_once(flask: Forked) -> None:
    counts = told(flask, "--all", "--against", "static", AUTH_PROVIDER="static,database")["counts"]
    assert sum(counts.values()) == len({*(person.username.casefold() for person in [*IN_FILE, *IN_TABLE])})


@on_sqlite
def test_long_work_shows_how_far_it_is(flask: Forked) -> None:
    code, shown = flask.seen("explain", "--all", "--against", "database")
    assert code == 0
    assert all(label in shown for label in ("Listing", "Listing database", "Comparing", "100%"))
    assert "\x1b[32myes\x1b[0m" in flask.seen("explain", "zoé")[1]


@on_sqlite
@pytest.mark.parametrize(
    "arguments",
    [(), ("--all",), ("zoé", "--all"), ("zoé", "--all", "--against", "database"), ("--against", "database")],
)
def test_wrong_usage_is_one_line(flask: Forked, arguments: tuple[str, ...]) -> None:
    assert refusal(flask("explain", *arguments)).startswith("Error: say whose: flask explain LOGIN")


@on_sqlite
def test_another_provider_that_cannot_be_used_is_told_by_its_variables(flask: Forked) -> None:
    assert refusal(flask("explain", "zoé", "--against", "ldop")).startswith(
        "  --against cannot be used: a name is unknown"
    )
    ended = flask("explain", "zoé", "--against", "ldap")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "LDAP_URL is not set" in ended.stderr


@pytest.mark.parametrize("arguments", [("zoé",), ("--all", "--against", "static"), ("zoé", "--against", "database")])
def test_an_outage_is_one_line(source: Source, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    environ = users_file(tmp_path / "users.toml", [ZOE])
    environ["AUTH_PROVIDER"] = "static" if arguments[-1] == "database" else "database"
    environ["DATABASE_URL"] = "postgresql://latchkey:hunter2@127.0.0.1:1/users"
    ended = Forked(source, tmp_path, SECRET_KEY=SECRET_KEY, **environ)("explain", *arguments)
    assert refusal(ended).startswith("Error: a provider cannot be asked: database:")
    assert "hunter2" not in ended.stderr


@on_sqlite
def test_a_token_that_would_be_too_long_is_told(flask: Forked, tmp_path: Path) -> None:
    many = SampleUser("zoé", "zoe@example.org", ZOE.password, tuple(f"role-{number}" for number in range(800)))
    users_file(tmp_path / "users.toml", [many])
    assert "They could not log in: the access token would be invalid: too long." in flask("explain", "zoé").stdout
    assert told(flask, "zoé")["reason"] == "the access token would be invalid: too long"
