"""`/.well-known/jwks.json`: the public keys, for anybody, and never a secret."""

import json
import shutil
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from app import create_app
from services.keys import sources as key_sources
from services.keys.directory import KeyDirectory
from tests.support.stores import SECRET_KEY

PATH = "/.well-known/jwks.json"
PUBLIC = {"kty", "kid", "alg", "use", "crv", "x", "y", "n", "e"}
FALLBACKS = f"{'o' * 40},{'p' * 40}"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a retired, a current and a next key, of each algorithm one."""
    folder = KeyDirectory(tmp_path_factory.mktemp("keys"))
    folder.add("ES256")
    folder.rotate(folder.add("EdDSA"))
    folder.add("RS256")
    return folder.path


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> KeyDirectory:
    """A copy of its own of that folder."""
    return KeyDirectory(shutil.copytree(made, tmp_path / "keys"))


@pytest.fixture
def environ(static_environ: dict[str, str], folder: KeyDirectory) -> dict[str, str]:
    """All that verifies at once: a folder, a secret, and secrets from before."""
    secrets = {"SECRET_KEY": SECRET_KEY, "SECRET_KEY_FALLBACKS": FALLBACKS}
    return {**static_environ, **secrets, "SIGNING_KEYS_DIR": str(folder.path)}


@pytest.fixture
def client(environ: dict[str, str]) -> FlaskClient:
    return create_app(environ).test_client()


def published(client: FlaskClient) -> list[dict[str, str]]:
    """Return the keys."""
    body = client.get(PATH).get_json()
    assert set(body) == {"keys"}
    keys: list[dict[str, str]] = body["keys"]
    return keys


def test_the_next_the_current_and_the_retired_key_are_published(client: FlaskClient, folder: KeyDirectory) -> None:
    keys = published(client)
    assert {key["kid"]: key["alg"] for key in keys} == {one.key.id: one.key.algorithm for one in folder.read()}
    assert {(key["kty"], key["alg"], key["use"]) for key in keys} == {
        ("RSA", "RS256", "sig"),
        ("EC", "ES256", "sig"),
        ("OKP", "EdDSA", "sig"),
    }


def test_nothing_symmetric_or_private_is_published(client: FlaskClient, folder: KeyDirectory) -> None:
    keys = published(client)
    assert {member for key in keys for member in key} <= PUBLIC
    assert len(keys) == 3
    shown = client.get(PATH).text
    pems = [line for path in folder.path.glob("*.pem") for line in path.read_text().splitlines()]
    assert [secret for secret in (SECRET_KEY, *FALLBACKS.split(","), *pems) if secret in shown] == []


@pytest.mark.parametrize("fallbacks", ["", FALLBACKS])
def test_with_secrets_alone_there_is_nothing_to_publish(static_environ: dict[str, str], fallbacks: str) -> None:
    environ = {**static_environ, "SECRET_KEY": SECRET_KEY, "SECRET_KEY_FALLBACKS": fallbacks}
    response = create_app(environ).test_client().get(PATH)
    assert (response.status_code, response.get_json()) == (200, {"keys": []})


def test_others_may_keep_it_for_a_while_and_ask_whether_it_has_changed(client: FlaskClient) -> None:
    first = client.get(PATH)
    assert (first.status_code, first.mimetype) == (200, "application/json")
    assert first.headers["Cache-Control"] == "public, max-age=300"
    tag = first.headers["ETag"]
    for value in (tag, f'"x", {tag}', f"W/{tag}", "*"):
        again = client.get(PATH, headers={"If-None-Match": value})
        assert (again.status_code, again.data) == (304, b"")
        assert (again.headers["ETag"], again.headers["Cache-Control"]) == (tag, "public, max-age=300")
    assert client.get(PATH, headers={"If-None-Match": '"another"'}).status_code == 200


def test_every_worker_has_the_same_tag(client: FlaskClient, environ: dict[str, str]) -> None:
    other = create_app(environ).test_client()
    assert client.get(PATH).headers["ETag"] == other.get(PATH).headers["ETag"]
    assert client.get(PATH).data == other.get(PATH).data


def test_a_change_of_the_folder_changes_the_answer(
    environ: dict[str, str], folder: KeyDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_sources, "CHECK_INTERVAL_SECONDS", 0)
    client = create_app(environ).test_client()
    first = client.get(PATH)
    made = folder.add("EdDSA")
    second = client.get(PATH, headers={"If-None-Match": first.headers["ETag"]})
    assert second.status_code == 200
    assert made.key.id in {key["kid"] for key in second.get_json()["keys"]}
    retired = next(one for one in folder.read() if one.state == "retired")
    folder.remove(retired)
    assert retired.key.id not in {key["kid"] for key in published(client)}


def test_it_can_only_be_read(client: FlaskClient) -> None:
    assert [client.open(PATH, method=method).status_code for method in ("POST", "PUT", "DELETE", "PATCH")] == [405] * 4
    assert client.head(PATH).status_code == 200


def test_it_asks_for_no_token_and_looks_at_none(client: FlaskClient) -> None:
    assert client.get(PATH, headers={"Authorization": "Bearer junk"}).status_code == 200


def test_no_answer_of_ours_shows_where_the_keys_are(client: FlaskClient, folder: KeyDirectory) -> None:
    responses = [client.get(path) for path in (PATH, "/.well-known/oauth-authorization-server", "/.well-known/keys")]
    assert [response for response in responses if str(folder.path) in json.dumps(response.get_json())] == []
