"""A page on another origin, in Chromium, with the JavaScript of docs/browser-applications.md."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from selenium.webdriver import Chrome

from tests.servers.browser import browser, static_pages
from tests.servers.gunicorn import gunicorn
from tests.support.newcomer import block
from tests.support.stores import user_table
from tests.support.users import ZOE

SCRIPT = block("docs/browser-applications.md", "js", "logIn") + block("docs/sessions.md", "js", "newAccessToken")
UNREADABLE = "TypeError: Failed to fetch"  # what a script learns of a response that it may not read


class Origins(NamedTuple):
    """The origins of the same page: one in CORS_ORIGINS, and another one."""

    allowed: str
    stranger: str


@pytest.fixture(scope="module")
def origins(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Origins]:
    """The page with the script, and the service that it calls."""
    folder, database = tmp_path_factory.mktemp("page"), tmp_path_factory.mktemp("users") / "users.db"
    with static_pages(folder) as allowed, static_pages(folder) as stranger:
        environ = user_table(f"sqlite:///{database}", [ZOE])
        with gunicorn({**environ, "CORS_ORIGINS": allowed}) as service:
            script = SCRIPT.replace("https://auth.example.org", service).replace('fetch("/', 'fetch(SERVICE + "/')
            (folder / "index.html").write_text(f"<!doctype html><title>Shop</title><script>{script}</script>")
            yield Origins(allowed, stranger)


@pytest.fixture
def chrome() -> Iterator[Chrome]:
    with browser() as running:
        yield running


def run(chrome: Chrome, body: str) -> Any:
    """Return what an asynchronous function with this body returns in the page, or the error that it throws."""
    script = f"(async () => {{ {body} }})().then(arguments[0], (error) => arguments[0](String(error)))"
    return chrome.execute_async_script(script)


def status(chrome: Chrome, path: str) -> Any:
    return run(chrome, f"const response = await call('{path}'); return response && response.status")


def log_in(chrome: Chrome, password: str) -> Any:
    return run(chrome, f"return await logIn('{ZOE.email}', '{password}')")


def stored_token(chrome: Chrome) -> Any:
    return run(chrome, "return JSON.parse(localStorage.getItem('tokens')).data")


def test_page_logs_in_calls_routes_refreshes_and_logs_out(chrome: Chrome, origins: Origins) -> None:
    chrome.get(origins.allowed)
    assert status(chrome, "/api/auth/me") is None
    assert log_in(chrome, "a wrong password") is False
    assert log_in(chrome, ZOE.password) is True
    assert (status(chrome, "/api/auth/me"), status(chrome, "/api/protected_route_super_admin")) == (200, 403)
    first = stored_token(chrome)
    run(chrome, "localStorage.tokens = JSON.stringify({ ...JSON.parse(localStorage.tokens), data: 'x' })")
    assert status(chrome, "/api/protected_route") == 200
    assert stored_token(chrome) not in ("x", first)
    assert run(chrome, "await logOut(); return localStorage.getItem('tokens')") is None
    assert status(chrome, "/api/auth/me") is None


def test_page_reads_the_headers_of_a_refusal(chrome: Chrome, origins: Origins) -> None:
    chrome.get(origins.allowed)
    names = "['WWW-Authenticate', 'X-Request-ID']"
    script = (
        f"const {{ headers }} = await fetch(SERVICE + '/api/auth/me'); return {names}.map((one) => headers.get(one))"
    )
    challenge, request_id = run(chrome, script)
    assert (challenge, len(request_id)) == ('Bearer realm="latchkey"', 16)


def test_page_of_another_origin_cannot_log_in_or_read_a_response(chrome: Chrome, origins: Origins) -> None:
    chrome.get(origins.stranger)
    assert UNREADABLE in log_in(chrome, ZOE.password)
    assert UNREADABLE in run(chrome, "return await fetch(SERVICE + '/health/live')")
    assert run(chrome, "return localStorage.getItem('tokens')") is None
