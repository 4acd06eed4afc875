"""PyJWT and the npm package jose verify tokens with the key set, for each algorithm and across a rotation."""

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import jwt
import pytest

from config.service_settings import TokenSettings
from services.keys.directory import KeyDirectory
from services.keys.pem import ALGORITHMS
from services.tokens.issuer import TokenIssuer
from tests.servers.gunicorn import gunicorn
from tests.servers.process import wait_until
from tests.support.stores import SECRET_KEY, keys_of
from tests.support.users import ZOE

HERE = Path(__file__).resolve().parent
KEY_SET = "/.well-known/jwks.json"
Reader = Callable[[str], dict[str, Any] | None]
"""Returns the claims of a token; `None` if the library rejects it."""


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> KeyDirectory:
    """A key directory with one key, to which each test adds the keys that it needs."""
    keys = KeyDirectory(tmp_path_factory.mktemp("keys"))
    keys.add("ES256")
    return keys


@pytest.fixture(scope="module")
def url(static_environ: dict[str, str], directory: KeyDirectory) -> Iterator[str]:
    """The URL of a server with these keys."""
    with gunicorn({**static_environ, "DATABASE_URL": "", "SIGNING_KEYS_DIR": str(directory.path)}) as address:
        yield address


def pyjwt(url: str, cooldown: int) -> Reader:
    client = jwt.PyJWKClient(f"{url}{KEY_SET}", cooldown_duration=cooldown)

    def read(token: str) -> dict[str, Any] | None:
        try:
            key = client.get_signing_key_from_jwt(token)
            algorithms = list(ALGORITHMS)
            claims: dict[str, Any] = jwt.decode(token, key, algorithms, issuer="latchkey", audience="latchkey")
        except (jwt.InvalidTokenError, jwt.PyJWKClientError):
            return None
        return claims

    return read


@contextmanager
def jose(url: str, cooldown: int) -> Iterator[Reader]:
    command = ["node", str(HERE / "verify.mjs"), f"{url}{KEY_SET}", str(cooldown)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin
        assert process.stdout
        tokens, responses = process.stdin, process.stdout

        def read(token: str) -> dict[str, Any] | None:
            tokens.write(f"{token}\n")
            tokens.flush()
            found = json.loads(responses.readline())
            assert set(found) < {"claims", "rejected"}
            claims: dict[str, Any] | None = found.get("claims")
            return claims

        yield read
        tokens.close()
        assert process.wait(60) == 0


@pytest.fixture
def readers(url: str, request: pytest.FixtureRequest) -> Iterator[list[Reader]]:
    """Clients with an empty cache, which fetch the key set at most once in 30 seconds, or as the test sets it."""
    cooldown = getattr(request, "param", 30)
    with jose(url, cooldown) as node:
        yield [pyjwt(url, cooldown), node]


def log_in(url: str) -> str:
    """Return a new access token."""
    body = json.dumps({"email": ZOE.email, "password": ZOE.password}).encode()
    request = Request(f"{url}/api/auth", body, {"Content-Type": "application/json"})  # noqa: S310 - the server of this test
    with urlopen(request, timeout=60) as response:  # noqa: S310
        token: str = json.load(response)["data"]
    return token


def key_of(token: str) -> str:
    key_id: str = jwt.get_unverified_header(token)["kid"]
    return key_id


def signed_by(url: str, key_id: str) -> str:
    """Return an access token signed with this key, as soon as the server uses it."""
    tokens: list[str] = []

    def signs() -> bool:
        tokens.append(log_in(url))
        return key_of(tokens[-1]) == key_id

    wait_until(signs)
    return tokens[-1]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_libraries_accept_tokens_of_each_algorithm(
    url: str, directory: KeyDirectory, readers: list[Reader], algorithm: str
) -> None:
    added = directory.add(algorithm)
    directory.rotate(added)
    token = signed_by(url, added.key.id)
    assert jwt.get_unverified_header(token) == {"alg": algorithm, "typ": "at+jwt", "kid": added.key.id}
    for read in readers:
        claims = read(token)
        assert claims
        assert (claims["sub"], claims["roles"], claims["email"]) == (ZOE.username, list(ZOE.roles), ZOE.email)


def published(url: str, key_id: str) -> bool:
    """Return whether a key is in the key set."""
    with urlopen(f"{url}{KEY_SET}", timeout=60) as response:  # noqa: S310 - the server of this test
        return key_id in {key["kid"] for key in json.load(response)["keys"]}


def test_libraries_accept_a_rotation_to_a_published_key(
    url: str, directory: KeyDirectory, readers: list[Reader]
) -> None:
    added = directory.add("EdDSA")
    wait_until(lambda: published(url, added.key.id))
    before = log_in(url)
    assert key_of(before) != added.key.id
    # From now on, both libraries have the key set in their cache.
    assert [bool(read(before)) for read in readers] == [True, True]
    directory.rotate(added)
    after = signed_by(url, added.key.id)
    assert [bool(read(token)) for read in readers for token in (after, before)] == [True] * 4


@pytest.mark.parametrize("readers", [0], indirect=True)
def test_libraries_fetch_the_key_set_again_for_an_unknown_key(
    url: str, directory: KeyDirectory, readers: list[Reader]
) -> None:
    before = log_in(url)
    assert [bool(read(before)) for read in readers] == [True, True]
    added = directory.add("ES256")
    directory.rotate(added)
    after = signed_by(url, added.key.id)
    assert [bool(read(token)) for read in readers for token in (after, before)] == [True] * 4


def test_libraries_reject_forged_tokens(url: str, readers: list[Reader]) -> None:
    valid = log_in(url)
    first, claims, signature = valid.split(".")
    other = log_in(url).split(".")
    symmetric = TokenIssuer(keys_of({"SECRET_KEY": SECRET_KEY}), TokenSettings.read({})).generate({"username": "zoé"})
    forged = [f"{first}.{other[1]}.{signature}", f"{first}.{claims}.{other[2]}", symmetric, "junk"]
    for read in readers:
        assert [read(token) for token in forged] == [None] * len(forged)
        assert read(valid)
