"""The formats of log lines, text and JSON: what each line has, and that untrusted text cannot forge one."""

import io
import json
import logging
from collections.abc import Callable
from typing import Literal

import pytest

from audit.events import MEMBERS, Event, write_event
from audit.formats import formatter

CRAFTED = [
    "two\nlines",
    "return\rline",
    "\u2028\u2029\x85\x0b\x0c",
    "\u202eright to left\u202c\u2066",
    "\x1b[31mred\x00",
    "lone \udc80 surrogate",
    'quotes " and \\ and = ',
    "",
    " ",
    "zoé 日本",
]


@pytest.fixture(params=["json", "text"])
def write(request: pytest.FixtureRequest) -> Callable[[Callable[[], None]], list[str]]:
    """Return a function that returns the lines which another function logs, in each format."""

    def lines(log: Callable[[], None]) -> list[str]:
        stream = io.StringIO()
        handler = logging.StreamHandler(stream)
        handler.setFormatter(formatter(request.param))
        root = logging.getLogger()
        root.addHandler(handler)
        try:
            log()
        finally:
            root.removeHandler(handler)
        return stream.getvalue().split("\n")[:-1]

    return lines


def is_safe(line: str) -> bool:
    """Return whether a terminal shows the line as it is, and every reader of UTF-8 accepts it."""
    return line.isprintable() and line == line.encode().decode()


Write = Callable[[Callable[[], None]], list[str]]


@pytest.mark.parametrize("crafted", CRAFTED)
def test_crafted_member_is_one_line_without_control_characters(write: Write, crafted: str) -> None:
    (line,) = write(lambda: write_event(Event.LOGIN_DENIED, reason="unknown_user", login=crafted))
    assert is_safe(line)
    if line.startswith("{"):
        assert json.loads(line)["login"] == crafted.encode("utf-8", "backslashreplace").decode()
    else:
        assert " audit: login_denied reason=unknown_user login=" in line
        assert line.count('"') % 2 == line.count('\\"') % 2


@pytest.mark.parametrize("log_format", ["json", "text"])
@pytest.mark.parametrize("crafted", CRAFTED)
def test_crafted_message_is_one_line_without_control_characters(
    log_format: Literal["json", "text"], crafted: str
) -> None:
    # Not logged: pytest-xdist cannot send a captured lone surrogate.
    record = logging.LogRecord("x", logging.ERROR, "", 0, "failed: %s", (crafted,), None)
    assert is_safe(formatter(log_format).format(record))


def test_request_of_the_development_server_has_no_color(write: Write) -> None:
    (line,) = write(lambda: logging.getLogger("werkzeug").warning("\x1b[31m\x1b[1mGET /\x1b[0m 401 \x1b[2J"))
    assert "GET / 401 " in line
    assert is_safe(line)


def test_traceback_with_a_crafted_message_cannot_begin_a_line(write: Write) -> None:
    forged = "2031-01-01T00:00:00.000Z INFO audit: login_accepted"

    def log() -> None:
        try:
            raise ValueError(f"x\n{forged}\r\x1b[31m")
        except ValueError:
            logging.getLogger("x").exception("failed")

    first, *others = write(log)
    assert all(map(is_safe, [first, *others]))
    assert all(line.startswith("    ") for line in others)
    if first.startswith("{"):
        assert others == []
        assert forged in json.loads(first)["exception"]


def test_json_line_has_its_members_in_a_fixed_order() -> None:
    record = logging.LogRecord("x", logging.ERROR, "", 0, "failed: %s", ("é",), None)
    record.created, record.msecs = 1_900_000_000.25, 250.0
    assert formatter("json").format(record) == (
        '{"time": "2030-03-17T17:46:40.250Z", "level": "ERROR", "logger": "x", "message": "failed: \\u00e9"}'
    )
    record.audit_event = dict.fromkeys(MEMBERS, 1)
    assert [*json.loads(formatter("json").format(record))] == ["time", "level", "logger", *MEMBERS]


def test_text_line_has_the_time_in_utc() -> None:
    record = logging.LogRecord("x", logging.ERROR, "", 0, "failed: %s", ("é",), None)
    record.created, record.msecs = 1_900_000_000.25, 250.0
    assert formatter("text").format(record) == "2030-03-17T17:46:40.250Z ERROR x: failed: é"


def test_unknown_member_is_an_error() -> None:
    with pytest.raises(TypeError, match="pasword"):
        write_event(Event.LOGIN_DENIED, pasword="x")
