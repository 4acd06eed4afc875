"""Each promise of docs/security.md names its tests, and pytest finds each of them in the file that the page names."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/security.md").read_text("utf-8")
TEST = re.compile(r"\[`(test_\w+)`\]\(\.\./(tests/[\w/]+\.py)\)")


def promises() -> list[str]:
    """Return the rows of all tables, without their heads."""
    rows = [line for line in PAGE.splitlines() if line.startswith("|")]
    return [row for row in rows if not row.endswith("| test |") and not set(row) <= set("|-")]


def test_each_promise_names_a_test() -> None:
    assert len(promises()) > 50
    for row in promises():
        promise, tests = row.strip("| ").split(" | ")
        assert promise
        assert TEST.search(tests), row
        assert TEST.sub("", tests).strip(" ,") == "", row


def test_each_section_with_promises_lists_what_is_not_stopped() -> None:
    sections = re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:]
    lists = [section for section in sections if section.count("| promise |")]
    assert len(lists) > 10
    assert [section.splitlines()[0] for section in lists if "\n**Not stopped:**\n\n- " not in section] == []


def test_each_named_test_is_collected_from_the_named_file() -> None:
    named = sorted({f"{file}::{name}" for name, file in TEST.findall(PAGE)})
    command = [sys.executable, "-m", "pytest", "--collect-only", "--quiet", "-p", "no:cacheprovider", *named]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=900)
    collected = {line.partition("[")[0] for line in ended.stdout.splitlines() if "::" in line}
    assert {*named} - collected == set(), ended.stdout[-2000:] + ended.stderr[-2000:]
    assert ended.returncode == 0
