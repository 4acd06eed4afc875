"""The process of one target: Atheris instruments the code, and libFuzzer chooses the inputs until it finds a fault.

Arguments: the target, a JSON file with the environments of the stores, and the arguments of libFuzzer.
"""

import faulthandler
import json
import logging
import sys
import time
from collections.abc import Callable
from pathlib import Path
from threading import Thread

import atheris

INSTRUMENTED = ["api", "audit", "config", "database", "passwords", "providers", "services", "jwt", "json", "ldap3"]
INSTRUMENTED += ["base64", "urllib.parse", "werkzeug.http", "werkzeug.datastructures", "werkzeug.sansio"]

with atheris.instrument_imports(include=INSTRUMENTED):
    from tests.fuzz.fuzzed_services import fuzzed_services
    from tests.fuzz.targets import TARGETS


SLOW_SECONDS = 60
"""After this time of one input, the stacks of all threads are shown."""


class Watched:
    """A target that shows where it waits. libFuzzer ends the process of a slow input without a traceback."""

    def __init__(self, check: Callable[[bytes], None]) -> None:
        self._check = check
        self._started: float | None = None
        Thread(target=self._watch, daemon=True).start()

    def __call__(self, data: bytes) -> None:
        self._started = time.monotonic()
        self._check(data)
        self._started = None

    def _watch(self) -> None:
        while self._started is None or time.monotonic() - self._started < SLOW_SECONDS:
            time.sleep(1)
        faulthandler.dump_traceback()


def main() -> None:
    """Run the target. libFuzzer ends the process."""
    target, environs, *arguments = sys.argv[1:]
    with fuzzed_services(json.loads(Path(environs).read_text("utf-8"))) as services:
        for handler in logging.getLogger().handlers[:-1]:  # all except the strict one: standard error is for progress
            logging.getLogger().removeHandler(handler)
        atheris.Setup([sys.argv[0], *arguments], Watched(TARGETS[target](services)))
        atheris.Fuzz()


if __name__ == "__main__":
    main()
