"""The objects of a JSON array of any size."""

import json
import re
from codecs import getincrementaldecoder
from collections.abc import Iterator
from typing import Any, BinaryIO

from services.user_import.formats.entries import UnreadableFile

LONGEST_OBJECT = 2**20
_BLOCK = 2**16
_not_blank = re.compile(r"[^ \t\r\n]").search
_decode_value = json.JSONDecoder().raw_decode


class JsonArray:
    """A UTF-8 file that is one JSON array of objects. Only the text that is not yet used is held."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._decode = getincrementaldecoder("utf-8-sig")().decode
        self._text = ""
        self._position = 0
        self._count = 0

    def objects(self) -> Iterator[tuple[dict[str, Any], str]]:
        """Yield each object, and its text.

        Raises UnreadableFile where the file is something else, and for an object of over LONGEST_OBJECT characters.
        """
        self._take("[")
        if self._next() != "]":
            yield self._object()
            while self._next() == ",":
                self._take(",")
                yield self._object()
        self._take("]")
        self._take("")

    def _next(self) -> str:
        """Go to the next character that is not blank, and return it; at the end there is none."""
        while not (found := _not_blank(self._text, self._position)):
            self._position = len(self._text)
            if not self._read_on():
                return ""
        self._position = found.start()
        return found[0]

    def _take(self, mark: str) -> None:
        if self._next() != mark:
            raise self._unreadable("a JSON array of objects")
        self._position += len(mark)

    def _object(self) -> tuple[dict[str, Any], str]:
        if self._next() != "{":
            raise self._unreadable("a JSON array of objects")
        while not (decoded := self._decoded()):
            if len(self._text) - self._position > LONGEST_OBJECT or not self._read_on():
                raise self._unreadable(f"JSON with objects of at most {LONGEST_OBJECT} characters")
        value, end = decoded
        text = self._text[self._position : end]
        self._position = end
        self._count += 1
        return value, text

    def _decoded(self) -> tuple[dict[str, Any], int] | None:
        """Return the object here and where it ends; None if it is broken, or its end is not yet read."""
        try:
            return _decode_value(self._text, self._position)
        except (ValueError, RecursionError):
            return None

    def _read_on(self) -> bool:
        """Read more, and say whether there was any."""
        block = self._file.read(_BLOCK)
        try:
            self._text = self._text[self._position :] + self._decode(block, not block)
        except UnicodeDecodeError:
            raise self._unreadable("UTF-8") from None
        self._position = 0
        return bool(block)

    def _unreadable(self, expected: str) -> UnreadableFile:
        place = f"after object {self._count}, " if self._count else ""
        return UnreadableFile(f"{place}it is not {expected}")
