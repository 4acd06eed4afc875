"""The check of the configuration."""

import os
from collections.abc import Iterator
from shlex import quote

from config.environment import DEVELOPMENT_FILE
from config.errors import Problem
from config.permissions import is_readable_by_others
from providers.interface import Check
from services.chain import Chain

STEP = "configuration"


def as_failed_check(problem: Problem) -> Check:
    """Return the finding for a problem of the configuration."""
    return Check(STEP, "failure", problem.statement, problem.remedy or "See docs/configuration.md")


def check_configuration(chain: Chain) -> Iterator[Check]:
    """Yield the findings about a configuration that is valid."""
    yield Check(STEP, "ok", f"valid; providers: {', '.join(link.name for link in chain.links)}")
    if DEVELOPMENT_FILE.exists() and is_readable_by_others(os.stat(DEVELOPMENT_FILE)):
        remedy = f"Run: chmod 600 {quote(str(DEVELOPMENT_FILE))}"
        yield Check(STEP, "warning", f"other users can read {DEVELOPMENT_FILE.name} and the secrets in it", remedy)
