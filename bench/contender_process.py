"""One contender in a process of its own: it serves batches of requests, in-process, and prints their CPU seconds.

Each line of its standard input is the name of a case and a number of requests.
"""

import gc
import importlib
import logging
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from werkzeug.datastructures import Headers
from werkzeug.test import EnvironBuilder

from bench.contenders import PATH, UNGUARDED, Contender
from bench.wsgi import call


def create(name: str, folder: str) -> Contender:
    """Create the contender with the files that it needs."""
    logging.disable(logging.WARNING)
    contender: Contender = importlib.import_module(f"bench.contenders.{name}").create(Path(folder))
    return contender


def _spoil(token: str) -> str:
    """Return the token with another signature."""
    return token[:-8] + ("AAAAAAA" if token[-8:-1] != "AAAAAAA" else "BBBBBBB") + token[-1]


CASES: dict[str, Callable[[Contender, int], list[str | None]]] = {
    "seen": lambda contender, number: [contender.issue()] * number,
    "new": lambda contender, number: [contender.issue() for _ in range(number)],
    "missing": lambda _contender, number: [None] * number,
    "malformed": lambda _contender, number: ["not a token"] * number,
    "spoilt": lambda contender, number: [_spoil(contender.issue()) for _ in range(number)],
}
"""The tokens of a batch of requests, by case. `None` means that the request has none."""
ACCEPTED = ("seen", "new")


def _environ(contender: Contender, token: str | None) -> dict[str, Any]:
    headers = {"Accept": "application/json"}  # otherwise Flask-Security redirects to the page of the login
    if token is not None:
        headers[contender.header] = contender.scheme + token
    return EnvironBuilder(PATH, headers=Headers(headers)).get_environ()


def _serve(contender: Contender, case: str, number: int, status: str) -> float:
    """Return the CPU seconds of a request. Its response must have a status that begins with `status`."""
    environs = [_environ(contender, token) for token in CASES[case](contender, number)]
    statuses = set()
    gc.collect()
    begin = time.process_time()
    for environ in environs:
        statuses.add(call(contender.app, environ)[0])
    seconds = time.process_time() - begin
    assert all(line.startswith(status) for line in statuses), statuses
    return seconds / number


def main() -> None:
    """Serve the batches that standard input names."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    with TemporaryDirectory() as folder:
        contender = create(sys.argv[1], folder)
        for line in sys.stdin:
            case, number = line.split()
            status = "200" if case in ACCEPTED or sys.argv[1] in UNGUARDED else "4"
            print(_serve(contender, case, int(number), status), flush=True)


if __name__ == "__main__":
    main()
