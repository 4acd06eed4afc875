"""Concurrent edits of users and passwords on two workers: none is lost, and none fails unexpectedly."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from functools import partial
from itertools import chain
from threading import Barrier
from typing import Any, NamedTuple

import pytest

from database.user_editor import UserEditor
from tests.conftest import new_database
from tests.servers.gunicorn import gunicorn
from tests.servers.workers import Server
from tests.support.stores import engine_of, hashed, user_table
from tests.support.users import ZOE, SampleUser
from tests.support.users_api import MAX

ROUNDS = 3
NEW_ROLES = [[f"role{number}-{name}" for name in range(20)] for number in range(4)]
ANN = SampleUser("ann", "ann@example.org", "the password of Ann the administrator", ("admin",))


class Reply(NamedTuple):
    """The response of a worker."""

    status: int
    body: dict[str, Any]
    etag: str | None


class Service:
    """Two workers on one database, and direct access to its user table."""

    def __init__(self, url: str, environ: dict[str, str]) -> None:
        self.server = Server(url, workers=2)
        self.table = UserEditor(engine_of(environ), "tests")

    def ask(self, method: str, path: str, token: str, body: object = None, if_match: str = "*") -> Reply:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json", "If-Match": if_match}
        with closing(self.server.connect()) as connection:
            connection.request(method, path, json.dumps(body), headers)
            response = connection.getresponse()
            return Reply(response.status, json.loads(response.read()), response.headers["ETag"])

    def log_in(self, person: SampleUser) -> str:
        reply = self.server.log_in(person.username, person.password)
        assert reply.status == 200, reply
        return str(reply.body["data"])

    def path(self, person: SampleUser) -> str:
        return f"/api/users/{self.table.users.require(person.username).id}"


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def service(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path_factory.mktemp('run_concurrently')}/users.db"
    else:
        url = new_database(request.getfixturevalue("postgres"), "run_concurrently")
    grantable = ",".join(["user", *chain.from_iterable(NEW_ROLES)])
    environ = {**user_table(url, [ZOE, ANN, MAX]), "ADMIN_GRANTABLE_ROLES": grantable}
    with gunicorn(environ, workers=2) as address:
        yield Service(address, environ)


def run_concurrently(*calls: Callable[[], Reply]) -> list[Reply]:
    """Call each function in its own thread; all threads start together."""
    barrier = Barrier(len(calls))

    def run(call: Callable[[], Reply]) -> Reply:
        barrier.wait(60)
        return call()

    with ThreadPoolExecutor(len(calls)) as threads:
        return list(threads.map(run, calls))


def codes(replies: list[Reply]) -> Counter[str]:
    return Counter(str(reply.body.get("code", "")) for reply in replies)


def test_only_one_of_many_edits_with_the_same_etag_succeeds(service: Service) -> None:
    token, path = service.log_in(ZOE), service.path(MAX)

    def changing(email: str, etag: str | None) -> Callable[[], Reply]:
        return lambda: service.ask("PATCH", path, token, {"email": email}, etag or "")

    for round_number in range(ROUNDS):
        etag = service.ask("GET", path, token).etag
        replies = run_concurrently(*(changing(f"{round_number}-{number}", etag) for number in range(8)))
        assert codes(replies) == {"": 1, "precondition_failed": 7}
        (winner,) = [reply for reply in replies if reply.status == 200]
        assert service.ask("GET", path, token)[1:] == winner[1:]
    changes = [event for event in service.table.users.history("max") if event.action == "email_changed"]
    assert len(changes) == ROUNDS


def test_only_one_of_many_password_resets_with_the_same_etag_succeeds(service: Service) -> None:
    token, path = service.log_in(ZOE), service.path(MAX)
    etag = service.ask("GET", path, token).etag or ""
    passwords = [f"quarry violin lampshade {number}" for number in range(6)]

    def setting(password: str) -> Callable[[], Reply]:
        return lambda: service.ask("PUT", f"{path}/password", token, {"password": password}, etag)

    replies = run_concurrently(*map(setting, passwords))
    assert codes(replies) == {"": 1, "precondition_failed": 5}
    logins = [service.server.log_in("max", password).status for password in passwords]
    assert [status == 200 for status in logins] == [reply.status == 200 for reply in replies]


DEMOTIONS: list[dict[str, Any]] = [{"roles": ["user"]}, {"active": False}]


@pytest.mark.parametrize("by_zoe", DEMOTIONS, ids=str)
@pytest.mark.parametrize("by_ann", DEMOTIONS, ids=str)
def test_two_admins_who_remove_each_other_leave_one_admin(
    service: Service, by_zoe: dict[str, Any], by_ann: dict[str, Any]
) -> None:
    for _ in range(ROUNDS):
        for person in (ZOE, ANN):
            service.table.change(person.username, lambda row: replace(row, active=True, roles=("admin", "user")))
        zoe, ann = (service.log_in(person) for person in (ZOE, ANN))
        replies = run_concurrently(
            partial(service.ask, "PATCH", service.path(ANN), zoe, by_zoe),
            partial(service.ask, "PATCH", service.path(ZOE), ann, by_ann),
        )
        # The first edit may come before the second request, between its reads of the session and of the user, or after.
        edit = by_zoe if replies[0].status == 200 else by_ann
        errors = {"revoked_token", "last_admin"} | ({"role_required"} if "roles" in edit else set())
        assert codes(replies) in [{"": 1, error: 1} for error in errors]
        rows = [service.table.users.require(person.username) for person in (ZOE, ANN)]
        assert sum(row.active and "admin" in row.roles for row in rows) == 1


def test_only_one_of_many_password_changes_succeeds_and_gets_a_session(service: Service) -> None:
    passwords = [f"lampshade violin quarry {number}" for number in range(4)]

    def changing(token: str, password: str) -> Callable[[], Reply]:
        body = {"password": MAX.password, "new_password": password}
        return lambda: service.ask("POST", "/api/auth/password", token, body)

    for _ in range(ROUNDS):
        service.table.set_password("max", hashed(MAX.password))
        token = service.log_in(MAX)
        replies = run_concurrently(*(changing(token, password) for password in passwords))
        (winner,) = [reply for reply in replies if reply.status == 200]
        assert {*codes(replies)} <= {"", "invalid_credentials", "revoked_token"}
        logins = [service.server.log_in("max", password).status for password in (*passwords, MAX.password)]
        assert logins == [*(200 if reply is winner else 400 for reply in replies), 400]
        assert {reply.status for reply in service.server.request_each_worker(str(winner.body["data"]))} == {200}


def test_concurrent_edits_without_an_etag_all_succeed(service: Service) -> None:
    service.table.change("zoé", lambda row: replace(row, active=True, roles=("admin",)))
    token, paths = service.log_in(ZOE), [service.path(MAX), service.path(ANN)]

    def changing(number: int) -> Callable[[], Reply]:
        # The same new roles in different orders could deadlock.
        names = NEW_ROLES[number // 4][:: 1 if number % 2 else -1]
        return lambda: service.ask("PATCH", paths[number % 2], token, {"roles": names})

    assert Counter(reply.status for reply in run_concurrently(*map(changing, range(16)))) == {200: 16}


def test_only_one_of_many_additions_of_a_name_succeeds(service: Service) -> None:
    service.table.change("zoé", lambda row: replace(row, active=True, roles=("admin",)))
    token = service.log_in(ZOE)

    def adding(members: dict[str, str]) -> Callable[[], Reply]:
        return lambda: service.ask("POST", "/api/users", token, {**members, "password": "lampshade quarry violin 9"})

    spellings = [{"username": "once"}, {"username": "ONCE"}, {"username": "twice", "email": "Once"}]
    assert codes(run_concurrently(*map(adding, spellings * 2))) == {"": 1, "user_exists": 5}
