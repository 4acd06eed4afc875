"""The login throttle counts no outage and no overload, and a throttled login asks no provider."""

from pathlib import Path

import pytest
from flask.testing import FlaskClient

from app import create_app
from services.context import services_of
from tests.servers.process import wait_until
from tests.support.stores import DEFAULT_LIMITS, SECRET_KEY, cheapest_hash, users_file
from tests.support.throttled_logins import OFFICE, PER_ADDRESS, PER_PLACE, WRONG, exhaust, log_in
from tests.support.users import SAMPLE_USERS, ZOE


@pytest.fixture
def users(tmp_path: Path) -> Path:
    """The users file of the service."""
    return tmp_path / "users.toml"


@pytest.fixture
def environ(users: Path) -> dict[str, str]:
    return {
        **users_file(users, SAMPLE_USERS, cheapest_hash),
        **DEFAULT_LIMITS,
        "SECRET_KEY": SECRET_KEY,
        "TRUSTED_PROXIES": "1",
    }


@pytest.fixture
def client(environ: dict[str, str]) -> FlaskClient:
    return create_app(environ).test_client()


def test_outage_is_never_counted(client: FlaskClient, users: Path) -> None:
    users.rename(users.with_suffix(".moved"))
    wait_until(lambda: log_in(client, ZOE.email, address=OFFICE).status_code == 503)
    statuses = {log_in(client, ZOE.email, ZOE.password).status_code for _ in range(PER_ADDRESS + 1)}
    assert statuses == {503}
    users.with_suffix(".moved").rename(users)
    wait_until(lambda: log_in(client, "somebody else", address=OFFICE).status_code == 400)
    assert log_in(client, ZOE.email, ZOE.password).status_code == 200
    assert [log_in(client, ZOE.email).status_code for _ in range(PER_PLACE)] == [400] * PER_PLACE


def test_overload_is_never_counted(environ: dict[str, str]) -> None:
    client = create_app({**environ, "LOGIN_CONCURRENCY": "1"}).test_client()
    with services_of(client.application).chain.logins:
        statuses = {log_in(client, ZOE.email, WRONG).status_code for _ in range(PER_ADDRESS + 1)}
    assert statuses == {503}
    assert log_in(client, ZOE.email, ZOE.password).status_code == 200


def test_throttled_login_asks_no_provider(client: FlaskClient, users: Path) -> None:
    exhaust(client, ZOE.email)
    users.unlink()
    wait_until(lambda: log_in(client, "somebody else").status_code == 503)
    assert log_in(client, ZOE.email).status_code == 429
