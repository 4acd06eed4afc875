"""What the providers say of themselves."""

from collections.abc import Iterator
from dataclasses import replace

from providers.interface import Check, SupportsCheck
from services.chain import Chain, Link
from services.diagnosis.checks.errors import caught


def check_providers(chain: Chain, broken: set[str]) -> Iterator[Check]:
    """Yield what every provider of the chain finds, and put the names of those into `broken` that do not work."""
    for link in chain.links:
        for check in _checks(link):
            if check.outcome == "failure":
                broken.add(link.name)
            yield replace(check, step=f"{link.name}: {check.step}")


def _checks(link: Link) -> Iterator[Check]:
    if isinstance(link.provider, SupportsCheck):
        return caught("checks", link.provider.check())
    return iter([Check("checks", "ok", "it has no checks of its own (no `check`)")])
