"""Untrusted text in log lines: it begins no new line, hides no part of a line, and does not reorder a line."""

import json
import re
from collections.abc import Mapping

_QUOTED = re.compile(r'[ "=\\]')


def to_json(value: object) -> str:
    """Return the value as one line of ASCII JSON. A lone surrogate becomes the text of its escape."""
    # Lone surrogates are valid JSON, but many readers reject the line.
    return json.dumps(_without_surrogates(value))


def logfmt(members: Mapping[str, object]) -> str:
    """Return the members as `name=value`, separated by spaces. The first one has only its value."""
    texts = [str(value) for value in members.values()]
    if not all(texts) or not _is_plain("".join(texts)):  # one check for all: few events need quotes
        texts = [*map(_quote, texts)]
    (_, first), *others = zip(members, texts, strict=True)
    return " ".join([first, *(f"{name}={text}" for name, text in others)])


def _is_plain(text: str) -> bool:
    return text.isprintable() and not _QUOTED.search(text)


def _quote(text: str) -> str:
    """Return the text in quotes if it needs them."""
    if text and _is_plain(text):
        return text
    return json.dumps(text, ensure_ascii=False) if text.isprintable() else to_json(text)


def _without_surrogates(value: object) -> object:
    if isinstance(value, Mapping):
        return {name: _without_surrogates(member) for name, member in value.items()}
    return value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value
