"""`flask tokens issue`, `list` and `revoke` with an id: service tokens, and the keys that have signed them."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from database.user_editor import UserEditor
from tests.servers.process import wait_until
from tests.support.custom_providers import MINIMAL, program, write
from tests.support.flask_program import error_line
from tests.support.fork_server import ForkServer
from tests.support.forked_flask import ForkedFlask
from tests.support.oauth import CLIENTS
from tests.support.sessions import guard_error
from tests.support.stores import SECRET_KEY

SERVICE = {"SECRET_KEY": SECRET_KEY, "AUTH_PROVIDER": "database"}


@pytest.fixture(autouse=True)
def roles(sqlite_editor: UserEditor) -> None:
    """A user who has the role `reader`."""
    sqlite_editor.add("zoé", None, "!", ["reader"])


def test_token_is_printed_once_listed_and_revoked(sqlite_cli: ForkedFlask, client: FlaskClient) -> None:
    issued = sqlite_cli("tokens", "issue", "--name", "backup", "--role", "reader", "--days", "3", **SERVICE)
    text = issued.stdout.strip()
    assert (issued.returncode, guard_error(client, text)) == (0, "")
    assert issued.stderr.startswith("Issued token 1 of service:backup, valid until ")
    table = sqlite_cli("tokens", "list")
    assert table.stdout.splitlines()[1].split()[:3] == ["1", "backup", "reader"]
    assert text not in table.stdout + sqlite_cli("users", "history").stdout
    assert [token["id"] for token in json.loads(sqlite_cli("tokens", "list", "--json").stdout)] == [1]
    revoked = sqlite_cli("tokens", "revoke", "1")
    sentence = "Revoked token 1 of service:backup. Every worker rejects the revoked tokens within two seconds.\n"
    assert (revoked.returncode, revoked.stdout) == (0, sentence)
    wait_until(lambda: guard_error(client, text) == "revoked_token")
    assert sqlite_cli("tokens", "list").stdout.startswith("There are no service tokens.")
    assert error_line(sqlite_cli("tokens", "revoke", "1")).startswith("Error: no valid service token has this id.")


@pytest.mark.parametrize("option", [("--user", "SERVICE:Backup"), ("--all",)])
def test_service_tokens_end_with_their_subject_and_with_all_tokens(
    sqlite_cli: ForkedFlask, client: FlaskClient, option: tuple[str, ...]
) -> None:
    issued = sqlite_cli("tokens", "issue", "--name", "backup", "--role", "reader", "--json", **SERVICE)
    text = json.loads(issued.stdout)["token"]
    assert guard_error(client, text) == ""
    assert sqlite_cli("tokens", "revoke", *option).returncode == 0
    assert sqlite_cli("tokens", "list", "--json").stdout == "[]\n"
    wait_until(lambda: guard_error(client, text) == "revoked_token")


def test_role_that_no_provider_can_give_is_refused_unless_forced(sqlite_cli: ForkedFlask) -> None:
    issue = ("tokens", "issue", "--name", "backup", "--role")
    assert error_line(sqlite_cli(*issue, "raeder", **SERVICE)) == (
        "Error: no provider can give the role raeder; they can give reader. Correct the role, or add --force"
    )
    assert sqlite_cli(*issue, "metrics", "--force", **SERVICE).returncode == 0


def test_guards_may_require_roles_that_only_machines_have(sqlite_cli: ForkedFlask) -> None:
    def warnings(**environ: str) -> list[str]:
        ended = sqlite_cli("guards", "--json", **SERVICE, **environ)
        assert ended.returncode == 0, ended.stderr
        found: list[str] = json.loads(ended.stdout)["warnings"]
        return found

    (warning,) = warnings()
    assert "no provider can give the role admin, " in warning
    client = {"OAUTH_CLIENTS": CLIENTS, "OAUTH_CLIENT_ROLES": "reports:admin"}
    assert warnings(**client) == []
    issue = ("tokens", "issue", "--name", "backup", "--role", "admin", "--force")
    assert sqlite_cli(*issue, **SERVICE).returncode == 0
    assert warnings() == []
    assert sqlite_cli("tokens", "revoke", "1").returncode == 0
    assert len(warnings()) == 1


def test_role_is_accepted_with_a_note_if_the_roles_are_not_known(
    fork_server: ForkServer, tmp_path: Path, sqlite_url: str
) -> None:
    write(tmp_path, "kiosk", MINIMAL)
    flask = program(fork_server, tmp_path, "kiosk:Minimal", DATABASE_URL=sqlite_url)
    issued = flask("tokens", "issue", "--name", "backup", "--role", "metrics")
    assert (issued.returncode, issued.stderr.count("It is not known whether users can have these roles")) == (0, 1)


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("--name", "a/b"), "a name is 1 to 64 letters, digits or any of . _ ~ -"),
        (("--name", "backup", "--days", "366"), "366 is not in the range 1<=x<=365"),
    ],
)
def test_invalid_name_or_lifetime_is_refused(sqlite_cli: ForkedFlask, arguments: tuple[str, ...], why: str) -> None:
    ended = sqlite_cli("tokens", "issue", "--role", "reader", *arguments, **SERVICE)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert why in ended.stderr


def test_without_a_database_service_tokens_are_refused_in_one_line(sqlite_cli: ForkedFlask) -> None:
    why = "Error: service tokens require DATABASE_URL: without a database, they could not be revoked"
    for command in (("issue", "--name", "backup", "--role", "reader"), ("list",)):
        assert error_line(sqlite_cli("tokens", *command, **SERVICE, DATABASE_URL="")) == why


def test_key_that_has_signed_a_valid_service_token_is_not_removable(sqlite_cli: ForkedFlask) -> None:
    keys = {**SERVICE, "SIGNING_KEYS_DIR": "keys"}
    assert sqlite_cli("keys", "generate", **keys).returncode == 0
    issued = sqlite_cli("tokens", "issue", "--name", "backup", "--role", "reader", "--days", "365", **keys)
    assert issued.returncode == sqlite_cli("keys", "generate", **keys).returncode == 0
    year = str((datetime.now(UTC) + timedelta(days=364)).year)
    assert f"can be removed at {year}-" in sqlite_cli("keys", "rotate", **keys).stdout
    assert f"Wait until {year}-" in error_line(sqlite_cli("keys", "retire", **keys))
    assert f'"removable_at": "{year}-' in sqlite_cli("keys", "list", "--json", **keys).stdout
    assert sqlite_cli("tokens", "revoke", "1").returncode == 0
    assert f"Wait until {datetime.now(UTC):%Y}-" in error_line(sqlite_cli("keys", "retire", **keys))
