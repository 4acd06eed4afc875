"""The reference pages say all there is, and nothing that is not."""

import re
from pathlib import Path

import pytest
from pydantic_core import PydanticUndefined

from api.errors import ERROR_RESPONSES
from config.clients import OAuthSettings
from config.keys import KeySettings, SigningKeysSettings
from config.section import Section
from config.service_settings import (
    DatabaseSettings,
    PasswordSettings,
    ProviderSettings,
    ServerSettings,
    SessionSettings,
    TokenSettings,
)
from providers.ldap.settings import LdapSettings
from providers.static.provider import StaticSettings

DOCS = Path(__file__).resolve().parents[2] / "docs"
SECTIONS: list[type[Section]] = [
    KeySettings,
    SigningKeysSettings,
    SessionSettings,
    OAuthSettings,
    PasswordSettings,
    ProviderSettings,
    TokenSettings,
    ServerSettings,
    StaticSettings,
    DatabaseSettings,
    LdapSettings,
]


def rows(page: str) -> dict[str, str]:
    """Return the rows of a page's tables, by the name in their first column."""
    cells = re.findall(r"^\| `(\w+)`( \*)? \| (.*) \|$", (DOCS / page).read_text(), re.MULTILINE)
    return {name: f"{secret}|{rest}" for name, secret, rest in cells}


def test_the_list_of_sections_is_whole() -> None:
    assert set(SECTIONS) == set(Section.__subclasses__())


def test_no_page_has_a_setting_that_is_not() -> None:
    assert set(rows("configuration.md")) == {
        section.variable(field) for section in SECTIONS for field in section.model_fields
    }


@pytest.mark.parametrize(
    ("section", "field"), [(section, field) for section in SECTIONS for field in section.model_fields], ids=str
)
def test_every_setting_is_told_as_it_is(section: type[Section], field: str) -> None:
    told = rows("configuration.md")[section.variable(field)]
    assert told.startswith(" *") == section.is_secret(field)
    default = section.model_fields[field].default
    if default not in (PydanticUndefined, None, ()):
        shown = re.escape(str(default).replace("|", "\\|").lower())
        assert re.search(rf"\| ?`{shown}` ?\|", told.lower())


def test_every_error_code_is_told_with_its_status() -> None:
    page = (DOCS / "http.md").read_text()
    told = {
        (int(status), code)
        for statuses, code in re.findall(r"^\| ([\d, ]+) \| `(\w+)` \|", page, re.MULTILINE)
        for status in statuses.split(", ")
    }
    assert told == {(form.status, form.code) for form in ERROR_RESPONSES.values()}


def test_changelog_and_version_agree() -> None:
    root = DOCS.parent
    version = re.search(r'^version = "(.+)"$', (root / "pyproject.toml").read_text(), re.MULTILINE)
    newest = re.search(r"^## \[(\d\S*)\] - ", (root / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert version
    assert newest
    assert version[1] == newest[1]


def test_every_link_leads_somewhere() -> None:
    pages = [DOCS.parent / "README.md", *DOCS.glob("**/*.md")]
    links = [(page, link) for page in pages for link in re.findall(r"\]\((?!http)([^)#]+)\)", page.read_text())]
    assert len(links) >= 3
    assert [link for page, link in links if not (page.parent / link).exists()] == []
