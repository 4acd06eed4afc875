"""Names and passwords: their normalization, and that a crafted text does not occupy a core."""

import time
from collections.abc import Callable
from unicodedata import normalize

import pytest

from config.text import MAX_NAME_LENGTH, MAX_PASSWORD_LENGTH, normalize_name, normalize_password

NORMALIZERS = [(normalize_name, MAX_NAME_LENGTH), (normalize_password, MAX_PASSWORD_LENGTH)]
CRAFTED = ["x" + "\u0316\u0301" * 4000, "x" + "\u0301" * 4000 + "\u0316" * 4000]


def time_of(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


@pytest.mark.parametrize("normalizer", [normalize_name, normalize_password])
@pytest.mark.parametrize("text", CRAFTED, ids=["alternating", "sorted"])
def test_crafted_text_is_rejected_before_its_slow_normalization(normalizer: Callable[[str], str], text: str) -> None:
    def reject(rejected: str) -> None:
        with pytest.raises(ValueError, match="must be at most"):
            normalizer(rejected)

    assert 10 * time_of(lambda: reject(text)) < time_of(lambda: normalize("NFC", text))


@pytest.mark.parametrize(("normalizer", "max_length"), NORMALIZERS)
def test_marks_in_a_row_are_limited(normalizer: Callable[[str], str], max_length: int) -> None:
    assert normalizer("x" + "\u0316" * 30 + "y" + "\u0301" * 30)
    for text in ("x" + "\u0316" * 31, "\u0316" * (max_length - 1) + "x", "x" + "\u0316\u0301" * 100 + "y"):
        with pytest.raises(ValueError, match="more than 30 combining marks in a row"):
            normalizer(text)


@pytest.mark.parametrize(("normalizer", "max_length"), NORMALIZERS)
def test_longest_text_may_be_decomposed(normalizer: Callable[[str], str], max_length: int) -> None:
    longest = "\u1fa7" * max_length  # one character that four characters compose
    assert len(normalize("NFD", longest)) == 4 * max_length
    assert normalizer(normalize("NFD", longest)) == longest
    with pytest.raises(ValueError, match=f"must be at most {max_length} characters long"):
        normalizer(normalize("NFD", longest) + "x")


def test_no_more_than_four_characters_compose_one() -> None:
    assert max(len(normalize("NFD", chr(point))) for point in range(0x110000)) == 4
