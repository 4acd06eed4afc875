"""Keys change while clients are at it without pause, and none of them notices."""

import json
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import jwt
import pytest

from app import create_app
from cli.keys import PROPAGATION_DELAY
from services.keys.directory import KeyDirectory
from tests.servers.gunicorn import gunicorn
from tests.servers.process import wait_until
from tests.support.flask_program import FlaskProgram
from tests.support.users import ZOE

CLIENTS = 3
CALLS = 6  # with each token
LOG_FORMAT = "%(p)s %({x-login}i)s"
PATIENCE = 120


def ask(url: str, login: str, token: str = "", body: object = None) -> tuple[int, dict[str, Any]]:
    """Return the status of an answer, and its body."""
    headers = {"Content-Type": "application/json", "X-Login": login, "Authorization": f"Bearer {token}"}
    data = json.dumps(body).encode() if body else None
    request = Request(url, data, headers)  # noqa: S310 - our own server
    try:
        with urlopen(request, timeout=60) as answer:  # noqa: S310
            return answer.status, json.load(answer)
    except HTTPError as error:
        with error:
            return error.code, json.load(error)


def log_in(url: str, login: str = "-") -> str:
    """Return a new access token."""
    status, body = ask(f"{url}/api/auth", login, body={"email": ZOE.email, "password": ZOE.password})
    assert status == 200, body
    token: str = body["data"]
    return token


def key_of(token: str) -> str:
    key_id: str = jwt.get_unverified_header(token)["kid"]
    return key_id


class Load:
    """Clients that log in and call a guarded route, over and over, and what they met."""

    def __init__(self, url: str, log: Path) -> None:
        self._url = url
        self._log = log
        self._done = Event()
        self._keys: dict[str, str] = {}
        self._began = [0.0] * CLIENTS
        self.refusals: list[dict[str, Any]] = []

    @contextmanager
    def running(self) -> Iterator["Load"]:
        """Let the clients run; on leaving, what stopped one of them is raised."""
        with ThreadPoolExecutor(CLIENTS) as threads:
            clients = [threads.submit(self._client, number) for number in range(CLIENTS)]
            try:
                yield self
            finally:
                self._done.set()
        for client in clients:
            client.result()

    def wait_for_pairs(self, key_id: str) -> None:
        """Wait until each worker has signed with this key, and each has taken the tokens of each."""
        wait_until(lambda: self._pairs(key_id) == 4 or bool(self.refusals), PATIENCE)

    def wait_for_new_logins(self, since: float) -> None:
        """Wait until no client uses a token of a login that began before."""
        wait_until(lambda: min(self._began) > since or bool(self.refusals), PATIENCE)

    def _client(self, number: int) -> None:
        count = 0
        while not self._done.is_set():
            login, began, count = f"{number}-{count}", time.monotonic(), count + 1
            token = log_in(self._url, login)
            self._keys[login] = key_of(token)
            self._began[number] = began
            for _ in range(CALLS):
                status, body = ask(f"{self._url}/api/protected_route", login, token)
                if status != 200:
                    self.refusals.append(body)

    def _pairs(self, key_id: str) -> int:
        """Count the workers that signed with this key, each with the workers that took such a token."""
        made: dict[str, str] = {}
        pairs = Counter[tuple[str, str]]()
        for line in self._log.read_text().splitlines():
            worker, login = line.split()
            if login in made:
                pairs[made[login], worker] += 1
            elif self._keys.get(login) == key_id:
                made[login] = worker
        return len(pairs)


@pytest.fixture
def flask(tmp_path: Path) -> FlaskProgram:
    """The program on a folder for keys."""
    return FlaskProgram(tmp_path, SIGNING_KEYS_DIR=str(tmp_path / "keys"), SECRET_KEY="", JWT_LIFETIME_MINUTES="60")


def test_no_token_is_refused_while_keys_come_and_go(
    tmp_path: Path, static_environ: dict[str, str], flask: FlaskProgram
) -> None:
    def keys(*arguments: str) -> str:
        ended = flask("keys", *arguments)
        assert ended.returncode == 0, ended.stderr
        return next(one.key.id for one in KeyDirectory(tmp_path / "keys").read() if one.state == "current")

    first = keys("generate")
    options = f"--access-logfile {tmp_path}/log --access-logformat '{LOG_FORMAT}'"
    environ = {**static_environ, "DATABASE_URL": "", "SIGNING_KEYS_DIR": str(tmp_path / "keys")}
    with (
        gunicorn({**environ, "GUNICORN_CMD_ARGS": options}, workers=2) as url,
        Load(url, tmp_path / "log").running() as load,
    ):
        load.wait_for_pairs(first)
        keys("generate", "--algorithm", "EdDSA")
        second = keys("rotate")
        rotated = time.monotonic()
        load.wait_for_pairs(second)
        keys("generate")
        third = keys("rotate")
        load.wait_for_pairs(third)
        load.wait_for_new_logins(rotated + PROPAGATION_DELAY.total_seconds())
        assert keys("retire", first, "--force") == third
        load.wait_for_new_logins(time.monotonic())
    assert load.refusals == []
    assert len({first, second, third}) == 3


def test_a_secret_and_then_a_folder_take_over_by_restart(static_environ: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir()
    key = KeyDirectory(tmp_path / "keys").add("EdDSA").key
    old, new, folder = {"SECRET_KEY": "o" * 40}, {"SECRET_KEY": "n" * 40}, {"SIGNING_KEYS_DIR": str(tmp_path / "keys")}
    fallback = {"SECRET_KEY_FALLBACKS": "o" * 40}
    tokens: list[str] = []
    for environ in (old, {**new, **fallback}, {**folder, **new, **fallback}):
        with gunicorn({**static_environ, "DATABASE_URL": "", **environ}) as url:
            tokens.append(log_in(url))
            assert [ask(f"{url}/api/protected_route", "-", token)[0] for token in tokens] == [200] * len(tokens)
    assert len(set(map(key_of, tokens))) == 3
    assert key_of(tokens[-1]) == key.id
    alone = create_app({**static_environ, **folder}).test_client()
    headers = [{"Authorization": f"Bearer {token}"} for token in tokens]
    assert [alone.get("/api/protected_route", headers=one).status_code for one in headers] == [401, 401, 200]
