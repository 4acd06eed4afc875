"""No text and no name uses a phrase that docs/style.md refuses.

Check files and folders while you write: `.venv/bin/python -m tests.docs.test_wording PATH…`
"""

import sys

import pytest

from tests.docs.phrase_book import OPENINGS, PHRASES, Phrase
from tests.docs.wording import check_file, check_names, check_prose, check_python, files, report


@pytest.mark.parametrize("path", files())
def test_file_uses_no_refused_phrase(path: str) -> None:
    assert [str(hit) for hit in check_file(path)] == []


@pytest.mark.parametrize("phrase", PHRASES, ids=lambda phrase: phrase.example)
def test_phrase_is_found_in_each_kind_of_text(phrase: Phrase) -> None:
    example, name = phrase.example, "_".join(phrase.example.strip(".").split())
    expected = [(2, phrase.instead)]
    assert [hit[1::2] for hit in check_prose("page.md", f"# Title\n{example}\n")] == expected
    assert [hit[1::2] for hit in check_python("a.py", f'"""Sum.\n{example}"""\n')] == expected
    assert [hit[1::2] for hit in check_python("a.py", f"a = 1\nb = 2  # {example}\n")] == expected
    assert [hit[1::2] for hit in check_python("a.py", f'a = 1\nb = f"{example} {{a}} {{told}}"\n')] == expected
    if "'" not in name and "-" not in name:
        assert check_names("a.py", f"a = 1\ndef {name}() -> None: ...\n")[0].line == 2


@pytest.mark.parametrize("phrase", OPENINGS, ids=lambda phrase: phrase.example)
def test_opening_is_found_where_a_literal_begins(phrase: Phrase) -> None:
    assert check_python("a.py", f'def f() -> None:\n    """{phrase.example}"""\n')[0].line == 2
    assert check_python("a.py", f'a = "Hello. {phrase.example}"\n') == []


def test_phrase_is_found_across_lines_and_adjacent_literals() -> None:
    assert [hit.line for hit in check_prose("page.md", "Sessions end at\nonce.\n")] == [1]
    assert [hit.line for hit in check_prose("Makefile", "# Sessions end at\n# once.\n")] == [1]
    assert [hit.line for hit in check_python("a.py", "\n# Sessions end at\n# once.\n")] == [2]
    assert [hit.line for hit in check_python("a.py", 'a = (\n    "Sessions end at "\n    f"once."\n)\n')] == [2]


@pytest.mark.parametrize(
    "text",
    [
        "It is no longer valid, and there is no database.",
        "The user understands the standard, attends and recommends it.",
        "Goodbye: the best good example is used.",
        "Focus groups focus once on indoor plants.",
    ],
)
def test_ordinary_words_are_allowed(text: str) -> None:
    assert check_prose("page.md", text) == []


def test_code_is_not_text() -> None:
    assert check_python("a.py", 'told = ours["x"]\nf("at", "once")\nb = f"a {told}"\n') == []


def test_only_test_functions_are_checked_in_a_test() -> None:
    source = "def test_users_at_once() -> None: ...\ndef ours() -> None: ...\nclass TestDoor: ...\n"
    assert [hit.found for hit in check_names("test_a.py", source, only="test_")] == ["test_users_at_once"]
    assert [hit.found for hit in check_names("a.py", source)] == ["test_users_at_once", "ours", "TestDoor"]


if __name__ == "__main__":
    sys.exit(1 if report(sys.argv[1:], sys.stdout.write) else 0)
