"""The objects of a JSON array of any size."""

import json
import re
from codecs import getincrementaldecoder
from collections.abc import Iterator
from typing import Any, BinaryIO

from services.user_import.formats.entries import UnreadableFile
from services.user_import.formats.text_lines import refuse_utf_16

MAX_OBJECT_LENGTH = 2**20
_BLOCK_BYTES = 2**16
_find_non_blank = re.compile(r"[^ \t\r\n]").search
_decode_value = json.JSONDecoder().raw_decode


class JsonArray:
    """A UTF-8 file that is one JSON array of objects. Keeps only the text that is not yet parsed."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._decode = getincrementaldecoder("utf-8-sig")().decode
        self._text = ""
        self._index = 0
        self._count = 0

    def objects(self) -> Iterator[tuple[dict[str, Any], str]]:
        """Yield each object, and its text.

        Raises UnreadableFile if the file is not such an array, or an object is longer than MAX_OBJECT_LENGTH.
        """
        self._expect("[")
        if self._peek() != "]":
            yield self._parse_object()
            while self._peek() == ",":
                self._expect(",")
                yield self._parse_object()
        self._expect("]")
        self._expect("")

    def _peek(self) -> str:
        """Skip blanks, and return the next character; an empty string at the end of the file."""
        while not (match := _find_non_blank(self._text, self._index)):
            self._index = len(self._text)
            if not self._read_block():
                return ""
        self._index = match.start()
        return match[0]

    def _expect(self, mark: str) -> None:
        if self._peek() != mark:
            raise self._unreadable("a JSON array of objects")
        self._index += len(mark)

    def _parse_object(self) -> tuple[dict[str, Any], str]:
        if self._peek() != "{":
            raise self._unreadable("a JSON array of objects")
        while not (decoded := self._try_decode()):
            if len(self._text) - self._index > MAX_OBJECT_LENGTH or not self._read_block():
                raise self._unreadable(f"JSON with objects of at most {MAX_OBJECT_LENGTH} characters")
        value, end = decoded
        text = self._text[self._index : end]
        self._index = end
        self._count += 1
        return value, text

    def _try_decode(self) -> tuple[dict[str, Any], int] | None:
        """Return the object at the index, and its end; None if it is invalid or not yet read completely."""
        try:
            return _decode_value(self._text, self._index)
        except (ValueError, RecursionError):
            return None

    def _read_block(self) -> bool:
        """Read more text. Return False at the end of the file."""
        block = self._file.read(_BLOCK_BYTES)
        if not self._text:
            refuse_utf_16(block)
        try:
            self._text = self._text[self._index :] + self._decode(block, not block)
        except UnicodeDecodeError:
            raise self._unreadable("UTF-8") from None
        self._index = 0
        return bool(block)

    def _unreadable(self, expected: str) -> UnreadableFile:
        subject = f"the text after object {self._count}" if self._count else "the file"
        return UnreadableFile(f"{subject} is not {expected}")
