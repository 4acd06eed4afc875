"""The text of a setting: the line end that is removed from it, and the texts that no setting accepts."""

import re

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_BYTE_ORDER_MARK = "\N{ZERO WIDTH NO-BREAK SPACE}"


class UnusableValue(ValueError):
    """The text cannot be the value of a setting.

    The message is a predicate about the variable, or the file, that contains it. It never quotes the text.
    """

    def __init__(self, found: str, remedy: str) -> None:
        super().__init__(found)
        self.remedy = remedy


def clean_value(text: str) -> str:
    """Return the text without line ends at its end, which `echo` and editors add. Raises UnusableValue.

    A mark or a character that a program has added is refused, and not removed: as a part of a secret, it would make two
    equal secrets different.
    """
    text = text.rstrip("\r\n")
    if text.startswith(_BYTE_ORDER_MARK):
        raise UnusableValue("begins with a byte order mark", "Save it as UTF-8 without a byte order mark")
    if is_quoted(text.strip()):
        raise UnusableValue("has quotes around its value", "Remove the quotes, which are not shell syntax there")
    if _CONTROL.search(text):
        raise UnusableValue("contains a control character", "Remove it")
    return text


def is_quoted(text: str) -> bool:
    """Return whether the whole text is in quotes."""
    return len(text) > 1 and text[0] == text[-1] and text[0] in "\"'"
