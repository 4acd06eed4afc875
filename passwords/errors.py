"""Errors of the passwords layer that other layers handle."""

from config.http_error import Unavailable


class Overloaded(Unavailable):
    """The hash pool has no free place for another login. The credentials were not verified."""

    error_code = "overloaded"
    message = "Too many concurrent requests"
    retry_after = 1


class UnusableHash(ValueError):
    """No password can match this hash.

    The text is the predicate of a sentence about the hash, such as "has no salt". It never quotes the hash.
    """
