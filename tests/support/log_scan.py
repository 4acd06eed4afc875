"""The log of the whole test run, and the secrets that must not be in it.

The log has the records of this process, the output of the servers that it starts, and the standard error of commands.
"""

import json
import logging
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from audit.formats import formatter

# A file in memory without a name: nothing remains of it, even if the process is killed.
LOG = Path(f"/proc/self/fd/{os.memfd_create('log of the tests')}")

SHAPES = {
    "access token": r"eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]+",
    "refresh token": r"(?<![\w-])[\w-]{22}\.[\w-]{43}(?![\w-])",
    "digest of a refresh token, or credential stamp": r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])",
    "password hash": r"\$(?:argon2\w*|2[abxy]|[156Py]|apr1|pbkdf2[\w-]*|scrypt|bcrypt[\w-]*)\$[\w./+=$,-]{16}"
    r"|\{(?:SSHA|SHA|SMD5|MD5|CRYPT|ARGON2|PBKDF2)\d*\}[\w./+=$,-]{16}"
    r"|(?:pbkdf2|scrypt|pbkdf2_sha\d+|bcrypt_sha256):?[\w$:]*\$[\w./+=$-]{16}",
    "private key": r"PRIVATE KEY-----",
    "HTTP credentials": r"(?i)\b(?:Basic|Bearer) [\w.~+/=-]{16}",
    "password in a URL": r"\w://(?!user:password@)[^/\s:@]+:[^@/\s]+@",
}
"""What each kind of secret looks like. Tokens and hashes need not be known to be found."""

_SECRET_MEMBERS = ("password", "new_password", "refresh_token", "token", "client_secret")
_LOGIN_MEMBERS = ("email", "username")
_secrets: set[str] = set()
_logins: set[str] = set()


def remember_secret(value: object) -> None:
    """Let the scan search for a password or another secret that has no shape, unless it resembles a usual word."""
    is_text = isinstance(value, str) and len(value) >= 8
    if is_text and len({*str(value)}) >= 4 and not re.fullmatch(r"[a-z_]+|\d+", str(value)):
        _secrets.add(str(value))


class RememberingClient(FlaskClient):
    """A client that remembers the secrets which it sends."""

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        for members in (kwargs.get("json"), kwargs.get("data")):
            if isinstance(members, Mapping):
                for name in _SECRET_MEMBERS:
                    remember_secret(members.get(name))
                _logins.update(str(members[name]) for name in _LOGIN_MEMBERS if name in members)
        return super().open(*args, **kwargs)


def append_to_log(text: str) -> None:
    """Add the output of a process."""
    with LOG.open("a", encoding="utf-8", errors="backslashreplace") as file:
        file.write(f"{text}\n")


def open_log() -> IO[bytes]:
    """Return the log as an output of a process."""
    return LOG.open("ab")


def end_of_log() -> str:
    """Return the last lines of the log, for the report of a failed test."""
    return LOG.read_text("utf-8", "replace")[-5000:]


def log_handler() -> logging.Handler:
    """Return a handler that writes records to the log, with their tracebacks."""
    handler = logging.FileHandler(LOG, encoding="utf-8", errors="backslashreplace")
    handler.setFormatter(formatter("text"))
    return handler


def leaks(log: str) -> Iterator[str]:
    """Yield the kind and the line of each secret in a log."""
    for kind, shape in SHAPES.items():
        yield from (f"{kind}: {_line_at(log, found.start())}" for found in re.finditer(shape, log))
    for secret in sorted(_secrets - _logins):
        for spelling in {secret, repr(secret)[1:-1], json.dumps(secret)[1:-1]}:
            if (position := log.find(spelling)) >= 0:
                yield f"a password or secret of a test: {_line_at(log, position)}"


def _line_at(log: str, position: int) -> str:
    begin = log.rfind("\n", 0, position) + 1
    return log[begin : log.find("\n", position) % (len(log) + 1)][:600]
