"""Keys are rotated while clients use the service without a pause: no request fails."""

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
from tests.support.fork_server import ForkServer
from tests.support.forked_flask import ForkedFlask
from tests.support.users import ZOE

OLD = "o6Yb3KuMh8Wz1VnQe5Ls9RdTg2Xf7CpAj4Gi0Hkq"
NEW = "n1Xw7TqZk4Bv9GsLr2Hy6DmPf8Jc3UaEo5Wi0Rtx"
"""Two values of SECRET_KEY."""

CLIENTS = 3
CALLS_PER_TOKEN = 6
LOG_FORMAT = "%(p)s %({x-login}i)s"
WAIT_SECONDS = 120


def call(url: str, login: str, token: str = "", body: object = None) -> tuple[int, dict[str, Any]]:
    """Return the status and the body of the response."""
    headers = {"Content-Type": "application/json", "X-Login": login, "Authorization": f"Bearer {token}"}
    data = json.dumps(body).encode() if body else None
    request = Request(url, data, headers)  # noqa: S310 - the test's own server
    try:
        with urlopen(request, timeout=60) as response:  # noqa: S310
            return response.status, json.load(response)
    except HTTPError as error:
        with error:
            return error.code, json.load(error)


def log_in(url: str, login: str = "-") -> str:
    """Return a new access token."""
    status, body = call(f"{url}/api/auth", login, body={"email": ZOE.email, "password": ZOE.password})
    assert status == 200, body
    token: str = body["data"]
    return token


def key_of(token: str) -> str:
    key_id: str = jwt.get_unverified_header(token)["kid"]
    return key_id


class Load:
    """Clients that log in and call a guarded route repeatedly, and the rejections that they receive."""

    def __init__(self, url: str, log: Path) -> None:
        self._url = url
        self._log = log
        self._done = Event()
        self._keys: dict[str, str] = {}
        self._started_at = [0.0] * CLIENTS
        self.rejections: list[dict[str, Any]] = []

    @contextmanager
    def running(self) -> Iterator["Load"]:
        """Run the clients until the context ends, and raise the exception of a client that failed."""
        with ThreadPoolExecutor(CLIENTS) as threads:
            clients = [threads.submit(self._client, number) for number in range(CLIENTS)]
            try:
                yield self
            finally:
                self._done.set()
        for client in clients:
            client.result()

    def wait_for_pairs(self, key_id: str) -> None:
        """Wait until each worker has signed with this key, and each has accepted a token of each."""
        wait_until(lambda: self._pairs(key_id) == 4 or bool(self.rejections), WAIT_SECONDS)

    def wait_for_new_logins(self, since: float) -> None:
        """Wait until no client uses a token of an earlier login."""
        wait_until(lambda: min(self._started_at) > since or bool(self.rejections), WAIT_SECONDS)

    def _client(self, number: int) -> None:
        count = 0
        while not self._done.is_set():
            login, started_at, count = f"{number}-{count}", time.monotonic(), count + 1
            token = log_in(self._url, login)
            self._keys[login] = key_of(token)
            self._started_at[number] = started_at
            for _ in range(CALLS_PER_TOKEN):
                status, body = call(f"{self._url}/api/protected_route", login, token)
                if status != 200:
                    self.rejections.append(body)

    def _pairs(self, key_id: str) -> int:
        """Count the pairs of a worker that signed with this key and a worker that accepted its token."""
        signers: dict[str, str] = {}
        pairs = Counter[tuple[str, str]]()
        for line in self._log.read_text().splitlines():
            worker, login = line.split()
            if login in signers:
                pairs[signers[login], worker] += 1
            elif self._keys.get(login) == key_id:
                signers[login] = worker
        return len(pairs)


@pytest.fixture
def flask(fork_server: ForkServer, tmp_path: Path) -> ForkedFlask:
    """The `flask` program with a key directory."""
    return ForkedFlask(
        fork_server, tmp_path, SIGNING_KEYS_DIR=str(tmp_path / "keys"), SECRET_KEY="", JWT_LIFETIME_MINUTES="60"
    )


def test_rotations_reject_no_token(tmp_path: Path, static_environ: dict[str, str], flask: ForkedFlask) -> None:
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
    assert load.rejections == []
    assert len({first, second, third}) == 3


def test_deleted_key_ends_in_every_worker(tmp_path: Path, static_environ: dict[str, str], flask: ForkedFlask) -> None:
    assert flask("keys", "generate").returncode == 0
    log = tmp_path / "log"
    options = f"--access-logfile {log} --access-logformat '{LOG_FORMAT}'"
    environ = {**static_environ, "DATABASE_URL": "", "SIGNING_KEYS_DIR": str(tmp_path / "keys")}
    with gunicorn({**environ, "GUNICORN_CMD_ARGS": options}, workers=2) as url:
        token = log_in(url)

        def workers(label: str) -> int:
            return len({line for line in log.read_text().splitlines() if line.endswith(f" {label}")})

        def both_workers_started() -> bool:
            assert call(f"{url}/api/protected_route", "before", token)[0] == 200
            return workers("before") == 2

        wait_until(both_workers_started, WAIT_SECONDS)  # a worker does not start without a key
        (key,) = (tmp_path / "keys").glob("*.pem")
        key.unlink()
        late, accepted = time.monotonic() + PROPAGATION_DELAY.total_seconds(), []

        def both_workers_answer() -> bool:
            label = "late" if time.monotonic() > late else "early"
            accepted.append((label, call(f"{url}/api/protected_route", label, token)[0]))
            return workers("late") == 2

        wait_until(both_workers_answer, WAIT_SECONDS)
        assert call(f"{url}/api/auth", "-", body={"email": ZOE.email, "password": ZOE.password})[0] == 503
    assert {status for label, status in accepted if label == "late"} == {401}


def test_running_service_notices_neither_another_secret_nor_its_first_directory_until_it_restarts(
    static_environ: dict[str, str], tmp_path: Path, flask: ForkedFlask
) -> None:
    secret = tmp_path / "secret"
    new = {"SECRET_KEY": "", "SECRET_KEY_FILE": str(secret)}
    secret.write_text(OLD)
    secret.chmod(0o600)
    environ = {**static_environ, "DATABASE_URL": "", **new}
    with gunicorn(environ) as url:
        token = log_in(url)
        secret.write_text(NEW)
        assert flask("keys", "generate").returncode == 0
        time.sleep(PROPAGATION_DELAY.total_seconds())
        assert key_of(log_in(url)) == key_of(token)
        assert call(f"{url}/api/protected_route", "-", token)[0] == 200
    with gunicorn(environ) as url:
        assert key_of(log_in(url)) != key_of(token)
        assert call(f"{url}/api/protected_route", "-", token)[0] == 401


def test_first_step_with_the_new_secret_as_a_fallback_lets_replicas_restart_one_after_the_other(
    static_environ: dict[str, str],
) -> None:
    steps = [(OLD, ""), (OLD, NEW), (NEW, OLD), (NEW, "")]
    replicas = [
        create_app({**static_environ, "SECRET_KEY": secret, "SECRET_KEY_FALLBACKS": fallback}).test_client()
        for secret, fallback in steps
    ]
    login = {"email": ZOE.email, "password": ZOE.password}
    tokens = [replica.post("/api/auth", json=login).get_json()["data"] for replica in replicas]

    def accepts(replica: int, signer: int) -> bool:
        headers = {"Authorization": f"Bearer {tokens[signer]}"}
        return replicas[replica].get("/api/protected_route", headers=headers).status_code == 200

    assert all(accepts(one, one + 1) and accepts(one + 1, one) for one in range(3))
    assert not accepts(0, 2)  # without the first step


def test_restart_changes_from_a_secret_to_another_and_to_a_directory(
    static_environ: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "keys").mkdir()
    key = KeyDirectory(tmp_path / "keys").add("EdDSA").key
    old, new = {"SECRET_KEY": OLD}, {"SECRET_KEY": NEW}
    directory = {"SIGNING_KEYS_DIR": str(tmp_path / "keys")}
    fallback = {"SECRET_KEY_FALLBACKS": OLD}
    tokens: list[str] = []
    for environ in (old, {**new, **fallback}, {**directory, **new, **fallback}):
        with gunicorn({**static_environ, "DATABASE_URL": "", **environ}) as url:
            tokens.append(log_in(url))
            assert [call(f"{url}/api/protected_route", "-", token)[0] for token in tokens] == [200] * len(tokens)
    assert len(set(map(key_of, tokens))) == 3
    assert key_of(tokens[-1]) == key.id
    client = create_app({**static_environ, **directory}).test_client()
    headers = [{"Authorization": f"Bearer {token}"} for token in tokens]
    assert [client.get("/api/protected_route", headers=one).status_code for one in headers] == [401, 401, 200]
