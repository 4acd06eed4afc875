"""A key whose file is deleted neither signs nor verifies, even if the directory is otherwise unusable."""

import logging
from collections.abc import Callable
from pathlib import Path
from time import monotonic

import pytest
from flask.testing import FlaskClient

from app import create_app
from config.errors import ConfigurationError
from config.reloading import MAX_OUTAGE_SECONDS
from services.context import services_of
from services.keys.directory import STATES_FILE, KeyDirectory, StoredKey
from tests.support.users import ZOE

SECRET = "Hm3qv0sXw8R1ytKZ5uJcBn7oEaLd2GfP"
Damage = Callable[[Path], object]


@pytest.fixture
def directory(tmp_path: Path) -> KeyDirectory:
    """A key directory with a retired, a current and a next key."""
    (tmp_path / "keys").mkdir()
    directory = KeyDirectory(tmp_path / "keys")
    directory.add("EdDSA")
    directory.rotate(directory.add("EdDSA"))
    directory.add("EdDSA")
    return directory


@pytest.fixture
def client(directory: KeyDirectory, static_environ: dict[str, str]) -> FlaskClient:
    return create_app({**static_environ, "SIGNING_KEYS_DIR": str(directory.path)}).test_client()


def the(state: str, directory: KeyDirectory) -> StoredKey:
    (stored,) = [stored for stored in directory.read_remaining() if stored.state == state]
    return stored


def log_in(client: FlaskClient) -> str:
    token: str = client.post("/api/auth", json={"email": ZOE.email, "password": ZOE.password}).get_json()["data"]
    return token


def check_directory(client: FlaskClient) -> None:
    """Check the directory now, and not within a second."""
    services_of(client.application).keys.ring(newest=True)


def guarded_route(client: FlaskClient, token: str) -> int:
    return client.get("/api/protected_route", headers={"Authorization": f"Bearer {token}"}).status_code


def login_status(client: FlaskClient) -> tuple[int, str | None]:
    response = client.post("/api/auth", json={"email": ZOE.email, "password": ZOE.password})
    return response.status_code, response.get_json().get("code")


def published(client: FlaskClient) -> set[str]:
    return {key["kid"] for key in client.get("/.well-known/jwks.json").get_json()["keys"]}


def test_deleted_current_key_neither_signs_nor_verifies(directory: KeyDirectory, client: FlaskClient) -> None:
    leaked, token = the("current", directory), log_in(client)
    leaked.path.unlink()
    check_directory(client)
    assert guarded_route(client, token) == 401
    assert login_status(client) == (503, "keys_unavailable")
    assert published(client) == {stored.key.id for stored in directory.read_remaining()}
    assert leaked.key.id not in published(client)


def test_deleted_key_ends_within_the_check_interval(
    directory: KeyDirectory, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = log_in(client)
    the("current", directory).path.unlink()
    monkeypatch.setattr("config.reloading.monotonic", lambda: monotonic() + 1.0)
    assert guarded_route(client, token) == 401


def test_other_keys_verify_after_the_current_key_was_deleted(directory: KeyDirectory, client: FlaskClient) -> None:
    before = log_in(client)
    directory.rotate(the("next", directory))
    check_directory(client)
    after = log_in(client)
    the("current", directory).path.unlink()
    check_directory(client)
    assert [guarded_route(client, token) for token in (before, after)] == [200, 401]


def test_next_key_signs_after_a_rotation_replaces_the_deleted_key(directory: KeyDirectory, client: FlaskClient) -> None:
    token = log_in(client)
    the("current", directory).path.unlink()
    check_directory(client)
    directory.rotate(the("next", directory))
    check_directory(client)
    assert guarded_route(client, log_in(client)) == 200
    assert guarded_route(client, token) == 401


def test_restored_key_signs_and_verifies_again(directory: KeyDirectory, client: FlaskClient) -> None:
    token, path = log_in(client), the("current", directory).path
    path.rename(path.with_suffix(".away"))
    check_directory(client)
    assert login_status(client)[0] == 503
    path.with_suffix(".away").rename(path)
    check_directory(client)
    assert guarded_route(client, token) == 200
    assert login_status(client) == (200, None)


def _write_junk_states(path: Path) -> None:
    (path / STATES_FILE).write_text("junk")


def _add_a_junk_key(path: Path) -> None:
    (path / "junk.pem").write_text("junk")
    (path / "junk.pem").chmod(0o600)


def _expose_another_key(path: Path) -> None:
    the("retired", KeyDirectory(path)).path.chmod(0o644)


def _delete_states(path: Path) -> None:
    (path / STATES_FILE).unlink()


@pytest.mark.parametrize("damage", [_write_junk_states, _add_a_junk_key, _expose_another_key, _delete_states])
def test_deleted_key_ends_although_the_rest_of_the_directory_is_unusable(
    directory: KeyDirectory, client: FlaskClient, damage: Damage
) -> None:
    before, other = log_in(client), the("next", directory).key.id
    leaked = the("current", directory)
    damage(directory.path)
    leaked.path.unlink()
    check_directory(client)
    assert guarded_route(client, before) == 401
    assert login_status(client)[0] == 503
    assert other in published(client)
    assert leaked.key.id not in published(client)


@pytest.mark.parametrize("content", [b"", b"\0" * 241, b"another file"])
def test_overwritten_key_neither_signs_nor_verifies(
    directory: KeyDirectory, client: FlaskClient, content: bytes
) -> None:
    token = log_in(client)
    the("current", directory).path.write_bytes(content)
    check_directory(client)
    assert guarded_route(client, token) == 401
    assert login_status(client)[0] == 503


def test_dangling_link_in_place_of_a_key_ends_it(directory: KeyDirectory, client: FlaskClient) -> None:
    token, path = log_in(client), the("current", directory).path
    path.unlink()
    path.symlink_to("gone")
    check_directory(client)
    assert guarded_route(client, token) == 401


@pytest.mark.parametrize("only_keys", [True, False])
def test_empty_directory_signs_and_verifies_nothing(
    directory: KeyDirectory, client: FlaskClient, only_keys: bool
) -> None:
    token = log_in(client)
    for file in directory.path.iterdir():
        if file.suffix == ".pem" or not only_keys:
            file.unlink()
    check_directory(client)
    assert guarded_route(client, token) == 401
    assert login_status(client) == (503, "keys_unavailable")
    assert published(client) == set()


def test_secret_still_verifies_after_all_keys_were_deleted(
    directory: KeyDirectory, static_environ: dict[str, str]
) -> None:
    token = log_in(create_app({**static_environ, "SECRET_KEY": SECRET}).test_client())
    environ = {**static_environ, "SECRET_KEY": SECRET, "SIGNING_KEYS_DIR": str(directory.path)}
    client = create_app(environ).test_client()
    for file in directory.path.iterdir():
        file.unlink()
    check_directory(client)
    assert guarded_route(client, token) == 200
    assert login_status(client)[0] == 503


def test_deleted_current_key_is_logged_once_with_the_command_to_run(
    directory: KeyDirectory, client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    the("current", directory).path.unlink()
    for _ in range(3):
        check_directory(client)
    (message,) = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert message == (
        "SIGNING_KEYS_DIR cannot be reloaded, so the last valid version stays in use without the deleted files: "
        "SIGNING_KEYS_DIR, states.json names a current key that is missing, so no key signs. Run: flask keys rotate."
    )


@pytest.mark.parametrize("moved", ["the directory", "its parent"])
def test_inaccessible_directory_is_an_outage_and_not_a_deletion(
    directory: KeyDirectory, client: FlaskClient, monkeypatch: pytest.MonkeyPatch, moved: str
) -> None:
    token = log_in(client)
    path = directory.path if moved == "the directory" else directory.path.parent
    path.rename(path.with_name("away"))
    try:
        check_directory(client)
        assert guarded_route(client, token) == 200
        monkeypatch.setattr("config.reloading.monotonic", lambda: monotonic() + MAX_OUTAGE_SECONDS + 1)
        assert guarded_route(client, token) == 503
        assert login_status(client) == (503, "keys_unavailable")
        assert client.get("/.well-known/jwks.json").status_code == 503
    finally:
        path.with_name("away").rename(path)
    check_directory(client)
    assert guarded_route(client, token) == 200


def test_service_does_not_start_without_its_current_key(
    directory: KeyDirectory, static_environ: dict[str, str]
) -> None:
    the("current", directory).path.unlink()
    with pytest.raises(ConfigurationError, match=r"names a current key that is missing.* Run: flask keys rotate\."):
        create_app({**static_environ, "SIGNING_KEYS_DIR": str(directory.path)})


def test_refresh_without_a_current_key_does_not_spend_the_refresh_token(
    directory: KeyDirectory, sqlite_environ: dict[str, str]
) -> None:
    client = create_app({**sqlite_environ, "SIGNING_KEYS_DIR": str(directory.path)}).test_client()
    login = client.post("/api/auth", json={"email": ZOE.email, "password": ZOE.password}).get_json()
    body = {"refresh_token": login["refresh_token"]}
    path = the("current", directory).path
    path.rename(path.with_suffix(".away"))
    check_directory(client)
    assert client.post("/api/auth/refresh", json=body).get_json()["code"] == "keys_unavailable"
    path.with_suffix(".away").rename(path)
    check_directory(client)
    assert client.post("/api/auth/refresh", json=body).status_code == 200
