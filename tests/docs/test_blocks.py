"""Every block of commands or code on the pages is run by a test, and every variable that it sets is a setting."""

import os
import re
import subprocess
from collections import Counter

import pytest

from config.section import Section, secret_file_variables
from config.service_settings import CorsSettings, ProviderSettings
from providers.ldap.settings import LdapSettings
from tests.docs.examples import ROOT, examples, pages
from tests.docs.test_reference import PAGES, SECTIONS

PROXIES = "tests/clients/test_proxied_addresses.py"
OUTPUTS = {"json", "mermaid", "text"}
WHOLE_PAGES = {
    "README.md": "tests/docs/test_readme.py",
    "docs/a-year-with-latchkey.md": "tests/docs/test_year.py",
    "docs/commands.md": "tests/cli/test_help.py",
    "docs/tutorial.md": "tests/docs/test_tutorial.py",
    "docs/write-a-provider.md": "tests/providers/test_provider_packages.py",
}
"""Pages with a test of their own for all their blocks."""

OTHERS: dict[str, dict[str, tuple[int, str]]] = {
    "docs/audit-log.md": {"ini": (3, "tests/docs/test_audit_log.py")},
    "docs/browser-applications.md": {
        "js": (1, "tests/clients/test_browser.py"),
        "sh": (1, "tests/docs/test_blocks.py"),
    },
    "docs/chains.md": {"sh": (1, "tests/docs/test_blocks.py")},
    "docs/checked-with.md": {
        "apache": (1, "tests/clients/test_verifiers.py"),
        "haproxy": (1, "tests/clients/test_verifiers.py"),
        "java": (1, "not run: Spring Security is not a package of Debian, PyPI or npm"),
        "js": (5, "tests/clients/test_verifiers.py, tests/clients/test_login_libraries.py"),
        "python": (6, "tests/clients/test_verifiers.py, tests/clients/test_login_libraries.py"),
        "sh": (1, "tests/cli/test_help.py"),
    },
    "docs/configuration.md": {
        "sh": (2, "tests/docs/test_readme.py"),
        "toml": (1, "tests/docs/test_readme.py"),
    },
    "docs/containers.md": {
        "sh": (2, "not run: Docker. The files that they use: tests/servers/test_container_examples.py")
    },
    "docs/deployment.md": {
        "ini": (1, "tests/docs/test_deployment_page.py"),
        "nginx": (2, "tests/docs/test_deployment_page.py, tests/test_replicas_behind_nginx.py"),
        "sh": (4, "tests/docs/test_readme.py; not run: the users and services of a host"),
    },
    "docs/directories.md": {"ldif": (1, "tests/docs/test_ldif_blocks.py")},
    "docs/directories/389-directory-server.md": {
        "ldif": (2, "tests/docs/test_ldif_blocks.py"),
        "sh": (1, "tests/docs/test_directory_pages.py"),
    },
    "docs/directories/active-directory.md": {"sh": (1, "tests/docs/test_directories.py")},
    "docs/directories/apacheds.md": {"sh": (1, "tests/docs/test_directory_pages.py")},
    "docs/directories/duo.md": {
        "ini": (1, "not run: the Duo Authentication Proxy"),
        "sh": (1, "tests/docs/test_directory_pages.py"),
    },
    "docs/directories/edirectory.md": {"sh": (1, "tests/docs/test_directory_pages.py")},
    "docs/directories/freeipa.md": {"sh": (1, "tests/docs/test_directory_pages.py")},
    "docs/directories/google-secure-ldap.md": {"sh": (1, "tests/docs/test_directory_pages.py")},
    "docs/directories/openldap.md": {
        "ldif": (1, "tests/docs/test_ldif_blocks.py"),
        "sh": (1, "tests/docs/test_directories.py"),
    },
    "docs/directory-roles.md": {
        "sh": (1, "tests/docs/test_blocks.py"),
        "toml": (1, "tests/docs/test_directories.py"),
    },
    "docs/forward-auth.md": {
        **dict.fromkeys(("caddyfile", "lua", "nginx"), (2, "tests/clients/test_forward_auth.py")),
        **dict.fromkeys(("apache", "haproxy", "js", "python"), (1, "tests/clients/test_forward_auth.py")),
        "yaml": (3, "tests/clients/test_forward_auth.py"),
    },
    "docs/guarding-routes.md": {
        "python": (3, "tests/docs/test_examples.py"),
        "sh": (3, "tests/docs/test_examples.py, tests/cli/test_guards.py"),
    },
    "docs/metrics.md": {"yaml": (1, "tests/docs/test_monitoring.py")},
    **{
        f"docs/migrating/{page}.md": {name: (number, "tests/docs/test_migrating.py") for name, number in blocks.items()}
        for page, blocks in {
            "another-store": {"sh": 6},
            "django": {"sh": 3},
            "flask-appbuilder": {"sh": 4},
            "flask-jwt-extended": {"python": 1, "sh": 1},
            "tutorial": {"python": 2, "sh": 5},
        }.items()
    },
    "docs/oauth-clients.md": {"sh": (1, "tests/docs/test_readme.py")},
    "docs/other-servers.md": {
        "apache": (1, "tests/servers/test_wsgi_servers.py"),
        "python": (2, "tests/docs/test_examples.py"),
    },
    "docs/provider-contract.md": {"python": (1, "tests/docs/test_examples.py")},
    "docs/reverse-proxies.md": dict.fromkeys(("caddyfile", "haproxy", "nginx"), (1, PROXIES)),
    "docs/sessions.md": {"js": (1, "tests/clients/test_browser_tabs.py")},
    "docs/testing-your-routes.md": {
        "python": (3, "tests/docs/test_testing_page.py"),
        "sh": (1, "tests/docs/test_testing_page.py; not run: the installation"),
    },
    "docs/verifying-tokens.md": {"python": (1, "tests/clients/test_verifiers.py")},
    "docs/your-own-application.md": {"python": (4, "tests/docs/test_examples.py")},
}
"""The number of the blocks that test_examples.py does not run, by language, and what runs them, or why nothing."""


def blocks_of(page: str) -> list[tuple[str, str]]:
    """Return the language and the text of each block of a page that is not an output."""
    found = re.findall(r"^ *```(\w+)\n(.*?)^ *```$", (ROOT / page).read_text(), re.MULTILINE | re.DOTALL)
    return [(language, text) for language, text in found if language not in OUTPUTS]


@pytest.mark.parametrize("page", [path.relative_to(ROOT).as_posix() for path in PAGES])
def test_every_block_of_the_page_is_run_by_a_test(page: str) -> None:
    number = Counter(language for language, _ in blocks_of(page))
    if page in pages():
        number["sh"] -= len(examples(page))
    if page not in WHOLE_PAGES and page != "CONTRIBUTING.md":
        listed = {language: number for language, (number, _) in OTHERS.get(page, {}).items()}
        assert +number == listed, "run the new block in a test, and list it in OTHERS"


def test_every_test_that_runs_blocks_exists() -> None:
    texts = [*WHOLE_PAGES.values(), *(text for languages in OTHERS.values() for _, text in languages.values())]
    tests = {path for text in texts for path in re.findall(r"tests/\S+\.py", text)}
    assert {path for path in tests if not (ROOT / path).exists()} == set()


@pytest.mark.parametrize(
    ("page", "section"),
    [
        ("docs/browser-applications.md", CorsSettings),
        ("docs/chains.md", ProviderSettings),
        ("docs/directory-roles.md", LdapSettings),
    ],
)
def test_block_of_settings_is_valid(page: str, section: type[Section]) -> None:
    (commands,) = [text for language, text in blocks_of(page) if language == "sh"]
    required = {"AUTH_PROVIDER": "static", "LDAP_URL": "ldaps://directory.example.org", "LDAP_BASE_DN": "dc=example"}
    environ = {"PATH": os.defpath, **required}
    script = ["bash", "-ec", f"{commands}\nenv -0"]
    ended = subprocess.run(script, env=environ, capture_output=True, text=True, check=True)
    set_by_page = dict(line.split("=", 1) for line in ended.stdout.split("\0") if line)
    assert section.read(set_by_page) != section.read(environ)


def test_every_variable_that_the_pages_set_is_a_setting() -> None:
    names = {section.variable(field) for section in SECTIONS for field in section.model_fields}
    names |= {*secret_file_variables()}
    prefixes = tuple(f"{prefix}_" for prefix in {name.split("_")[0] for name in names if "_" in name})
    unknown = {
        f"{path.name}: {name}"
        for path in PAGES
        for language, text in blocks_of(path.relative_to(ROOT).as_posix())
        if language == "sh"
        for name in re.findall(r"(?:^|export |(?<= ))([A-Z][A-Z_0-9]+)=", text, re.MULTILINE)
        if name.startswith(prefixes) and name not in names
    }
    assert unknown == set()
