"""The reference pages are complete, and their links lead somewhere."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic_core import PydanticUndefined

from app import create_app
from config.clients import OAuthSettings
from config.http_error import HttpError
from config.keys import KeySettings, SigningKeysSettings
from config.section import Section
from config.service_settings import (
    AdminSettings,
    ApiSettings,
    AuditSettings,
    CorsSettings,
    DatabaseSettings,
    ExampleSettings,
    FileSettings,
    LoginSettings,
    LogSettings,
    MetricsSettings,
    PasswordSettings,
    ProviderSettings,
    ProxySettings,
    RevocationSettings,
    ServerSettings,
    SessionSettings,
    TokenSettings,
)
from config.throttle_settings import ThrottleSettings
from providers.ldap.settings import LdapSettings
from providers.static.provider import StaticSettings
from tests.docs import commands
from tests.support.stores import SECRET_KEY, user_table

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = [*ROOT.glob("*.md"), *DOCS.glob("*.md"), *DOCS.glob("[!s]*/*.md")]
"""The pages of the project. The folder site/ has only those of a package."""

LAYERS = ("api", "cli", "latchkey", "services", "providers", "passwords", "database", "audit", "config")
SECTIONS: list[type[Section]] = [
    KeySettings,
    SigningKeysSettings,
    SessionSettings,
    RevocationSettings,
    OAuthSettings,
    LoginSettings,
    LogSettings,
    MetricsSettings,
    PasswordSettings,
    ProviderSettings,
    TokenSettings,
    ServerSettings,
    ThrottleSettings,
    ProxySettings,
    ApiSettings,
    CorsSettings,
    StaticSettings,
    DatabaseSettings,
    FileSettings,
    AdminSettings,
    ExampleSettings,
    AuditSettings,
    LdapSettings,
]


def rows(page: str) -> dict[str, list[str]]:
    """Return the other cells of the rows of a page's tables, by the name in the first column."""
    lines = re.findall(r"^\| `(\w+)` \| (.*) \|$", (DOCS / page).read_text(), re.MULTILINE)
    return {name: re.split(r"(?<!\\) \| ", rest) for name, rest in lines}


def variables() -> list[tuple[type[Section], str]]:
    """Return every field of every section."""
    return [(section, field) for section in SECTIONS for field in section.model_fields]


def test_sections_are_complete() -> None:
    assert set(SECTIONS) == set(Section.__subclasses__())


def test_every_setting_is_documented_and_no_other() -> None:
    assert set(rows("configuration.md")) == {section.variable(field) for section, field in variables()}


@pytest.mark.parametrize(("section", "field"), variables(), ids=str)
def test_setting_is_documented_with_its_type_and_default(section: type[Section], field: str) -> None:
    kind, default, meaning = rows("configuration.md")[section.variable(field)]
    value = section.model_fields[field].default
    assert kind.startswith("secret") == section.is_secret(field)
    assert {bool: "boolean", int: "integer"}.get(type(value), kind) == kind
    assert meaning.endswith((".", "`", ")")) or "Example" in meaning
    if value in (PydanticUndefined, None, ()):
        assert default == "none" or value is None
    else:
        assert default.lower() == f"`{value}`".replace("|", "\\|").lower()


def own_errors(base: type[HttpError]) -> Iterator[type[HttpError]]:
    """Yield the classes of errors that the product raises: those that have a code."""
    for error in base.__subclasses__():
        if hasattr(error, "error_code") and not error.__module__.startswith("tests."):
            yield error
        yield from own_errors(error)


def test_every_error_code_is_documented_with_its_status() -> None:
    page = (DOCS / "error-codes.md").read_text()
    documented = {
        (int(status), code)
        for statuses, code in re.findall(r"^\| ([\d, ]+) \| `(\w+)` \|", page, re.MULTILINE)
        for status in statuses.split(", ")
    }
    assert documented == {(error.code, error.error_code) for error in own_errors(HttpError)}


def test_every_endpoint_is_documented(tmp_path: Path) -> None:
    page = (DOCS / "http-api.md").read_text() + (DOCS / "admin-api.md").read_text()
    environ = {"SECRET_KEY": SECRET_KEY, "METRICS_TOKEN": SECRET_KEY[::-1]}
    app = create_app({**environ, **user_table(f"sqlite:///{tmp_path}/users.db", [])})
    for rule in app.url_map.iter_rules():
        path = re.sub(r"<[^>]+>", "2", re.sub("/?<(client_path:_|path:)path>", "/…", rule.rule))
        methods = (rule.methods or set()) - {"HEAD", "OPTIONS"}
        named = {method for method in methods if f"`{method} {path}`" in page}
        assert named == methods or (len(methods) == 5 and f"`{path}`" in page), path


def test_every_command_is_documented_with_its_options() -> None:
    assert commands.PAGE.read_text() == commands.page(), "after a review, run: .venv/bin/python -m tests.docs.commands"


def test_changelog_and_version_agree() -> None:
    version = re.search(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    newest = re.search(r"^## \[(\d\S*)\] - ", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert version
    assert newest
    assert version[1] == newest[1]


def test_every_link_leads_to_a_file_and_a_heading() -> None:
    links = [
        (page, link)
        for page in [*PAGES, *ROOT.glob("tests/*.md")]
        for link in re.findall(r"\]\((?!http)([^)]+)\)", page.read_text())
    ]
    assert len(links) >= 100
    assert [f"{page.relative_to(ROOT)}: {link}" for page, link in links if not leads_somewhere(page, link)] == []


def leads_somewhere(page: Path, link: str) -> bool:
    """Return whether the file of a link exists, and has the heading that the link names."""
    path, _, anchor = link.partition("#")
    target = page.parent / path if path else page
    return target.exists() and (not anchor or anchor in anchors(target))


def anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub gives to the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_page_is_in_the_index() -> None:
    index = (DOCS / "README.md").read_text()
    assert [page.name for page in DOCS.glob("*.md") if page.name != "README.md" and f"({page.name})" not in index] == []


def test_every_package_is_in_the_architecture() -> None:
    page = (DOCS / "architecture.md").read_text()
    packages = {path.parent.relative_to(ROOT).as_posix() for layer in LAYERS for path in ROOT.glob(f"{layer}/**/*.py")}
    documented = set(re.findall(r"^\| `([\w/]+)` \|", page, re.MULTILINE))
    assert documented == packages - {"database/migrations/versions"}


def test_every_module_that_a_page_names_exists() -> None:
    named = [(page, path) for page in PAGES for path in re.findall(r"`((?:\w+/)+\w+\.py)`", page.read_text())]
    assert len(named) > 20
    assert [f"{page.name}: {path}" for page, path in named if not (ROOT / path).exists()] == []


def test_no_table_has_an_empty_header_cell() -> None:
    headers = [line for page in PAGES for line in re.findall(r"^(\|.*)\n\|---", page.read_text(), re.MULTILINE)]
    assert len(headers) > 30
    assert [header for header in headers if re.search(r"\|\s*\|", header)] == []
