"""The tabs of one browser, with the JavaScript of docs/sessions.md, refresh at the same moment."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.servers.gunicorn import gunicorn
from tests.support.newcomer import block
from tests.support.stores import user_table
from tests.support.users import ZOE

LOCKS = {
    "with locks": "(name, call) => (queue = queue.then(call))",
    "without locks": "(name, call) => call()",
}
BROWSER = """
const [url, expired, tokens] = process.argv.slice(2);
const items = new Map([["tokens", tokens]]);
const send = fetch;
let queue = Promise.resolve();
const globals = {
  localStorage: { getItem: (name) => items.get(name), setItem: (name, text) => items.set(name, text) },
  navigator: { locks: { request: LOCKS } },
  fetch: (path, options) => send(url + path, options),
};
for (const [name, value] of Object.entries(globals)) {
  Object.defineProperty(globalThis, name, { value, configurable: true });
}
const results = await Promise.all([1, 2, 3].map(() => newAccessToken(expired)));
console.log(JSON.stringify({ results, stored: JSON.parse(items.get("tokens")) }));
"""


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of the service."""
    database = tmp_path_factory.mktemp("sessions") / "users.db"
    with gunicorn(user_table(f"sqlite:///{database}", [ZOE])) as address:
        yield address


def post(url: str, **body: str) -> dict[str, Any]:
    response = requests.post(url, json=body, timeout=60)
    assert response.status_code == 200, response.text
    members: dict[str, Any] = response.json()
    return members


def refresh_in_tabs(folder: Path, url: str, expired: str, stored: object, locks: str) -> dict[str, Any]:
    """Call the function of the page in three tabs. Return their access tokens, and the stored tokens."""
    script = folder / "tabs.mjs"
    script.write_text(block("docs/sessions.md", "js", "newAccessToken") + BROWSER.replace("LOCKS", LOCKS[locks]))
    command = ["node", str(script), url, expired, json.dumps(stored)]
    run = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
    output: dict[str, Any] = json.loads(run.stdout)
    return output


@pytest.mark.parametrize("locks", LOCKS)
def test_tabs_that_refresh_at_the_same_moment_stay_logged_in(url: str, tmp_path: Path, locks: str) -> None:
    login = post(f"{url}/api/auth", email=ZOE.email, password=ZOE.password)
    tabs = refresh_in_tabs(tmp_path, url, login["data"], login, locks)
    assert tabs["results"] == [tabs["stored"]["data"]] * 3
    assert tabs["stored"]["data"] != login["data"]
    assert post(f"{url}/api/auth/refresh", refresh_token=tabs["stored"]["refresh_token"])


@pytest.mark.parametrize("stored", [None, {"data": "x", "refresh_token": "x"}], ids=["logged out", "session ended"])
def test_tabs_get_no_token_if_the_user_must_log_in(url: str, tmp_path: Path, stored: object) -> None:
    assert refresh_in_tabs(tmp_path, url, "x", stored, "with locks")["results"] == [None] * 3
