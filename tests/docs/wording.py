"""Find the phrases that docs/style.md refuses: in pages, in the text of Python sources, and in names."""

import io
import re
import tokenize
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from tests.docs.phrase_book import JUSTIFIED, OPENINGS, PHRASES, Phrase

ROOT = Path(__file__).resolve().parents[2]
PROSE = ("*.md", "Makefile", ".editorconfig", "*.toml", "*.ini", "*.yml", "*.yaml", ".ci/*", ".github/**/*.yml")
PACKAGES = ("api", "bench", "cli", "config", "database", "passwords", "providers", "services")
SELF = {"docs/style.md"}  # it quotes what it refuses

# Stands for code, which is not read; no pattern matches it.
CODE = "\0"


class Hit(NamedTuple):
    """A refused phrase in a file."""

    path: str
    line: int
    found: str
    instead: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {' '.join(self.found.split())!r} → {self.instead}"


def files() -> list[str]:
    """Return the paths of all files that are read, relative to the repository's root, sorted."""
    patterns = [*PROSE, "*.py", "docs/*.md", "docs/[!s]*/*.md", "tests/*.md", "tests/**/*.py"]
    patterns += [f"{package}/**/*.{suffix}" for package in PACKAGES for suffix in ("py", "mako")]
    found = {path.relative_to(ROOT).as_posix() for pattern in patterns for path in ROOT.glob(pattern) if path.is_file()}
    return sorted(found - SELF)


def check_file(path: str) -> list[Hit]:
    """Return the hits in a file: in a test only its names are read, elsewhere its text and its names."""
    source = (ROOT / path).read_text()
    is_test = path.startswith("tests/")
    hits = []
    if path.endswith(".py"):
        hits += check_names(path, source, only="test_" if is_test else "")
    if not path.endswith(".py"):
        hits += check_prose(path, source)
    elif not is_test:
        hits += check_python(path, source)
    return sorted(hits, key=lambda hit: hit.line)


def check_prose(path: str, text: str) -> list[Hit]:
    """Return the hits in a page, or in a file with comments that begin with "#"."""
    return _hits(path, re.sub(r"(?m)^([ \t]*)(#+|>)", lambda mark: mark[1] + " " * len(mark[2]), text), [])


def check_python(path: str, source: str) -> list[Hit]:
    """Return the hits in the comments and the string literals of a Python source."""
    lines = source.splitlines(keepends=True)
    starts = [sum(map(len, lines[:number])) for number in range(len(lines) + 1)]
    text = re.sub(r"\S", CODE, source)
    openings = []
    for (row, column), (end_row, end_column), is_format in _texts(source):
        begin, end = starts[row - 1] + column, starts[end_row - 1] + end_column
        literal = _without_syntax(source[begin:end], is_format=is_format)
        openings.append(begin + len(literal) - len(literal.lstrip()))
        text = text[:begin] + literal + text[end:]
    return _hits(path, text, openings)


def check_names(path: str, source: str, only: str = "") -> list[Hit]:
    """Return the hits in a source's own name and in its functions and classes whose names begin with *only*."""
    names = [(1, Path(path).stem)] if Path(path).stem.startswith(only) else []
    for number, line in enumerate(source.splitlines(), 1):
        if named := re.match(rf"\s*(?:async )?(?:def|class) ({only}\w*)", line):
            names.append((number, named[1]))
    return [
        hit._replace(line=number, found=name, instead=f"{hit.found!r}: {hit.instead}")
        for number, name in names
        for hit in _hits(path, re.sub(r"_|(?<=[a-z])(?=[A-Z])", " ", name), [])
    ]


def _texts(source: str) -> Iterator[tuple[tuple[int, int], tuple[int, int], bool]]:
    """Yield where each comment and each literal begins and ends, and whether it is an f-string."""
    depth, start = 0, (0, 0)
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        kind = tokenize.tok_name[token.type]
        if kind == "FSTRING_START":  # Python 3.12 and newer; older ones have one STRING
            start = start if depth else token.start
            depth += 1
        elif kind == "FSTRING_END":
            depth -= 1
        if kind in {"STRING", "COMMENT"} and not depth:
            yield token.start, token.end, bool(re.match(r"\w*f", token.string, re.IGNORECASE))
        elif kind == "FSTRING_END" and not depth:
            yield start, token.end, True


def _without_syntax(literal: str, *, is_format: bool) -> str:
    """Return a comment or literal of the same length, its marks blank, and each expression a word of X."""
    syntax = r"^#+|^\w*(?:\"\"\"|'''|\"|')|(?:\"\"\"|'''|\"|')$|\\[nrt\n]"
    text = re.sub(syntax, lambda mark: re.sub(r"[^\n]", " ", mark[0]), literal)
    while is_format and (expression := re.search(r"\{[^{}]*\}", text)):
        blank = re.sub(r"[^\n]", "X", expression[0])
        text = text[: expression.start()] + blank + text[expression.end() :]
    return text


def _hits(path: str, text: str, openings: list[int]) -> list[Hit]:
    """Return the hits in a text; *openings* are where its literals begin."""
    for quote in JUSTIFIED:
        text = re.sub(re.escape(quote), CODE * len(quote), text, flags=re.IGNORECASE)
    lines = text.count
    matches = [(found, phrase) for phrase in PHRASES for found in _compiled(phrase).finditer(text)]
    matches += [
        (found, phrase) for phrase in OPENINGS for begin in openings if (found := _compiled(phrase).match(text, begin))
    ]
    return [Hit(path, lines("\n", 0, found.start()) + 1, found[0], phrase.instead) for found, phrase in matches]


def _compiled(phrase: Phrase) -> re.Pattern[str]:
    words = re.sub(r"(?<!\?<!there) ", r"\\s+", phrase.pattern)
    return re.compile(rf"\b(?:{words})\b", re.IGNORECASE)


def report(paths: Iterable[str], write: Callable[[str], object]) -> int:
    """Write the hits in files and folders, and return their number."""
    wanted = [Path(path).resolve().relative_to(ROOT).as_posix() for path in paths] or ["."]
    chosen = [path for path in files() if any(part in {".", path} or path.startswith(f"{part}/") for part in wanted)]
    hits = [hit for path in chosen for hit in check_file(path)]
    for hit in hits:
        write(f"{hit}\n")
    write(f"{len(hits)} in {len(chosen)} files\n")
    return len(hits)
