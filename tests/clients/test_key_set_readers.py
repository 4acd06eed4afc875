"""PyJWT and the npm package jose check our tokens by the key set, for each algorithm and across a rotation."""

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
"""Returns the claims of a token, `None` if it is refused."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> KeyDirectory:
    """A folder with a key, in which each test makes the keys that it needs."""
    made = KeyDirectory(tmp_path_factory.mktemp("keys"))
    made.add("ES256")
    return made


@pytest.fixture(scope="module")
def url(static_environ: dict[str, str], folder: KeyDirectory) -> Iterator[str]:
    """The address of a server with these keys."""
    with gunicorn({**static_environ, "DATABASE_URL": "", "SIGNING_KEYS_DIR": str(folder.path)}) as address:
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
            assert set(found) < {"claims", "refused"}
            claims: dict[str, Any] | None = found.get("claims")
            return claims

        yield read
        tokens.close()
        assert process.wait(20) == 0


@pytest.fixture
def readers(url: str, request: pytest.FixtureRequest) -> Iterator[list[Reader]]:
    """Clients that have fetched nothing yet, and fetch at most twice a minute unless the test has another parameter."""
    cooldown = getattr(request, "param", 30)
    with jose(url, cooldown) as node:
        yield [pyjwt(url, cooldown), node]


def log_in(url: str) -> str:
    """Return a new access token."""
    body = json.dumps({"email": ZOE.email, "password": ZOE.password}).encode()
    request = Request(f"{url}/api/auth", body, {"Content-Type": "application/json"})  # noqa: S310 - our own server
    with urlopen(request, timeout=60) as response:  # noqa: S310
        token: str = json.load(response)["data"]
    return token


def key_of(token: str) -> str:
    key_id: str = jwt.get_unverified_header(token)["kid"]
    return key_id


def signed_by(url: str, key_id: str) -> str:
    """Return an access token that was signed by this key, as soon as the server does so."""
    tokens: list[str] = []

    def signs() -> bool:
        tokens.append(log_in(url))
        return key_of(tokens[-1]) == key_id

    wait_until(signs)
    return tokens[-1]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_libraries_accept_tokens_of_each_algorithm(
    url: str, folder: KeyDirectory, readers: list[Reader], algorithm: str
) -> None:
    made = folder.add(algorithm)
    folder.rotate(made)
    token = signed_by(url, made.key.id)
    assert jwt.get_unverified_header(token) == {"alg": algorithm, "typ": "at+jwt", "kid": made.key.id}
    for read in readers:
        claims = read(token)
        assert claims
        assert (claims["sub"], claims["roles"], claims["email"]) == (ZOE.username, list(ZOE.roles), ZOE.email)


def published(url: str, key_id: str) -> bool:
    """Say whether a key is in the key set."""
    with urlopen(f"{url}{KEY_SET}", timeout=60) as response:  # noqa: S310 - our own server
        return key_id in {key["kid"] for key in json.load(response)["keys"]}


def test_libraries_accept_a_rotation_to_a_published_key(url: str, folder: KeyDirectory, readers: list[Reader]) -> None:
    made = folder.add("EdDSA")
    wait_until(lambda: published(url, made.key.id))
    before = log_in(url)
    assert key_of(before) != made.key.id
    assert [bool(read(before)) for read in readers] == [True, True]  # by the key set that they keep from now on
    folder.rotate(made)
    after = signed_by(url, made.key.id)
    assert [bool(read(token)) for read in readers for token in (after, before)] == [True] * 4


@pytest.mark.parametrize("readers", [0], indirect=True)
def test_libraries_fetch_the_key_set_again_for_an_unknown_key(
    url: str, folder: KeyDirectory, readers: list[Reader]
) -> None:
    before = log_in(url)
    assert [bool(read(before)) for read in readers] == [True, True]
    made = folder.add("ES256")
    folder.rotate(made)
    after = signed_by(url, made.key.id)
    assert [bool(read(token)) for read in readers for token in (after, before)] == [True] * 4


def test_libraries_reject_forged_tokens(url: str, readers: list[Reader]) -> None:
    good = log_in(url)
    first, second, signature = good.split(".")
    other = log_in(url).split(".")
    secret = TokenIssuer(keys_of({"SECRET_KEY": SECRET_KEY}), TokenSettings.read({})).generate({"username": "zoé"})
    bad = [f"{first}.{other[1]}.{signature}", f"{first}.{second}.{other[2]}", secret, "junk"]
    for read in readers:
        assert [read(token) for token in bad] == [None] * len(bad)
        assert read(good)
