"""A headless Chromium, and a server of the pages that it opens."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread

from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service

CHROMIUM, DRIVER = "/usr/bin/chromium", "/usr/bin/chromedriver"
SCRIPT_TIMEOUT = 60  # seconds


@contextmanager
def browser() -> Iterator[Chrome]:
    """Run a browser with a new profile."""
    options = ChromeOptions()
    options.binary_location = CHROMIUM
    with TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", f"--user-data-dir={profile}"):
            options.add_argument(argument)
        chrome = Chrome(options, Service(DRIVER))
        chrome.set_script_timeout(SCRIPT_TIMEOUT)
        try:
            yield chrome
        finally:
            chrome.quit()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Log nothing."""


@contextmanager
def static_pages(folder: Path) -> Iterator[str]:
    """Serve the files of a folder. Yield the origin."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder))) as server:
        thread = Thread(target=server.serve_forever, args=[0.05])
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
