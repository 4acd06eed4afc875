"""The documentation as a static site, built by `make docs` with Sphinx, from the Markdown that Git hosts show.

The pages have no directives of Sphinx. The lists of docs/README.md become the navigation.
"""

import re
import tomllib
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

PROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text("utf-8"))["project"]
GIT_HOST = f"{PROJECT['urls']['Source']}/blob/main/"
CHILDREN = {"directories": [":hidden:", "directories/*"], "decisions/README": [":maxdepth: 1", "00*"]}
"""The navigation of pages whose subpages are not in docs/README.md."""

project = "Latchkey"
version = release = PROJECT["version"]
project_copyright = "The Latchkey authors"

extensions = ["myst_parser"]
root_doc = "README"
exclude_patterns = ["site/**"]
myst_heading_anchors = 4
# The responses on the pages have shortened values, and some configuration files have no lexer.
suppress_warnings = ["misc.highlighting_failure"]

html_theme = "furo"
html_title = f"Latchkey {version}"
html_favicon = "favicon.svg"
html_static_path = ["site.css", "diagrams.js", "node_modules/@mermaid-js/tiny/dist/mermaid.tiny.js"]
html_css_files = ["site.css"]
html_extra_path = ["index.html"]
html_copy_source = False


def prepare(_: Sphinx, name: str, source: list[str]) -> None:
    """Add the navigation, name links after the titles of their pages, and link files outside docs/ on the Git host."""
    outside = "]({}".format("../" * (name.count("/") + 1))
    page = re.sub(r"\[[\w./-]+\.md\]\(", "[](", source[0].replace(outside, f"]({GIT_HOST}"))
    if name == root_doc:
        for caption, listed in re.findall(r"^##+ (.+)\n\n(?:[^-#].+\n\n)?((?:[- ].+\n)+)", page, re.MULTILINE):
            page += _navigation(":hidden:", f":caption: {caption}", *re.findall(r"\(([^)]+\.md)\)", listed))
    source[0] = page + (_navigation(*CHILDREN[name]) if name in CHILDREN else "")


def _navigation(*lines: str) -> str:
    return "\n".join(["", "```{toctree}", ":glob:", *lines, "```", ""])


def mark_diagrams(_: Sphinx, page: nodes.document) -> None:
    """Leave the text of a diagram, which diagrams.js draws, as it is."""
    for block in page.findall(nodes.literal_block):
        if block["language"] == "mermaid":
            block["language"] = "text"
            block["classes"].append("mermaid")


def add_scripts(app: Sphinx, name: str, template: str, context: dict[str, Any], page: nodes.document | None) -> None:
    """Add the scripts that draw diagrams to the pages that have one."""
    if page and any("mermaid" in block["classes"] for block in page.findall(nodes.literal_block)):
        app.add_js_file("mermaid.tiny.js", loading_method="defer")
        app.add_js_file("diagrams.js", loading_method="defer")


def setup(app: Sphinx) -> None:
    """Register the functions above."""
    app.connect("source-read", prepare)
    app.connect("doctree-read", mark_diagrams)
    app.connect("html-page-context", add_scripts)
