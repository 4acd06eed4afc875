"""The two ways in which a throttled login ends."""

from werkzeug.exceptions import TooManyRequests

from config.http_error import HttpError

THROTTLED = "throttled"
"""The denial reason of a right password, while the failures of its account are at the limit."""


class Throttled(HttpError, TooManyRequests):
    """Too many failed logins with this name, or too many logins from this address. No provider has been asked."""

    error_code = "too_many_logins"
    message = "Too many logins. Try again later"
    oauth_code = "temporarily_unavailable"
    retry_after: int

    def __init__(self, retry_after: int) -> None:
        """`retry_after` is in seconds."""
        super().__init__(f"throttled for {retry_after} seconds")
        self.retry_after = retry_after
