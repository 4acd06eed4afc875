"""tests/README.md lists every test file with what it tests."""

import ast
import re
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]


def first_paragraph(path: Path) -> str:
    """Return the first paragraph of the module's docstring, on one line."""
    docstring = ast.get_docstring(ast.parse(path.read_text("utf-8"))) or ""
    return " ".join(docstring.split("\n\n")[0].split())


def test_every_test_file_is_listed_with_its_behavior() -> None:
    page = (TESTS / "README.md").read_text("utf-8")
    rows = re.findall(r"^\| (.+) \| \[(\S+\.py)\]\(\2\) \| .+ \|$", page, re.MULTILINE)
    listed = {file: behavior.replace("\\|", "|") for behavior, file in rows}
    assert listed == {str(path.relative_to(TESTS)): first_paragraph(path) for path in TESTS.glob("**/test_*.py")}
