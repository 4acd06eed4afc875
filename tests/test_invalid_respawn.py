"""A worker that starts while the configuration is invalid waits, the others serve, and it heals by itself."""

import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from services.keys.directory import KeyDirectory
from tests.servers.gunicorn import gunicorn
from tests.servers.process import wait_until
from tests.servers.workers import Server
from tests.support.stores import users_file
from tests.support.users import ZOE

WAITS = "A new worker waits until the configuration is valid"
Damage = Callable[[Path], Callable[[], object]]


def misspell_users_file(folder: Path) -> Callable[[], object]:
    """Make the users file invalid, and return what repairs it."""
    path = folder / "users.toml"
    valid = path.read_text("utf-8")
    path.write_text(valid.replace("[[users]]", "[[users]", 1), "utf-8")
    return lambda: path.write_text(valid, "utf-8")


def delete_current_key(folder: Path) -> Callable[[], object]:
    """Delete the current key, and return what replaces it."""
    directory = KeyDirectory(folder / "keys")
    (current,) = [stored for stored in directory.read() if stored.state == "current"]
    current.path.unlink()
    return lambda: directory.add("EdDSA")


@contextmanager
def service(folder: Path, workers: int) -> Iterator[Server]:
    """Run a service whose log is in the file `log`, and wait until each worker has loaded its configuration."""
    (folder / "keys").mkdir()
    directory = KeyDirectory(folder / "keys")
    directory.add("EdDSA")
    directory.add("EdDSA")
    environ = {
        **users_file(folder / "users.toml", [ZOE]),
        "SIGNING_KEYS_DIR": str(folder / "keys"),
        "GUNICORN_CMD_ARGS": f"--capture-output --error-logfile {folder}/log",
    }
    with gunicorn(environ, workers) as url:
        server = Server(url, workers)
        server.request_each_worker(server.log_in(ZOE.email, ZOE.password).body["data"])
        yield server


def count_in_log(folder: Path, text: str) -> int:
    return (folder / "log").read_text().count(text)


def replace_worker(server: Server, folder: Path) -> None:
    """Kill a worker, and wait until its successor waits for a valid configuration."""
    seen = count_in_log(folder, WAITS)
    killed = max(server.workers()) if seen else min(server.workers())
    os.kill(killed, signal.SIGKILL)
    wait_until(lambda: count_in_log(folder, WAITS) > seen, 60)


def login_statuses(server: Server) -> Counter[int]:
    return Counter(server.log_in(ZOE.email, ZOE.password).status for _ in range(12))


@pytest.mark.parametrize("damage", [misspell_users_file, delete_current_key])
def test_killed_worker_leaves_all_requests_to_the_others(tmp_path: Path, damage: Damage) -> None:
    with service(tmp_path, workers=2) as server:
        token = server.log_in(ZOE.email, ZOE.password).body["data"]
        repair = damage(tmp_path)
        survivor = max(server.workers())
        replace_worker(server, tmp_path)
        responses = [server.request("GET", "/health/live").status for _ in range(12)]
        assert (set(responses), survivor in server.workers()) == ({200}, True)
        expected = 503 if damage is delete_current_key else 200
        wait_until(lambda: login_statuses(server) == {expected: 12}, 60)
        assert count_in_log(tmp_path, WAITS) == 1
        repair()
        wait_until(lambda: login_statuses(server) == {200: 12}, 60)
        expected = 401 if damage is delete_current_key else 200
        wait_until(lambda: {reply.status for reply in server.request_each_worker(token)} == {expected}, 60)


def test_service_is_503_while_all_workers_wait_and_recovers(tmp_path: Path) -> None:
    with service(tmp_path, workers=1) as server:
        repair = misspell_users_file(tmp_path)
        replace_worker(server, tmp_path)
        reply = server.log_in(ZOE.email, ZOE.password)
        assert (reply.status, reply.code, reply.retry_after) == (503, "not_ready", "5")
        assert server.request("GET", "/health/ready").status == 503
        assert count_in_log(tmp_path, WAITS) == 1
        repair()
        wait_until(lambda: login_statuses(server) == {200: 12}, 60)


@pytest.mark.parametrize("damage", [misspell_users_file, delete_current_key])
def test_reload_with_an_invalid_configuration_keeps_the_workers(tmp_path: Path, damage: Damage) -> None:
    with service(tmp_path, workers=2) as server:
        before = server.workers()
        repair = damage(tmp_path)
        server.hang_up()
        wait_until(lambda: count_in_log(tmp_path, "Not reloaded") == 1, 60)
        expected = 503 if damage is delete_current_key else 200
        wait_until(lambda: login_statuses(server) == {expected: 12}, 60)
        assert server.workers() == before
        repair()
        server.replace_workers()
        assert login_statuses(server) == {200: 12}
