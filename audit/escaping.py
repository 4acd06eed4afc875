"""Untrusted text in log lines: it begins no new line, hides no part of a line, and does not reorder a line."""

import json
from collections.abc import Mapping

_QUOTED = set(' "=\\')


def to_json(value: object) -> str:
    """Return the value as one line of ASCII JSON. A lone surrogate becomes the text of its escape."""
    # Lone surrogates are valid JSON, but many readers reject the line.
    return json.dumps(_without_surrogates(value))


def logfmt(members: Mapping[str, object]) -> str:
    """Return the members as `name=value`, separated by spaces. The first one has only its value."""
    first, *others = members.items()
    return " ".join([_plain(first[1]), *(f"{name}={_plain(value)}" for name, value in others)])


def _plain(value: object) -> str:
    text = str(value)
    if text.isprintable():
        return text if text and _QUOTED.isdisjoint(text) else json.dumps(text, ensure_ascii=False)
    return to_json(text)


def _without_surrogates(value: object) -> object:
    if isinstance(value, Mapping):
        return {name: _without_surrogates(member) for name, member in value.items()}
    return value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value
