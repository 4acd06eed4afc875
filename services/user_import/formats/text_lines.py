"""The lines of a UTF-8 file of any size."""

from codecs import BOM_UTF8
from collections.abc import Iterator
from io import StringIO
from typing import BinaryIO

from services.user_import.formats.entries import UnreadableFile

LONGEST_LINE = 2**20
_BLOCK = 2**16


def text_lines(file: BinaryIO, longest: int = LONGEST_LINE) -> Iterator[str]:
    """Yield the lines with their ends, LF or CRLF, without a byte order mark.

    Raises UnreadableFile for what is not UTF-8, and for a line that goes on and on after `longest` bytes.
    """
    before = 0
    while block := file.read(_BLOCK):
        rest = file.readline(longest)  # of the last line
        if len(rest) == longest:
            line = before + block.count(b"\n") + 1
            raise UnreadableFile(f"line {line} is longer than {longest} bytes")
        yield from StringIO(_decode(block + rest, before))
        before += block.count(b"\n") + rest.count(b"\n")


def _decode(block: bytes, lines_before: int) -> str:
    """Return the text of whole lines. Many at once: that is several times as fast as line by line."""
    if lines_before == 0:
        block = block.removeprefix(BOM_UTF8)
    try:
        return block.decode()
    except UnicodeDecodeError as error:
        line = lines_before + block.count(b"\n", 0, error.start) + 1
        # The error holds the block, with all its hashes.
        raise UnreadableFile(f"line {line} is not UTF-8") from None
