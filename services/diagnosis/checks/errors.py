"""Exceptions in checks, reported as findings."""

import traceback
from collections.abc import Iterator

from providers.interface import Check, ProviderUnavailable
from services.provider_faults import ProviderFault


def report_exceptions(step: str, checks: Iterator[Check]) -> Iterator[Check]:
    """Yield the checks. If one raises an exception, yield a failure that names the provider or the place, and end."""
    try:
        yield from checks
    except ProviderFault as error:
        yield Check(step, "failure", str(error), error.remedy)
    except ProviderUnavailable as error:
        yield Check(step, "failure", f"the provider {error.provider} {error.statement}", "Make its store available")
    except Exception as error:  # noqa: BLE001 - a mistake in a check must not hide the findings of the others
        # The message may contain a setting's value. The file and the line are enough to find the fault.
        at = traceback.extract_tb(error.__traceback__)[-1]
        found = f"failed with {type(error).__name__} at {at.filename}, line {at.lineno}"
        yield Check(step, "failure", found, "Report this to the author of that file")
