"""Whether the configuration can be used."""

import os
import re
from collections.abc import Iterator
from shlex import quote

from config.environment import DEVELOPMENT_FILE
from config.permissions import is_loose
from providers.interface import Check
from services.chain import Chain

STEP = "configuration"

# Where one of our problems ends and its remedy begins.
_REMEDY = re.compile(r"\. (?=(?:Write|Run|Leave|Make|Set)\b)")


def check_problem(problem: str) -> Check:
    """Return the finding that a problem of the configuration is."""
    found, *remedy = _REMEDY.split(problem.removesuffix("."), maxsplit=1)
    return Check(STEP, "failure", found, next(iter(remedy), "See docs/configuration.md"))


def check_usable(chain: Chain) -> Iterator[Check]:
    """Yield the finding that there is no such problem, and what is to be said of the development file."""
    yield Check(STEP, "ok", f"can be used; providers: {', '.join(link.name for link in chain.links)}")
    if DEVELOPMENT_FILE.exists() and is_loose(os.stat(DEVELOPMENT_FILE)):
        remedy = f"Run: chmod 600 {quote(str(DEVELOPMENT_FILE))}"
        yield Check(STEP, "warning", f"others can read {DEVELOPMENT_FILE.name}, and the secrets in it", remedy)
