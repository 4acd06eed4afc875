"""`/.well-known/jwks.json`: the public keys, without authentication, and never a secret."""

import json
import shutil
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from app import create_app
from services.keys import reloading_directory
from services.keys.directory import KeyDirectory
from tests.support.stores import SECRET_KEY

PATH = "/.well-known/jwks.json"
PUBLIC = {"kty", "kid", "alg", "use", "crv", "x", "y", "n", "e"}
FALLBACKS = "o6Yb3KuMh8Wz1VnQe5Ls9RdTg2Xf7CpAj4Gi0Hkq,p2Rm8LsXv5Jt0QyWd7Hb3NzKc9Gf6EuBa1Ti4Voj"


@pytest.fixture(scope="module")
def shared_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a retired, a current and a next key, each for another algorithm."""
    directory = KeyDirectory(tmp_path_factory.mktemp("keys"))
    directory.add("ES256")
    directory.rotate(directory.add("EdDSA"))
    directory.add("RS256")
    return directory.path


@pytest.fixture
def directory(shared_directory: Path, tmp_path: Path) -> KeyDirectory:
    """A copy of that directory for each test."""
    return KeyDirectory(shutil.copytree(shared_directory, tmp_path / "keys"))


@pytest.fixture
def environ(static_environ: dict[str, str], directory: KeyDirectory) -> dict[str, str]:
    """A key directory, a secret and fallback secrets together."""
    secrets = {"SECRET_KEY": SECRET_KEY, "SECRET_KEY_FALLBACKS": FALLBACKS}
    return {**static_environ, **secrets, "SIGNING_KEYS_DIR": str(directory.path)}


@pytest.fixture
def client(environ: dict[str, str]) -> FlaskClient:
    return create_app(environ).test_client()


def published(client: FlaskClient) -> list[dict[str, str]]:
    """Return the keys in the key set."""
    body = client.get(PATH).get_json()
    assert set(body) == {"keys"}
    keys: list[dict[str, str]] = body["keys"]
    return keys


def test_next_current_and_retired_keys_are_published(client: FlaskClient, directory: KeyDirectory) -> None:
    keys = published(client)
    assert {key["kid"]: key["alg"] for key in keys} == {one.key.id: one.key.algorithm for one in directory.read()}
    assert {(key["kty"], key["alg"], key["use"]) for key in keys} == {
        ("RSA", "RS256", "sig"),
        ("EC", "ES256", "sig"),
        ("OKP", "EdDSA", "sig"),
    }


def test_no_symmetric_or_private_key_is_published(client: FlaskClient, directory: KeyDirectory) -> None:
    keys = published(client)
    assert {member for key in keys for member in key} <= PUBLIC
    assert len(keys) == 3
    shown = client.get(PATH).text
    pems = [line for path in directory.path.glob("*.pem") for line in path.read_text().splitlines()]
    assert [secret for secret in (SECRET_KEY, *FALLBACKS.split(","), *pems) if secret in shown] == []


@pytest.mark.parametrize("fallbacks", ["", FALLBACKS])
def test_key_set_is_empty_with_symmetric_keys_only(static_environ: dict[str, str], fallbacks: str) -> None:
    environ = {**static_environ, "SECRET_KEY": SECRET_KEY, "SECRET_KEY_FALLBACKS": fallbacks}
    response = create_app(environ).test_client().get(PATH)
    assert (response.status_code, response.get_json()) == (200, {"keys": []})


def test_key_set_is_cacheable_and_supports_conditional_requests(client: FlaskClient) -> None:
    first = client.get(PATH)
    assert (first.status_code, first.mimetype) == (200, "application/json")
    assert first.headers["Cache-Control"] == "public, max-age=300"
    tag = first.headers["ETag"]
    for value in (tag, f'"x", {tag}', f"W/{tag}", "*"):
        again = client.get(PATH, headers={"If-None-Match": value})
        assert (again.status_code, again.data) == (304, b"")
        assert (again.headers["ETag"], again.headers["Cache-Control"]) == (tag, "public, max-age=300")
    assert client.get(PATH, headers={"If-None-Match": '"another"'}).status_code == 200


def test_every_worker_returns_the_same_etag(client: FlaskClient, environ: dict[str, str]) -> None:
    other = create_app(environ).test_client()
    assert client.get(PATH).headers["ETag"] == other.get(PATH).headers["ETag"]
    assert client.get(PATH).data == other.get(PATH).data


def test_key_set_follows_the_key_directory(
    environ: dict[str, str], directory: KeyDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reloading_directory, "CHECK_INTERVAL_SECONDS", 0)
    client = create_app(environ).test_client()
    first = client.get(PATH)
    added = directory.add("EdDSA")
    second = client.get(PATH, headers={"If-None-Match": first.headers["ETag"]})
    assert second.status_code == 200
    assert added.key.id in {key["kid"] for key in second.get_json()["keys"]}
    retired = next(one for one in directory.read() if one.state == "retired")
    directory.remove(retired)
    assert retired.key.id not in {key["kid"] for key in published(client)}


def test_key_set_accepts_only_get(client: FlaskClient) -> None:
    assert [client.open(PATH, method=method).status_code for method in ("POST", "PUT", "DELETE", "PATCH")] == [405] * 4
    assert client.head(PATH).status_code == 200


def test_key_set_ignores_the_authorization_header(client: FlaskClient) -> None:
    assert client.get(PATH, headers={"Authorization": "Bearer junk"}).status_code == 200


def test_no_response_contains_the_path_of_the_keys(client: FlaskClient, directory: KeyDirectory) -> None:
    responses = [client.get(path) for path in (PATH, "/.well-known/oauth-authorization-server", "/.well-known/keys")]
    assert [response for response in responses if str(directory.path) in json.dumps(response.get_json())] == []
