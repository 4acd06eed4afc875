"""A log handler that fails if a record is not one line, or is an exception that the service has not expected."""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager

from audit.formats import formatter


class StrictHandler(logging.Handler):
    """Formats each record in both formats and discards the lines. An AssertionError passes to the caller."""

    def emit(self, record: logging.LogRecord) -> None:
        assert not record.exc_info, record.exc_info
        text, line = (formatter(name).format(record) for name in ("text", "json"))
        assert text.isprintable(), text
        text.encode()
        assert line.isascii()
        assert line.isprintable(), line
        assert isinstance(json.loads(line), dict)


@contextmanager
def strict_log() -> Iterator[None]:
    """Check all records until the context ends."""
    handler = StrictHandler()
    logging.getLogger().addHandler(handler)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(handler)
