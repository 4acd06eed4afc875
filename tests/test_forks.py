"""A process forks after it has handled requests: parent and children share no connection, lock or slot."""

import ast
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread, Timer

from flask.testing import FlaskClient

from audit.events import Member
from config.forks import ForkSafeLock
from services.metrics import Metrics
from tests.servers.gunicorn import gunicorn
from tests.servers.process import wait_until
from tests.servers.slapd import Slapd
from tests.servers.workers import Server
from tests.support.sessions import bearer, client_of, log_in, refresh, send_login
from tests.support.stores import SECRET_KEY, services_of, user_table
from tests.support.users import SAMPLE_USERS, ZOE, SampleUser
from tests.test_layers import LAYERS, ROOT

CHILDREN = 3
SECONDS = 120
LOCKS = {"Lock", "RLock", "Condition", "Semaphore", "BoundedSemaphore", "FairSemaphore"}
Work = Callable[[], None]


@contextmanager
def forked(work: Work, count: int = 1) -> Iterator[None]:
    """Do the work in forked processes too, which must succeed."""
    children = [_fork(work) for _ in range(count)]
    try:
        yield
        ended: dict[int, int] = {}
        wait_until(lambda: all(_has_ended(child, ended) for child in children), SECONDS)
        assert set(ended.values()) == {0}
    finally:
        for child in {*children} - {*ended}:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


def _fork(work: Work) -> int:
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException:  # noqa: BLE001 - only the parent may report a failure
            os._exit(1)
        os._exit(0)
    return child


def _has_ended(child: int, ended: dict[int, int]) -> bool:
    if child not in ended:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            ended[child] = status
    return child in ended


def use(client: FlaskClient, users: list[SampleUser]) -> None:
    """Log users in, and check that each response is for the right user."""
    for user in users:
        tokens = refresh(client, log_in(client, user))
        caller = client.get("/api/auth/me", headers=bearer(tokens.access)).json
        assert caller
        assert caller["data"]["username"] == user.username
        wrong = SampleUser(user.username, user.email, "not the password of this user")
        assert send_login(client, wrong).status_code == 400


def test_parent_and_children_share_no_connection_to_a_database(migrated_database: str) -> None:
    client = client_of(user_table(migrated_database, SAMPLE_USERS))
    use(client, [ZOE])
    with forked(lambda: use(client, SAMPLE_USERS), CHILDREN):
        use(client, SAMPLE_USERS)


def test_parent_and_children_share_no_connection_to_a_directory(slapd: Slapd, tmp_path: Path) -> None:
    sessions = user_table(f"sqlite:///{tmp_path}/sessions.db", [])["DATABASE_URL"]
    client = client_of(slapd.environ(DATABASE_URL=sessions))
    use(client, [ZOE])
    with forked(lambda: use(client, SAMPLE_USERS), CHILDREN):
        use(client, SAMPLE_USERS)
    opened = slapd.log.count("ACCEPT")
    use(client, [ZOE])
    assert slapd.log.count("ACCEPT") == opened  # the children have not ended the connections of their parent


def test_slots_and_locks_that_threads_of_the_parent_hold_are_free_in_a_child(static_environ: dict[str, str]) -> None:
    environ = {**static_environ, "SECRET_KEY": SECRET_KEY, "LOGIN_CONCURRENCY": "1"}
    chain, lock = services_of(environ).chain, ForkSafeLock()
    held, release = Event(), Event()

    def hold() -> None:
        with chain.logins, lock:
            held.set()
            release.wait(SECONDS)

    def use_both() -> None:
        with chain.logins, lock:
            pass

    Thread(target=hold).start()
    held.wait(SECONDS)
    try:
        with forked(use_both):
            pass
    finally:
        release.set()


class HeldAmount(float):
    """A number that occupies the thread that adds it, with the lock of the sum."""

    is_added, may_end = Event(), Event()

    def __truediv__(self, _divisor: float) -> "HeldAmount":
        return self

    def __radd__(self, other: float) -> float:
        self.is_added.set()
        self.may_end.wait(SECONDS)
        return other


def test_children_do_not_wait_for_the_locks_of_the_prometheus_client(static_environ: dict[str, str]) -> None:
    metrics = Metrics(services_of({**static_environ, "SECRET_KEY": SECRET_KEY}), None)
    login: dict[str, Member] = {"event": "login_accepted", "provider": "static"}
    Thread(target=lambda: metrics.observe({**login, "hash_ms": HeldAmount(1)})).start()
    assert HeldAmount.is_added.wait(SECONDS)
    Timer(1, HeldAmount.may_end.set).start()  # the fork waits for the thread
    with forked(lambda: metrics.observe({**login, "hash_ms": 1.0})):
        pass


def unsafe_locks(path: Path) -> Iterator[str]:
    """Yield the calls that create a lock outside a method that forks call again."""
    tree = ast.parse(path.read_text("utf-8"))
    resets = {node for function in ast.walk(tree) if is_reset(function) for node in ast.walk(function)}
    for node in {*ast.walk(tree)} - resets:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in LOCKS:
            yield f"{path.relative_to(ROOT)}: {node.func.id}"


def is_reset(node: ast.AST) -> bool:
    return isinstance(node, ast.FunctionDef) and node.name == "_reset"


def test_every_lock_is_free_in_a_child() -> None:
    files = [path for layer in LAYERS for name in layer for path in ROOT.glob(f"{name}/**/*.py")]
    # Its owner creates it again.
    semaphore = ROOT / "providers/ldap/client/fair_semaphore.py"
    assert [found for path in files if path != semaphore for found in unsafe_locks(path)] == []


def test_children_generate_different_tokens(static_environ: dict[str, str], tmp_path: Path) -> None:
    client = client_of(static_environ)

    def write_token() -> None:
        response = send_login(client)
        assert response.json
        (tmp_path / str(os.getpid())).write_text(response.json["data"])

    with forked(write_token, CHILDREN):
        write_token()
    assert len({file.read_text() for file in tmp_path.iterdir()}) == CHILDREN + 1


def test_gunicorn_with_preload_serves_and_revokes(postgres_environ: dict[str, str]) -> None:
    with gunicorn({**postgres_environ, "GUNICORN_CMD_ARGS": "--preload"}, workers=2) as url:
        server = Server(url, workers=2)
        replies = [server.log_in(user.username, user.password) for user in SAMPLE_USERS * 2]
        assert {reply.status for reply in replies} == {200}
        token = replies[0].body["data"]
        assert {reply.status for reply in server.request_each_worker(token)} == {200}
        assert server.request("DELETE", "/api/auth", token).status == 200
        wait_until(lambda: {reply.status for reply in server.request_each_worker(token)} == {401})


def test_exit_of_the_interpreter_is_silent() -> None:
    result = subprocess.run([sys.executable, "-c", "import app"], capture_output=True, text=True, check=False, cwd=ROOT)
    assert (result.returncode, result.stderr) == (0, "")
