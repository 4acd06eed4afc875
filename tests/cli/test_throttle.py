"""`flask throttle …`, and what `flask doctor` reports about counters of failed logins."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from app import create_app
from tests.servers.process import free_port
from tests.servers.redis import redis_server
from tests.support.doctor import diagnose
from tests.support.flask_program import error_line
from tests.support.fork_server import ForkServer
from tests.support.forked_flask import ForkedFlask
from tests.support.stores import DEFAULT_LIMITS, SECRET_KEY, users_file
from tests.support.users import SAMPLE_USERS, ZOE

WRONG = "not the password of any user"
HOME, OFFICE = "192.0.2.1", "2001:db8::1"
PER_PLACE = 5


@pytest.fixture
def redis() -> Iterator[str]:
    with redis_server(free_port()) as url:
        yield url


@pytest.fixture
def environ(redis: str, tmp_path: Path) -> dict[str, str]:
    path = tmp_path / "users.toml"
    environ = {**users_file(path, SAMPLE_USERS), **DEFAULT_LIMITS}
    return {**environ, "SECRET_KEY": SECRET_KEY, "THROTTLE_STORAGE_URL": redis, "TRUSTED_PROXIES": "1"}


@pytest.fixture
def flask(fork_server: ForkServer, tmp_path: Path, environ: dict[str, str]) -> ForkedFlask:
    return ForkedFlask(fork_server, tmp_path, **environ)


@pytest.fixture
def client(environ: dict[str, str]) -> FlaskClient:
    return create_app(environ).test_client()


def log_in(client: FlaskClient, login: str, password: str = WRONG, address: str = HOME) -> int:
    body = {"email": login, "password": password}
    return client.post("/api/auth", json=body, headers={"X-Forwarded-For": address}).status_code


def exhaust(client: FlaskClient, login: str, address: str = HOME) -> None:
    for _ in range(PER_PLACE):
        assert log_in(client, login, address=address) == 400
    assert log_in(client, login, address=address) == 429


def test_counters_are_listed_with_those_that_refuse_logins_first(flask: ForkedFlask, client: FlaskClient) -> None:
    log_in(client, "nobody/else")
    exhaust(client, ZOE.email, OFFICE)
    lines = flask("throttle", "list").stdout.splitlines()
    assert lines[0].split() == ["COUNTER", "NAME", "FROM", "COUNT", "LIMIT", "REFUSED", "ENDS", "IN"]
    rows = [line.split()[:-1] for line in lines[1:]]
    assert rows[:2] == [
        ["account", "zoé", "2001:db8::/64", "5", "5", "yes"],
        ["login", "zoe@example.org", "2001:db8::/64", "5", "5", "yes"],
    ]
    assert ["login", "nobody/else", "anywhere", "1", "10", "no"] in rows
    assert ["address", "192.0.2.1", "1", "100", "no"] in rows
    assert len(rows) == 10


def test_counters_are_listed_as_json(flask: ForkedFlask, client: FlaskClient) -> None:
    exhaust(client, ZOE.email)
    log_in(client, "nobody")
    counters = json.loads(flask("throttle", "list", "--refused", "--json").stdout)
    assert all(14 * 60 < counter.pop("seconds") <= 15 * 60 for counter in counters)
    common = {"from": HOME, "count": 5, "limit": 5, "refused": True}
    assert counters == [
        {"counter": "account", "name": "zoé", **common},
        {"counter": "login", "name": "zoe@example.org", **common},
    ]


def test_names_cannot_control_the_terminal(flask: ForkedFlask, client: FlaskClient) -> None:
    log_in(client, "a\u202eb")
    assert flask("throttle", "list").stdout.isascii()


@pytest.mark.parametrize("login", [ZOE.email, ZOE.email.upper()])
def test_cleared_user_can_log_in_immediately(flask: ForkedFlask, client: FlaskClient, login: str) -> None:
    exhaust(client, ZOE.email)
    exhaust(client, "nobody")
    assert flask("throttle", "clear", login).stdout == "Removed 4 counters.\n"
    assert log_in(client, ZOE.email, ZOE.password) == 200
    assert log_in(client, "nobody") == 429


def test_cleared_address_can_log_in_immediately(flask: ForkedFlask, client: FlaskClient) -> None:
    exhaust(client, ZOE.email, OFFICE)
    assert flask("throttle", "clear", "--address", "2001:db8::ffff").stdout == "Removed 3 counters.\n"
    assert log_in(client, ZOE.email, ZOE.password, OFFICE) == 200


def test_all_counters_are_cleared_and_known_addresses_remain(flask: ForkedFlask, client: FlaskClient) -> None:
    assert log_in(client, ZOE.email, ZOE.password) == 200
    exhaust(client, ZOE.email)
    assert flask("throttle", "clear", "--all").stdout.startswith("Removed ")
    assert flask("throttle", "list").stdout == "There are no counters.\n"
    for number in range(10):
        log_in(client, ZOE.email, address=f"198.51.100.{number}")
    assert log_in(client, ZOE.email, ZOE.password) == 200


@pytest.mark.parametrize("arguments", [[], ["zoe", "--all"], ["--all", "--address", HOME]])
def test_exactly_one_selection_is_required(flask: ForkedFlask, arguments: list[str]) -> None:
    ended = flask("throttle", "clear", *arguments)
    assert (ended.returncode, error_line(ended).partition(": flask")[0]) == (
        2,
        "Error: give one of LOGIN, --address and --all",
    )


def test_invalid_address_is_an_error(flask: ForkedFlask) -> None:
    ended = flask("throttle", "clear", "--address", "office")
    assert (ended.returncode, error_line(ended)) == (2, "Error: office is not an address. See: flask throttle list")


@pytest.mark.parametrize("arguments", [["list"], ["clear", "--all"]])
def test_memory_of_other_processes_cannot_be_seen(flask: ForkedFlask, arguments: list[str]) -> None:
    ended = flask("throttle", *arguments, THROTTLE_STORAGE_URL="")
    assert ended.returncode == 2
    assert "in the memory of each worker process, which no command can see" in error_line(ended)


def test_unavailable_redis_is_an_error_without_its_password(flask: ForkedFlask) -> None:
    ended = flask("throttle", "list", THROTTLE_STORAGE_URL=f"redis://:hunter2@127.0.0.1:{free_port()}")
    assert (ended.returncode, error_line(ended)) == (2, "Error: THROTTLE_STORAGE_URL is unavailable: ConnectionError")


def test_doctor_reminds_of_counters_in_memory(flask: ForkedFlask) -> None:
    check = diagnose(flask, THROTTLE_STORAGE_URL="")["throttling"]
    assert check["outcome"] == "info"
    assert "by itself" in check["found"]
    assert "THROTTLE_STORAGE_URL" in check["remedy"]


def test_doctor_reports_whether_redis_is_available(flask: ForkedFlask) -> None:
    assert diagnose(flask)["throttling"]["outcome"] == "ok"
    unavailable = f"redis://:hunter2@127.0.0.1:{free_port()}"
    check = diagnose(flask, THROTTLE_STORAGE_URL=unavailable)["throttling"]
    assert (check["outcome"], "ConnectionError" in check["found"]) == ("failure", True)


@pytest.mark.parametrize(
    ("value", "found"),
    [("", "is not set"), ("2", "number 2 from the right"), ("10.0.0.0/8,::1", "not in 10.0.0.0/8, ::1/128")],
)
def test_doctor_explains_where_client_addresses_come_from(flask: ForkedFlask, value: str, found: str) -> None:
    assert found in diagnose(flask, TRUSTED_PROXIES=value)["proxies"]["found"]


def test_password_of_the_doctor_counts_like_a_login(flask: ForkedFlask) -> None:
    for _ in range(PER_PLACE):
        check = diagnose_password(flask, WRONG)
        assert "the password is wrong" in check
    assert "not tried, because logins of this user are refused" in diagnose_password(flask, ZOE.password)


def diagnose_password(flask: ForkedFlask, password: str) -> str:
    ended = flask("doctor", "--json", "--user", ZOE.email, "--password", stdin=f"{password}\n")
    return next(str(one["found"]) for one in json.loads(ended.stdout)["checks"] if one["step"] == "password")
