"""The check of the configuration."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from shlex import quote

from config.environment import DEVELOPMENT_FILE
from config.errors import Problem
from config.permissions import is_readable_by_others, is_writable_by_others
from config.section import secret_file_variables
from providers.interface import Check
from services.context import Services

STEP = "configuration"


def as_failed_check(problem: Problem) -> Check:
    """Return the finding for a problem of the configuration."""
    return Check(STEP, "failure", problem.statement, problem.remedy or "See docs/configuration.md")


def check_configuration(services: Services, environ: Mapping[str, str]) -> Iterator[Check]:
    """Yield the findings about a configuration that is valid, and about the files that contain its secrets."""
    yield Check(STEP, "ok", f"valid; providers: {', '.join(link.name for link in services.chain.links)}")
    if services.clients.password_grant:
        found = "OAuth clients may send the passwords of users, which RFC 9700 §2.4 forbids"
        remedy = "Change the clients to call /api/auth, and unset OAUTH_PASSWORD_GRANT"
        yield Check("password grant", "warning", found, remedy)
    if DEVELOPMENT_FILE.exists():
        yield from _check_secret_file(DEVELOPMENT_FILE.name, DEVELOPMENT_FILE)
    for variable in secret_file_variables():
        if path := environ.get(variable, "").strip():
            yield from _check_secret_file(variable, Path(path))


def _check_secret_file(name: str, path: Path) -> Iterator[Check]:
    status = os.stat(path)
    remedy = f"Run: chmod 600 {quote(str(path))}, as its owner. In a container, mount it with the mode 0400"
    if is_writable_by_others(status):
        yield Check(
            f"{STEP}: {name}", "failure", "other users can write the file and replace the secrets in it", remedy
        )
    elif is_readable_by_others(status):
        yield Check(f"{STEP}: {name}", "warning", "other users can read the file and the secrets in it", remedy)
