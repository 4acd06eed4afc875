"""`/docs` in Chromium: log in, try guarded routes, refresh, and log out, with nothing from another server."""

from collections.abc import Iterator

import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

from tests.servers.browser import browser
from tests.servers.gunicorn import gunicorn
from tests.support.stores import user_table
from tests.support.users import ZOE

MAX_SECONDS = 60


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    """The page of a service with sessions, in a browser."""
    environ = user_table(f"sqlite:///{tmp_path_factory.mktemp('users') / 'users.db'}", [ZOE])
    with gunicorn(environ) as service, browser() as chrome:
        chrome.set_window_size(1200, 1000)
        chrome.get(f"{service}/docs")
        yield chrome


def element(chrome: Chrome, selector: str) -> WebElement:
    """Return the element when it is there and visible."""

    def visible(chrome: Chrome) -> WebElement | None:
        return next((found for found in chrome.find_elements(By.CSS_SELECTOR, selector) if found.is_displayed()), None)

    return WebDriverWait(chrome, MAX_SECONDS).until(visible, selector)  # type: ignore[return-value]


def click(chrome: Chrome, selector: str) -> None:
    chrome.execute_script("arguments[0].click()", element(chrome, selector))


def wait_for_message(chrome: Chrome, text: str) -> None:
    WebDriverWait(chrome, MAX_SECONDS).until(lambda _: text in element(chrome, "#message").text, text)


def log_in(chrome: Chrome, password: str) -> None:
    for name, text in (("email", ZOE.email), ("password", password)):
        field = element(chrome, f"#login [name={name}]")
        field.clear()
        field.send_keys(text)
    click(chrome, "#login button")


def open_operation(chrome: Chrome, operation: str) -> str:
    """Show the parameters and responses of an operation, and return its selector."""
    block = f"#operations-Application-{operation}"
    if not element(chrome, block).find_elements(By.CSS_SELECTOR, ".opblock-body"):
        click(chrome, f"{block} .opblock-summary-control")
    element(chrome, f"{block} .responses-table")
    return block


def status_of(chrome: Chrome, operation: str) -> str:
    """Return the status of the response to a request that the page sends."""
    block = open_operation(chrome, operation)
    if clear := chrome.find_elements(By.CSS_SELECTOR, f"{block} .btn-clear"):
        chrome.execute_script("arguments[0].click()", clear[0])
    click(chrome, f"{block} .execute")
    return element(chrome, f"{block} .live-responses-table .response .response-col_status").text.split()[0]


def test_visitor_logs_in_tries_routes_refreshes_and_logs_out(page: Chrome) -> None:
    assert status_of(page, "protected_route") == "401"
    log_in(page, "a wrong password")
    wait_for_message(page, "Invalid credentials")
    log_in(page, ZOE.password)
    wait_for_message(page, "Requests are sent with your access token")
    assert ZOE.username in element(page, "#user").text
    assert (status_of(page, "protected_route"), status_of(page, "protected_route_super_admin")) == ("200", "403")
    click(page, "#refresh")
    wait_for_message(page, "Refreshed")
    assert status_of(page, "protected_route_admin") == "200"
    click(page, "#logout")
    wait_for_message(page, "Logged out. The session has ended")
    assert status_of(page, "protected_route") == "401"
    faults = [entry["message"] for entry in page.get_log("browser") if "the server responded" not in entry["message"]]  # type: ignore[no-untyped-call]
    assert not faults  # also not of the Content-Security-Policy


def test_page_with_a_request_fits_a_narrow_window(page: Chrome) -> None:
    page.set_window_size(400, 900)
    open_operation(page, "protected_route_admin")
    width, content = page.execute_script("const e = document.documentElement; return [e.clientWidth, e.scrollWidth]")
    assert content <= width
