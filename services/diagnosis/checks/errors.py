"""Faults in what other people wrote: findings, like all else."""

import traceback
from collections.abc import Iterator

from providers.interface import Check


def caught(step: str, checks: Iterator[Check]) -> Iterator[Check]:
    """Yield the checks and, if one of them cannot be made, where it failed."""
    try:
        yield from checks
    except Exception as error:  # noqa: BLE001 - it may be anybody's provider
        # The message may hold a value; the place is enough to find the fault.
        at = traceback.extract_tb(error.__traceback__)[-1]
        found = f"it fails with {type(error).__name__} at {at.filename}, line {at.lineno}"
        yield Check(step, "failure", found, "Tell whoever wrote what stands there")
