"""The process of one target: Atheris instruments the code, and libFuzzer chooses the inputs until it finds a fault.

Arguments: the target, a JSON file with the environments of the stores, and the arguments of libFuzzer.
"""

import json
import logging
import sys
from pathlib import Path

import atheris

INSTRUMENTED = ["api", "audit", "config", "database", "passwords", "providers", "services", "jwt", "json", "ldap3"]
INSTRUMENTED += ["base64", "urllib.parse", "werkzeug.http", "werkzeug.datastructures", "werkzeug.sansio"]

with atheris.instrument_imports(include=INSTRUMENTED):
    from tests.fuzz.fuzzed_services import fuzzed_services
    from tests.fuzz.targets import TARGETS


def main() -> None:
    """Run the target. libFuzzer ends the process."""
    target, environs, *arguments = sys.argv[1:]
    with fuzzed_services(json.loads(Path(environs).read_text("utf-8"))) as services:
        for handler in logging.getLogger().handlers[:-1]:  # all except the strict one: standard error is for progress
            logging.getLogger().removeHandler(handler)
        atheris.Setup([sys.argv[0], *arguments], TARGETS[target](services))
        atheris.Fuzz()


if __name__ == "__main__":
    main()
