"""docs/a-year-with-latchkey.md: every step does what the page says, in a deployment with a running service."""

import json
import os
import re
import shlex
import sqlite3
import subprocess
import textwrap
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta
from itertools import groupby
from pathlib import Path
from urllib.parse import urlsplit

import jwt
import pytest
import requests

from tests.conftest import new_database
from tests.servers.gunicorn import gunicorn
from tests.servers.process import wait_until
from tests.support.fork_server import ForkServer
from tests.support.forked_flask import ForkedFlask
from tests.support.newcomer import ROOT, blocks
from tests.support.stores import hashed
from tests.support.users import SampleUser

PAGE = "docs/a-year-with-latchkey.md"
PASSWORD = "correct horse battery staple"
PLACES = re.compile("/etc/latchkey|/var/lib/latchkey|/var/log|/var/backups")
FLASK = ".venv/bin/flask "
SETTINGS = (
    "AUTH_PROVIDER",
    "DATABASE_URL",
    "DATABASE_URL_FILE",
    "SIGNING_KEYS_DIR",
    "AUDIT_RETENTION_DAYS",
    "LOG_FORMAT",
)
ZOE = SampleUser("zoe", "zoe@example.org", PASSWORD)
YAN = SampleUser("yan", "yan@example.org", PASSWORD)


class Deployment:
    """A folder with the settings of the page, the shell of its administrator, and the service."""

    def __init__(self, folder: Path, fork_server: ForkServer) -> None:
        self.folder = folder
        self.url = ""
        self.steps = re.findall(
            r"^ *```sh\n(.*?)^ *```$", self._local((ROOT / PAGE).read_text()), re.MULTILINE | re.DOTALL
        )
        """The steps of the page that have not been run."""
        self._flask = ForkedFlask(fork_server, folder)
        self._settings: dict[str, str] = {}
        self._shell = {"PATH": os.defpath, "PGSERVICEFILE": str(folder / "pg_service.conf")}
        self._service = ExitStack()
        for place in ("etc/latchkey", "var/lib/latchkey", "var/log", "var/backups/latchkey"):
            (folder / place).mkdir(parents=True)
        self.write("etc/latchkey/latchkey.env", self._local(blocks(PAGE, "ini")[0]))

    def write(self, name: str, text: str) -> None:
        """Write a file that only its owner can read."""
        (self.folder / name).write_text(text)
        (self.folder / name).chmod(0o600)

    def run(self, part: str) -> str:
        """Run the next step of the page, which has this part. Return its output."""
        step = textwrap.dedent(self.steps.pop(0)).replace("users-2026-11-29", "users-*")  # there is one
        assert part in step
        output = ""
        for is_flask, group in groupby(step.splitlines(), lambda line: line.startswith(FLASK)):
            lines = [*group]
            output += "".join(map(self._run_flask, lines)) if is_flask else self._run_shell("\n".join(lines))
        return output

    def keep_steps(self, *parts: str) -> None:
        """Leave out the steps that have none of these parts: run the last step that has the first part, and so on."""
        self.steps = [[step for step in self.steps if part in step][-1] for part in parts]

    def restart(self) -> None:
        """Stop the service, and start it with the settings that the administrator has now."""
        self.stop()
        environ = {**self._settings, "SECRET_KEY": "", "EXAMPLE_ROUTES": "true"}
        log = self._service.enter_context((self.folder / "var/log/latchkey.log").open("ab"))
        self.url = self._service.enter_context(gunicorn(environ, log=log))

    def stop(self) -> None:
        """Stop the service."""
        self._service.close()

    def log_in(self, user: SampleUser) -> dict[str, str]:
        """Return the response to a login, which is accepted."""
        login = {"email": user.email, "password": user.password}
        response = requests.post(f"{self.url}/api/auth", json=login, timeout=60)
        assert response.status_code == 200, response.text
        body: dict[str, str] = response.json()
        return body

    def guarded(self, tokens: dict[str, str]) -> int:
        """Return the status of a guarded route."""
        headers = {"Authorization": f"Bearer {tokens['data']}"}
        return requests.get(f"{self.url}/api/protected_route", headers=headers, timeout=60).status_code

    def refresh(self, tokens: dict[str, str]) -> int:
        """Return the status of a refresh."""
        body = {"refresh_token": tokens["refresh_token"]}
        return requests.post(f"{self.url}/api/auth/refresh", json=body, timeout=60).status_code

    def let_time_pass(self, hours: int) -> None:
        """Let the keys be older by some hours."""
        for file in (self.folder / "var/lib/latchkey/keys").iterdir():
            if file.suffix == ".pem":
                changed = file.stat().st_mtime - hours * 3600
                os.utime(file, (changed, changed))
            else:
                file.write_text(
                    re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+", lambda time: _earlier(time[0], hours), file.read_text())
                )

    def _local(self, text: str) -> str:
        return PLACES.sub(lambda place: f"{self.folder}{place[0]}", text)

    def _run_flask(self, line: str) -> str:
        command, _, file = line.removeprefix(FLASK).partition(" > ")
        ended = self._flask(*shlex.split(command), **self._settings)
        assert ended.returncode == 0 or "doctor" in line, ended.stderr
        if file:
            Path(file).write_text(ended.stdout)
        return ended.stdout

    def _run_shell(self, script: str) -> str:
        """Run the lines, and keep the settings that they export."""
        script = f"set -e\n{script}\nenv -0 > exported"
        ended = subprocess.run(
            ["bash", "-c", script], cwd=self.folder, env={**self._shell, **self._settings},
            capture_output=True, text=True, check=True, timeout=60,
        )  # fmt: skip
        exported = dict(line.split("=", 1) for line in (self.folder / "exported").read_text().split("\0") if line)
        self._settings = {name: exported[name] for name in SETTINGS if name in exported}
        return ended.stdout


@pytest.fixture
def year(fork_server: ForkServer, tmp_path: Path) -> Iterator[Deployment]:
    """The deployment, before its first users."""
    deployment = Deployment(tmp_path, fork_server)
    yield deployment
    deployment.stop()


def test_restored_sqlite_backup_revives_neither_a_session_nor_a_key(year: Deployment) -> None:
    year.run("latchkey.env")
    boss = seed(year)
    ended = year.log_in(boss)
    year.keep_steps("VACUUM INTO", "retire --force", "users.db*", "upgrade", "tokens revoke --all")
    year.run("VACUUM INTO")
    assert year.refresh(ended) == 200
    with_old_key = year.log_in(boss)
    year.run("retire --force")
    wait_until(lambda: year.guarded(with_old_key) == 401, 60)
    later = year.log_in(boss)
    year.stop()
    year.run("users.db*")
    year.run("upgrade")
    year.run("tokens revoke --all")
    year.restart()
    for tokens in (ended, with_old_key, later):
        assert (year.guarded(tokens), year.refresh(tokens)) == (401, 400)
    assert year.guarded(year.log_in(boss)) == 200


def test_every_step_of_the_year_does_what_the_page_says(year: Deployment, postgres: str) -> None:
    year.run("latchkey.env")
    boss = seed(year)
    assert " 0 failures." in year.run("doctor")
    nightly(year, boss)
    rotate(year)
    leave(year)
    yan = suffer_an_incident(year, boss)
    year.write("etc/latchkey/database-url", new_database(postgres, "year"))
    year.stop()
    assert "Copied and compared every row." in year.run("copy")
    year.restart()
    assert (year.guarded(yan), year.refresh(yan)) == (200, 200)
    assert "The database is up to date." in year.run("upgrade")
    restore(year, postgres, boss)
    assert year.steps == []


def seed(year: Deployment) -> SampleUser:
    """Add and import the first users, and start the service. Return the administrator."""
    rows = [f'{user.username},{user.email},"{hashed(PASSWORD)}",editor\n' for user in (ZOE, YAN)]
    year.write("people.csv", "username,email,password_hash,roles\n" + "".join(rows))
    boss = SampleUser("boss", "boss@example.org", _password_in(year.run("users add boss")))
    assert "Imported 2 users." in year.run("users import")
    year.restart()
    year.log_in(boss)
    return boss


def nightly(year: Deployment, boss: SampleUser) -> None:
    """Back the SQLite database up while the service runs."""
    kept = year.log_in(boss)
    assert re.search("audit_events +0", year.run("prune"))
    (backup,) = (year.folder / "var/backups/latchkey").iterdir()
    with sqlite3.connect(f"file:{backup}?mode=ro", uri=True) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert year.guarded(kept) == 200


def rotate(year: Deployment) -> None:
    """Rotate the keys, and remove the previous key when its tokens have expired."""
    before = year.log_in(ZOE)
    year.run("keys generate")
    year.let_time_pass(1)
    assert "The key is new" not in year.run("keys rotate")
    wait_until(lambda: _key_of(year.log_in(ZOE)) != _key_of(before), 60)
    assert year.guarded(before) == 200
    year.let_time_pass(2)
    assert year.run("keys retire").startswith("Removed ")


def leave(year: Deployment) -> None:
    """Disable and delete a user."""
    zoe = year.log_in(ZOE)
    assert year.guarded(zoe) == 200
    assert "user_disabled" in year.run("users disable zoe")
    wait_until(lambda: year.guarded(zoe) == 401, 60)
    assert year.refresh(zoe) == 400
    assert "zoe (deleted)" in year.run("users delete zoe")


def suffer_an_incident(year: Deployment, boss: SampleUser) -> dict[str, str]:
    """Revoke, find out and rotate. Return the tokens of the user who has a new password."""
    stolen, others = year.log_in(YAN), year.log_in(boss)
    year.run("users disable yan")
    assert (year.refresh(stolen), year.refresh(others)) == (400, 200)
    others = year.log_in(boss)
    year.run("revoke --all")
    assert year.refresh(others) == 400
    found = year.run("users history yan")
    assert "user_disabled" in found
    assert "boss@example.org" in found
    assert json.loads(found.splitlines()[-1])["account"] == "yan"
    others = year.log_in(boss)
    year.run("retire --force")
    wait_until(lambda: year.guarded(others) == 401, 60)
    assert year.refresh(others) == 200
    return year.log_in(SampleUser("yan", "yan@example.org", _password_in(year.run("set-password yan"))))


def restore(year: Deployment, postgres: str, boss: SampleUser) -> None:
    """Back the database up, change a password, which ends sessions, and restore the backup."""
    server = urlsplit(postgres)
    year.write("pg_service.conf", f"[latchkey]\nhost={server.hostname}\nport={server.port}\nuser=app\ndbname=year\n")
    ended = year.log_in(boss)
    year.run("pg_dump")
    change = {"password": boss.password, "new_password": "xylophone gravel monsoon"}
    headers = {"Authorization": f"Bearer {ended['data']}"}
    kept = requests.post(f"{year.url}/api/auth/password", json=change, headers=headers, timeout=60).json()
    assert (year.guarded(ended), year.guarded(kept)) == (401, 200)
    year.stop()
    history = json.loads(year.run("users history --json"))
    year.run("pg_restore")
    year.run("users.db*")
    year.run("upgrade")
    year.run("tokens revoke --all")
    assert "password_changed" in year.run("grep")
    assert {"password_changed", "user_enabled"} < {event["action"] for event in history}
    year.restart()
    assert [year.guarded(tokens) for tokens in (ended, kept)] == [401, 401]
    assert [year.refresh(tokens) for tokens in (ended, kept)] == [400, 400]
    assert year.guarded(year.log_in(boss)) == 200


def _password_in(output: str) -> str:
    return output.partition("Password: ")[2].split(maxsplit=1)[0]


def _key_of(tokens: dict[str, str]) -> str:
    key_id: str = jwt.get_unverified_header(tokens["data"])["kid"]
    return key_id


def _earlier(time: str, hours: int) -> str:
    return (datetime.fromisoformat(time) - timedelta(hours=hours)).isoformat()
