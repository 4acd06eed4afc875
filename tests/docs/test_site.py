"""The site of `make docs`: built without a warning, its links lead somewhere, and Chromium shows every page."""

import re
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

from tests.servers.browser import browser, static_pages

ROOT = Path(__file__).resolve().parents[2]
COMMAND = re.findall(r"/sphinx-build (.+) docs build/docs$", (ROOT / "Makefile").read_text(), re.MULTILINE)[0].split()
BROKEN_LINKS = ["[a](missing.md)", "[a](README.md#missing)", "[a](#missing)", "[a](missing.yml)", "[a](missing/)"]
WIDE, NARROW = 1280, 360
MAX_SECONDS = 60


def build(source: Path, site: Path) -> subprocess.CompletedProcess[str]:
    """Build the site of a folder as `make docs` does."""
    command = [sys.executable, "-m", "sphinx", *COMMAND, str(source), str(site)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


class Document(HTMLParser):
    """The ids of a page, its links, and the files that it loads."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.files: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the attributes of an element."""
        values = {name: value or "" for name, value in attrs}
        self.ids.add(values.get("id", ""))
        if tag == "a" and "href" in values:
            self.links.append(values["href"])
        if tag == "link" and values["rel"] in ("stylesheet", "icon", "preload"):
            self.files.append(values["href"])
        if "src" in values:
            self.files.append(values["src"])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the site."""
    folder = tmp_path_factory.mktemp("site")
    built = build(ROOT / "docs", folder)
    assert (built.returncode, built.stderr) == (0, "")
    return folder


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Document]:
    """The pages of the site, by their paths."""
    return {path: Document(path.read_text("utf-8")) for path in sorted(site.rglob("*.html"))}


@pytest.fixture(scope="module")
def chrome(site: Path) -> Iterator[Chrome]:
    """A browser that shows the index of the site."""
    with static_pages(site) as origin, browser() as chrome:
        chrome.get(f"{origin}/")
        WebDriverWait(chrome, MAX_SECONDS).until(lambda chrome: chrome.current_url.endswith("README.html"))
        yield chrome


def test_each_broken_link_and_anchor_is_reported_and_fails(tmp_path: Path) -> None:
    source = tmp_path / "docs"
    source.mkdir()
    (source / "README.md").write_text("# Documentation\n\n" + "\n".join(BROKEN_LINKS))
    built = build(source, tmp_path / "site")
    assert built.returncode == 1
    assert built.stderr.count("WARNING") == len(BROKEN_LINKS), built.stderr


def test_every_page_is_in_the_site(site: Path, pages: dict[Path, Document]) -> None:
    sources = [*(ROOT / "docs").glob("*.md"), *(ROOT / "docs").glob("[!s]*/*.md")]
    expected = {site / path.relative_to(ROOT / "docs").with_suffix(".html") for path in sources}
    assert len(expected) >= 80
    assert expected <= {*pages}


def test_every_link_of_the_site_leads_to_a_file_and_an_anchor(pages: dict[Path, Document]) -> None:
    broken = [
        f"{path.name}: {link}" for path, document in pages.items() for link in document.links
        if not urlsplit(link).scheme and not leads_somewhere(pages, path, link)
    ]  # fmt: skip
    assert broken == []


def leads_somewhere(pages: dict[Path, Document], path: Path, link: str) -> bool:
    parts = urlsplit(link)
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    return target.exists() and (not parts.fragment or unquote(parts.fragment) in pages[target].ids)


def test_pages_load_files_of_the_site_only(pages: dict[Path, Document]) -> None:
    files = {(path, file) for path, document in pages.items() for file in document.files}
    assert len(files) > len(pages)
    assert [file for path, file in files if not (path.parent / urlsplit(file).path).exists()] == []


def show(chrome: Chrome, page: str, width: int, scheme: str) -> None:
    """Open a page in a window of this width, on a system with light or dark colors."""
    metrics = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": False}
    chrome.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    colors = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    chrome.execute_cdp_cmd("Emulation.setEmulatedMedia", colors)
    chrome.get("/".join([*chrome.current_url.split("/")[:3], page]))


@pytest.mark.parametrize(("width", "scheme"), [(WIDE, "light"), (NARROW, "dark")])
def test_every_page_fits_the_window_and_reports_no_error(
    chrome: Chrome, pages: dict[Path, Document], site: Path, width: int, scheme: str
) -> None:
    too_wide = []
    for path in pages:
        page = path.relative_to(site).as_posix()
        show(chrome, page, width, scheme)
        if chrome.execute_script("return document.documentElement.scrollWidth > innerWidth"):
            too_wide.append(page)
    assert too_wide == []
    assert chrome.get_log("browser") == []  # type: ignore[no-untyped-call]


def diagrams(chrome: Chrome) -> list[str]:
    """Return the colors of the texts of the diagrams, once all are drawn."""
    WebDriverWait(chrome, MAX_SECONDS).until(
        lambda chrome: chrome.execute_script("return !document.querySelector('div.mermaid:not(:has(svg))')")
    )
    colors = "return [...document.querySelectorAll('div.mermaid svg')].map(svg => getComputedStyle(svg).fill)"
    return [*chrome.execute_script(colors)]


@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_diagrams_are_drawn_in_the_colors_of_the_page(chrome: Chrome, site: Path, width: int) -> None:
    drawn = [path for path in site.rglob("*.html") if 'class="mermaid' in path.read_text("utf-8")]
    assert len(drawn) >= 4
    for path in drawn:
        page = path.relative_to(site).as_posix()
        show(chrome, page, width, "light")
        light = diagrams(chrome)
        assert len(light) == (ROOT / "docs" / page).with_suffix(".md").read_text().count("```mermaid")
        show(chrome, page, width, "dark")
        assert {*light}.isdisjoint(diagrams(chrome)), page
        assert "Syntax error" not in chrome.find_element(By.TAG_NAME, "body").text


def test_button_changes_the_colors_of_page_and_diagrams(chrome: Chrome) -> None:
    show(chrome, "tokens.html", WIDE, "light")
    light = diagrams(chrome)
    background = "return getComputedStyle(document.body).backgroundColor"
    before = chrome.execute_script(background)
    chrome.execute_script("document.querySelector('.theme-toggle').click()")
    wait = WebDriverWait(chrome, MAX_SECONDS)
    wait.until(lambda chrome: chrome.execute_script(background) != before)
    wait.until(lambda chrome: {*light}.isdisjoint(diagrams(chrome)))
    chrome.execute_script("localStorage.clear()")


def test_search_finds_a_page(chrome: Chrome) -> None:
    show(chrome, "search.html?q=REVOCATION_STALENESS_SECONDS", WIDE, "light")

    def titles(chrome: Chrome) -> list[str]:
        return [found.text for found in chrome.find_elements(By.CSS_SELECTOR, "ul.search li a")]

    # The page adds what it finds one by one.
    WebDriverWait(chrome, MAX_SECONDS).until(lambda chrome: "Sessions and revocation" in titles(chrome))
