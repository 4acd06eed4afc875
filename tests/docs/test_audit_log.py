"""docs/audit-log.md is complete, and the lines of a running service match its filter for fail2ban."""

import json
import re
import subprocess
from pathlib import Path

import pytest
import requests

from audit.events import MEMBERS, Event
from tests.servers.gunicorn import gunicorn
from tests.support.users import ZOE

PAGE = (Path(__file__).resolve().parents[2] / "docs/audit-log.md").read_text("utf-8")
ALWAYS = ("time", "level", "logger")


def rows() -> list[str]:
    """Return the names in the first cells of the page's tables, in order."""
    cells = re.findall(r"^\| (`.+?`) \|", PAGE, re.MULTILINE)
    return [name for cell in cells for name in re.findall(r"`(\w+)`", cell)]


def test_every_event_and_every_member_is_documented_in_order() -> None:
    documented = rows()
    assert {*documented[: len(Event)]} == {event.value for event in Event}
    assert documented[len(Event) :] == [*ALWAYS, *MEMBERS]


def test_example_has_the_members_in_their_order() -> None:
    (example,) = re.findall(r"^```json\n(.+)\n```", PAGE, re.MULTILINE)
    names = [*json.loads(example)]
    assert names == [name for name in (*ALWAYS, *MEMBERS) if name in names]


@pytest.mark.parametrize("log_format", ["json", "text"])
def test_filter_for_fail2ban_finds_denied_logins_and_nothing_that_a_client_forges(
    log_format: str, static_environ: dict[str, str], tmp_path: Path
) -> None:
    log, filter_file = tmp_path / "latchkey.log", tmp_path / "latchkey.conf"
    filter_file.write_text(re.findall(r"```ini\n(# /etc/fail2ban/filter\.d/.+?)```", PAGE, re.DOTALL)[0])
    forged = f"x\n2031-01-01T00:00:00.000Z INFO audit: {Event.LOGIN_DENIED} reason=wrong_password address=192.0.2.1 "
    forged += '"}\n{"time": "2031-01-01T00:00:00.000Z", "level": "INFO", "logger": "audit", "event": "login_denied", '
    forged += '"reason": "wrong_password", "address": "192.0.2.1"'
    with gunicorn({**static_environ, "LOG_FORMAT": log_format}, log=log.open("wb")) as url:
        for login, password in [
            (ZOE.username, ZOE.password),
            (ZOE.username, "not the password of Zoé"),
            ("unknown", "x"),
            (forged, "x"),
        ]:
            requests.post(f"{url}/api/auth", json={"email": login, "password": password}, timeout=60)
    assert log.read_text().count("login_accepted") == 1
    command = ["fail2ban-regex", "--out", "ip", str(log), str(filter_file)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.stdout.split() == ["127.0.0.1"] * 3, ended.stderr
