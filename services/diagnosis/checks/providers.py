"""The checks that the providers define."""

from collections.abc import Generator, Iterator
from dataclasses import replace

from providers.interface import Check, SupportsCheck
from services.chain import Chain
from services.diagnosis.checks.errors import report_exceptions
from services.links import Link
from services.provider_calls import check_with


def check_providers(chain: Chain) -> Generator[Check, None, frozenset[str]]:
    """Yield the findings of all providers, then return the names of the providers with a failure."""
    failed = set()
    for link in chain.links:
        for check in _checks(link):
            if check.outcome == "failure":
                failed.add(link.name)
            yield replace(check, step=f"{link.name}: {check.step}")
    return frozenset(failed)


def _checks(link: Link) -> Iterator[Check]:
    if isinstance(link.provider, SupportsCheck):
        return report_exceptions("checks", check_with(link, link.provider))
    return iter([Check("checks", "ok", "the provider defines no checks (it has no `check`)")])
