"""A sample hash, and what the service finds in it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Sample:
    """A hash of PASSWORD, and the expected result of `identify`."""

    maker: str
    stored: str
    scheme: str
    parameters: str = ""
    weak: bool = True
