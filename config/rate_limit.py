"""The notation of rate limits, such as `10/15 minutes`, which is that of the library `limits`."""

import re
from typing import Annotated

from pydantic import AfterValidator

MAX_COUNT = 1_000_000
MAX_WINDOW_SECONDS = 30 * 24 * 3600

_MALFORMED = "is not a number and a period, such as 10/15 minutes"


def validate_rate_limit(text: str) -> str:
    """Return the text if it is one limit. Raises ValueError if it is malformed, 0, or longer than 30 days."""
    from limits import parse_many  # it takes longer than other sections need

    try:
        limits = parse_many(text)
    except ValueError:
        raise ValueError(_MALFORMED) from None
    if len(limits) != 1:
        raise ValueError("has more than one limit")
    (limit,) = limits
    if 0 in map(int, re.findall("[0-9]+", text)):
        raise ValueError("has the number 0")  # the library reads a period of 0 minutes as one minute
    if limit.amount > MAX_COUNT:
        raise ValueError(f"has a number above {MAX_COUNT}")
    if limit.get_expiry() > MAX_WINDOW_SECONDS:
        raise ValueError("has a period that is longer than 30 days")
    return text


RateLimit = Annotated[str, AfterValidator(validate_rate_limit)]
"""A setting that is a number of events and the period in which they may happen."""
