"""The commands `flask keys` in this process, and what they print."""

import json
import re
from collections.abc import Callable

from click.testing import Result

GENERATED = re.compile(r"Generated (\w+) key ([\w-]{43}) \((\w+)\)\.")
WAIT = "Wait 5 minutes, until clients have fetched the key, then run: flask keys rotate"
Command = Callable[..., Result]


def generated(ended: Result) -> tuple[str, str, str]:
    """Return the id of the generated key, its algorithm and its state."""
    assert ended.exit_code == 0
    match = GENERATED.match(ended.stdout)
    assert match
    return match[2], match[3], match[1]


def states(command: Command) -> list[tuple[str, str]]:
    """Return each key and its state, from the JSON output."""
    return [(key["key"], key["state"]) for key in json.loads(command("list", "--json").stdout)]


def rejection(ended: Result) -> str:
    """Return the error, which is the only line of output."""
    assert (ended.exit_code, ended.stdout) == (2, "")
    (line,) = ended.stderr.removeprefix("Error: the configuration is invalid.\n").splitlines()
    return line.strip().removeprefix("Error: ")
