"""Strategies for Hypothesis that many tests of parsers share."""

from collections.abc import Sequence

from hypothesis import settings
from hypothesis import strategies as st


def fewer_examples(divisor: int) -> settings:
    """Return the settings of a slow test, which has only a part of the examples of the profile."""
    return settings(max_examples=max(1, settings().max_examples // divisor))


ANY_TEXT = st.text(st.characters(), max_size=60)
"""Any text, also control characters and lone surrogates."""

UTF8_TEXT = st.text(max_size=60)
"""Any text that can be encoded in UTF-8."""

HEADER_VALUES = st.binary(max_size=60).map(lambda octets: octets.decode("latin-1"))
"""Header values as a WSGI server passes them: each character is a byte (PEP 3333)."""

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT,
    lambda values: st.lists(values, max_size=4) | st.dictionaries(ANY_TEXT, values, max_size=4),
    max_leaves=12,
)
"""What a JSON parser of Python returns, also what is not JSON: NaN, infinity and lone surrogates."""


@st.composite
def damaged(draw: st.DrawFn, whole: Sequence[bytes], alphabet: bytes | None = None) -> bytes:
    """Return one of these inputs with up to four changes: each replaces a few bytes by others, or by none."""
    data = draw(st.sampled_from(whole))
    added = st.binary(max_size=6) if alphabet is None else st.lists(st.sampled_from(alphabet), max_size=6).map(bytes)
    for _ in range(draw(st.integers(0, 4))):
        position = draw(st.integers(0, len(data)))
        data = data[:position] + draw(added) + data[position + draw(st.integers(0, 6)) :]
    return data


@st.composite
def damaged_text(draw: st.DrawFn, whole: Sequence[str]) -> str:
    """Return one of these texts with up to four changes: each replaces a few characters by others, or by none."""
    text = draw(st.sampled_from(whole))
    for _ in range(draw(st.integers(0, 4))):
        position = draw(st.integers(0, len(text)))
        text = text[:position] + draw(st.text(st.characters(), max_size=6)) + text[position + draw(st.integers(0, 6)) :]
    return text


@st.composite
def substituted_text(draw: st.DrawFn, whole: Sequence[str]) -> str:
    """Return one of these texts with one to three characters replaced by others of the text, so that its form stays."""
    characters = list(draw(st.sampled_from(whole)))
    alphabet = sorted({*characters})
    for _ in range(draw(st.integers(1, 3))):
        characters[draw(st.integers(0, len(characters) - 1))] = draw(st.sampled_from(alphabet))
    return "".join(characters)
