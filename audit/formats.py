"""The formats of log lines: text for people, or JSON Lines. Both have the time in UTC, and escape untrusted text."""

import logging
import re
from time import gmtime, strftime
from typing import Literal

from audit.escaping import to_json
from audit.events import EVENT_ATTRIBUTE, request_members
from config.text import escape

_COLOR = re.compile(r"\x1b\[\d+m")


class JsonFormatter(logging.Formatter):
    """Formats each record as one JSON object in one line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the object: an event has its members, every other record has a `message`."""
        entry: dict[str, object] = {"time": _time(record), "level": record.levelname, "logger": record.name}
        event = getattr(record, EVENT_ATTRIBUTE, None)
        entry |= event or {"message": _message(record)}
        if request_id := _request_id(record):
            entry["request_id"] = request_id
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return to_json(entry)


class TextFormatter(logging.Formatter):
    """Formats each record as one line. The lines of a traceback are indented, so that none looks like a record."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, and the lines of the traceback."""
        message = _message(record)
        if (request_id := _request_id(record)) and str(request_id) not in message:
            message += f" (request {request_id})"
        lines = [f"{_time(record)} {record.levelname} {record.name}: {escape(message)}"]
        if record.exc_info:
            lines += [f"    {escape(line)}" for line in self.formatException(record.exc_info).splitlines()]
        return "\n".join(lines)


def formatter(name: Literal["json", "text"]) -> logging.Formatter:
    """Return the formatter of this name."""
    return JsonFormatter() if name == "json" else TextFormatter()


def log_to_standard_error(name: Literal["json", "text"]) -> None:
    """Log in this format to standard error, unless the process has configured logging already."""
    handler = logging.StreamHandler()
    handler.setFormatter(formatter(name))
    logging.basicConfig(level=logging.INFO, handlers=[handler])


def _request_id(record: logging.LogRecord) -> object:
    """Return the id of the request that has caused the record; None if there is none, or for an event, which has it."""
    return None if hasattr(record, EVENT_ATTRIBUTE) else request_members().get("request_id")


def _message(record: logging.LogRecord) -> str:
    """Return the message, without the colors that the development server also writes to files."""
    message = record.getMessage()
    return _COLOR.sub("", message) if record.name == "werkzeug" else message


def _time(record: logging.LogRecord) -> str:
    return f"{strftime('%Y-%m-%dT%H:%M:%S', gmtime(record.created))}.{int(record.msecs):03d}Z"
