"""The lines of a UTF-8 file of any size."""

from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterator
from io import StringIO
from typing import BinaryIO

from services.user_import.formats.entries import UnreadableFile

MAX_LINE_BYTES = 2**20
_BLOCK_BYTES = 2**16
_REMEDY = "Save it as UTF-8. In Excel: CSV UTF-8 (comma delimited)"


def text_lines(file: BinaryIO, max_bytes: int = MAX_LINE_BYTES) -> Iterator[str]:
    """Yield the lines with their line ends, LF or CRLF, without a byte order mark.

    Raises UnreadableFile if the file is not UTF-8, or has a line of more than `max_bytes`.
    """
    lines_before = 0
    while block := file.read(_BLOCK_BYTES):
        if lines_before == 0:
            refuse_utf_16(block)
        line_end = file.readline(max_bytes)
        if len(line_end) == max_bytes:
            line = lines_before + block.count(b"\n") + 1
            raise UnreadableFile(f"line {line} is longer than {max_bytes} bytes")
        yield from StringIO(_decode(block + line_end, lines_before))
        lines_before += block.count(b"\n") + line_end.count(b"\n")


def refuse_utf_16(begin: bytes) -> None:
    """Raise UnreadableFile if a file that begins with these bytes is UTF-16, which Excel calls Unicode text."""
    if begin.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) or b"\0" in begin[:4]:
        raise UnreadableFile(f"it is UTF-16, not UTF-8. {_REMEDY}")


def _decode(block: bytes, lines_before: int) -> str:
    """Return the text of whole lines. Decoding many lines together is several times as fast as line by line."""
    if lines_before == 0:
        block = block.removeprefix(BOM_UTF8)
    try:
        return block.decode()
    except UnicodeDecodeError as error:
        line = lines_before + block.count(b"\n", 0, error.start) + 1
        # The cause is hidden: it contains the block, with all its hashes.
        raise UnreadableFile(f"line {line} is not UTF-8. {_REMEDY}") from None
