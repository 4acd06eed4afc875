"""Rate limits, and their notation, such as `10/15 minutes`."""

import re
from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator

MAX_COUNT = 1_000_000
MAX_WINDOW_SECONDS = 30 * 24 * 3600

_UNIT_SECONDS = {
    "second": 1,
    "minute": 60,
    "hour": 3600,
    "day": 24 * 3600,
    "month": 30 * 24 * 3600,
    "year": 360 * 24 * 3600,
}
_NOTATION = re.compile(
    rf"([0-9]{{1,20}})\s*(?:/|per\b)\s*([0-9]{{1,20}})?\s*({'|'.join(_UNIT_SECONDS)})s?", re.ASCII | re.IGNORECASE
)
_SEPARATORS = re.compile("[,;|]")


@dataclass(frozen=True)
class RateLimit:
    """How many events may happen in a period, which is a number of units."""

    count: int
    units: int
    unit: str
    """`second`, `minute`, `hour`, `day`, `month` or `year`."""

    @property
    def seconds(self) -> int:
        """The period."""
        return self.units * _UNIT_SECONDS[self.unit]


def parse_rate_limit(text: str) -> RateLimit:
    """Return the limit. Raises ValueError if the text is not one limit, or it has a number that is 0 or too large.

    The message is the predicate of a sentence about the text, such as "has the number 0".
    """
    if _SEPARATORS.search(text):
        raise ValueError("has more than one limit")
    match = _NOTATION.fullmatch(text.strip())
    if not match:
        raise ValueError("is not a number and a period, such as 10/15 minutes")
    limit = RateLimit(int(match[1]), int(match[2] or 1), match[3].lower())
    if not limit.count or not limit.units:
        raise ValueError("has the number 0")
    if limit.count > MAX_COUNT:
        raise ValueError(f"has a number above {MAX_COUNT}")
    if limit.seconds > MAX_WINDOW_SECONDS:
        raise ValueError("has a period that is longer than 30 days")
    return limit


def _validate(text: str) -> str:
    parse_rate_limit(text)
    return text


RateLimitText = Annotated[str, AfterValidator(_validate)]
"""A setting that is a rate limit."""
