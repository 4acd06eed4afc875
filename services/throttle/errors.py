"""The two ways in which a throttled login ends."""

THROTTLED = "throttled"
"""The denial reason of a right password, while the failures of its account are at the limit."""


class Throttled(Exception):
    """Too many failed logins with this name, or too many logins from this address. No provider has been asked."""

    def __init__(self, retry_after: int) -> None:
        """`retry_after` is in seconds."""
        super().__init__(f"throttled for {retry_after} seconds")
        self.retry_after = retry_after
